"""The number of a worker: the smallest that no living worker has, so that there are only as many as workers at once.

What belongs to a worker beyond its life goes by its number and not by its process id: a successor goes on where a
predecessor ended, however it ended. (The slots of `app/resilience/bulkhead.py` are something else.)
"""

from itertools import count
from typing import Any

_own: int | None = None


def give(server: Any, worker: Any) -> None:
    """Give a worker that is about to be forked its number; in the master, which knows who lives."""
    taken = {each.number for each in server.WORKERS.values()}
    worker.number = next(number for number in count() if number not in taken)


def set_own(worker: Any) -> None:
    """Remember, in the worker's own process, which number it was given."""
    global _own  # noqa: PLW0603 -- a process has one
    _own = worker.number


def own() -> int | None:
    """Return the number of this worker; ``None`` in the master, and wherever there are no workers."""
    return _own
