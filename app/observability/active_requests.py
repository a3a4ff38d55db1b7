"""Which request each thread works on, for whoever looks inside while it lasts."""

import threading
import time
from typing import Final, NamedTuple

MAX_PATH_LENGTH: Final = 200
"""Characters of a path that are kept."""


class ActiveRequest(NamedTuple):
    """A request in hand, and since when, in monotonic seconds."""

    request_id: str | None
    method: str
    path: str
    since: float

    def described(self) -> dict[str, object]:
        """Return what may be told of it."""
        age = round(time.monotonic() - self.since, 3)
        return {"request_id": self.request_id, "method": self.method, "path": self.path, "seconds": age}


_active: Final[dict[int, ActiveRequest]] = {}


def begin(request_id: str | None, method: str, path: str) -> None:
    """Note what this thread works on from now on."""
    _active[threading.get_ident()] = ActiveRequest(request_id, method, path[:MAX_PATH_LENGTH], time.monotonic())


def current() -> ActiveRequest | None:
    """Return what this thread works on."""
    return _active.get(threading.get_ident())


def end(before: ActiveRequest | None = None) -> None:
    """Note that this thread has done it, and what it works on again: a request may be made within another."""
    if before is None:
        _active.pop(threading.get_ident(), None)
    else:
        _active[threading.get_ident()] = before


def by_thread() -> dict[int, ActiveRequest]:
    """Return what each thread works on."""
    return _active.copy()
