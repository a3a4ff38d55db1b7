"""The shutdown flag of this instance: one byte of memory that gunicorn's master shares with all its workers.

The master sets it in its signal handler. Readiness therefore fails immediately in every worker, without communication.
"""

import mmap
from typing import Final

_shared: Final = mmap.mmap(-1, 1)
"""Anonymous memory that a fork shares. The master creates it with this import, before it starts the workers."""


def begin() -> None:
    """Mark the instance as shutting down; this is final."""
    _shared[0] = 1


def has_begun() -> bool:
    """True if the instance is shutting down."""
    return _shared[0] == 1
