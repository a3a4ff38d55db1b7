"""Ports for servers that a program starts on 127.0.0.1."""

import itertools
import secrets
import socket
from typing import Final

FIRST: Final = 20_000
COUNT: Final = 12_761
"""Up to 32760: systems take the ports of outgoing connections from above, Linux from 32768 and macOS from 49152."""
STRIDE: Final = 5
"""The distance of two ports. An instance can use the ports after its own, and reads metrics there."""
_NUMBERS: Final = itertools.count(secrets.randbelow(COUNT))
"""Each process begins elsewhere: two that start servers at the same time get different ports."""


def free_port(*, followed_by: int = 0) -> int:
    """Return a port without a listener, which no outgoing connection takes while its server restarts.

    The next `followed_by` ports, at most 4, have no listener either.

    Raises:
        OSError: No port is free.
    """
    for number in itertools.islice(_NUMBERS, COUNT):
        port = FIRST + number * STRIDE % COUNT
        if all(map(is_free, range(port, port + followed_by + 1))):
            return port
    raise OSError("no free port on 127.0.0.1")


def is_free(port: int) -> bool:
    """Return True if a server could listen on this port of 127.0.0.1."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
