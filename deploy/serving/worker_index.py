"""The index of a worker: the smallest that no living worker has, so there are as many indexes as workers at a time.

Resources that outlive a worker belong to its index and not to its process id: a successor continues with those of its
predecessor, however it ended. (The slots of `app/resilience/bulkhead.py` are something else.)
"""

from itertools import count
from typing import Any

_own: int | None = None


def give(server: Any, worker: Any) -> None:
    """Give a worker its index before the fork; in the master, which knows the living workers."""
    taken = {each.number for each in server.WORKERS.values()}
    worker.number = next(number for number in count() if number not in taken)


def set_own(worker: Any) -> None:
    """Store the index that this process was given, in the worker itself."""
    global _own  # noqa: PLW0603 -- a process has one
    _own = worker.number


def own() -> int | None:
    """Return the index of this worker; ``None`` in the master, and wherever there are no workers."""
    return _own
