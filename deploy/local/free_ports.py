"""Ports for servers that a program starts on 127.0.0.1."""

import itertools
import secrets
import socket
from typing import Final

FIRST: Final = 20_000
COUNT: Final = 12_768
"""Up to 32767: systems take the ports of outgoing connections from above, Linux from 32768 and macOS from 49152."""
_NUMBERS: Final = itertools.count(secrets.randbelow(COUNT))
"""Each process begins elsewhere: two that start servers at the same time get different ports."""


def free_port(*, followed_by: int = 0) -> int:
    """Return a port without a listener, which no outgoing connection takes while its server restarts.

    The next `followed_by` ports have no listener either.

    Raises:
        OSError: No port is free.
    """
    for number in itertools.islice(_NUMBERS, COUNT):
        ports = range(FIRST + number % COUNT, FIRST + number % COUNT + followed_by + 1)
        if all(map(is_free, ports)):
            next(itertools.islice(_NUMBERS, followed_by, followed_by), None)
            return ports[0]
    raise OSError("no free port on 127.0.0.1")


def is_free(port: int) -> bool:
    """Return True if a server could listen on this port of 127.0.0.1."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
