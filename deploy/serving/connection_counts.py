"""The number of connections of each worker, in memory that a fork shares: a worker sees if another one has fewer."""

import mmap
from typing import Final

MAX_WORKERS: Final = 128
"""Twice the maximum of WEB_CONCURRENCY: a reload starts new workers before the old ones end."""
_COUNTS: Final = memoryview(mmap.mmap(-1, 4 * MAX_WORKERS)).cast("I")
"""Anonymous memory. The master creates it with this import, before it starts the workers."""


def note(worker: int, connections: int) -> None:
    """Set the number of connections of a worker."""
    _COUNTS[worker % MAX_WORKERS] = connections


def is_above_least(worker: int, workers: int) -> bool:
    """Return True if another worker has fewer connections."""
    return _COUNTS[worker % MAX_WORKERS] > min(_COUNTS[: min(workers, MAX_WORKERS)])
