"""File descriptors: as many as we may have, and no more connections than they suffice for."""

import resource
from typing import Final

CONNECTIONS: Final = 1000
"""Of a worker's at once, if there are descriptors for as many."""
RESERVED: Final = 64
"""For listeners, the log, the pool, Redis, other services, and what the interpreter opens for itself."""
PER_THREAD: Final = 2
"""A thread that waits for the rest of a request has a selector, and may be dialing."""


def claim() -> int:
    """Raise our limit to the highest we are allowed, for us and for all who come after us, and return it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return CONNECTIONS + RESERVED if hard == resource.RLIM_INFINITY else hard


def connections(descriptors: int, *, threads: int) -> int:
    """Return how many connections a worker may have: accepting one without a descriptor would end it.

    Raises:
        ValueError: there are not even enough for each thread to have one.
    """
    left = descriptors - RESERVED - PER_THREAD * threads
    if left <= threads:
        needed = RESERVED + (PER_THREAD + 1) * threads + 1
        raise ValueError(f"{needed} open files are needed, and {descriptors} allowed: see `ulimit -n`, or LimitNOFILE.")
    return min(CONNECTIONS, left)
