"""File descriptors: the highest limit that the system allows, and the number of connections that it suffices for."""

import resource
from typing import Final

CONNECTIONS: Final = 1000
"""Connections of a worker at a time, if there are enough descriptors."""
RESERVED: Final = 64
"""For listeners, the log, the pool, Redis, other services, and the interpreter itself."""
PER_THREAD: Final = 2
"""A thread that waits for the rest of a request has a selector, and may be connecting."""


def claim() -> int:
    """Raise the soft limit of this process and its children to the hard limit, and return it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return CONNECTIONS + RESERVED if hard == resource.RLIM_INFINITY else hard


def connections(descriptors: int, *, threads: int) -> int:
    """Return the number of connections that a worker may have: accepting one without a descriptor would end it.

    Raises:
        ValueError: there are fewer than one for each thread.
    """
    left = descriptors - RESERVED - PER_THREAD * threads
    if left <= threads:
        needed = RESERVED + (PER_THREAD + 1) * threads + 1
        raise ValueError(f"{needed} open files are needed, and {descriptors} allowed: see `ulimit -n`, or LimitNOFILE.")
    return min(CONNECTIONS, left)
