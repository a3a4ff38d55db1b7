"""Which request each thread works on, for whoever looks inside while it lasts."""

import threading
import time
from typing import Final, NamedTuple

LONGEST: Final = 200
"""Characters of a path that are kept."""


class Work(NamedTuple):
    """A request in hand, and since when, in monotonic seconds."""

    request_id: str | None
    method: str
    path: str
    since: float

    def told(self) -> dict[str, object]:
        """Return what may be told of it."""
        age = round(time.monotonic() - self.since, 3)
        return {"request_id": self.request_id, "method": self.method, "path": self.path, "seconds": age}


_works: Final[dict[int, Work]] = {}


def begin(request_id: str | None, method: str, path: str) -> None:
    """Note what this thread works on from now on."""
    _works[threading.get_ident()] = Work(request_id, method, path[:LONGEST], time.monotonic())


def current() -> Work | None:
    """Return what this thread works on."""
    return _works.get(threading.get_ident())


def end(before: Work | None = None) -> None:
    """Note that this thread has done it, and what it works on again: a request may be made within another."""
    if before is None:
        _works.pop(threading.get_ident(), None)
    else:
        _works[threading.get_ident()] = before


def by_thread() -> dict[int, Work]:
    """Return what each thread works on."""
    return _works.copy()
