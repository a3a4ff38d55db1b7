"""The active request of each thread, for inspection."""

import threading
import time
from typing import Final, NamedTuple

MAX_PATH_LENGTH: Final = 200
"""The maximum length of a stored path."""


class ActiveRequest(NamedTuple):
    """A request in flight and its start in monotonic seconds."""

    request_id: str | None
    method: str
    path: str
    since: float

    def described(self) -> dict[str, object]:
        """Return the fields that may be shown."""
        age = round(time.monotonic() - self.since, 3)
        return {"request_id": self.request_id, "method": self.method, "path": self.path, "seconds": age}


_active: Final[dict[int, ActiveRequest]] = {}


def begin(request_id: str | None, method: str, path: str) -> None:
    """Record the request that this thread works on."""
    fields = request_id, method, path[:MAX_PATH_LENGTH], time.monotonic()
    _active[threading.get_ident()] = tuple.__new__(ActiveRequest, fields)  # half as expensive as the class


def current() -> ActiveRequest | None:
    """Return the request that this thread works on."""
    return _active.get(threading.get_ident())


def end(before: ActiveRequest | None = None) -> None:
    """Record the end of this thread's request, and restore the outer one: a request may be made within another."""
    if before is None:
        _active.pop(threading.get_ident(), None)
    else:
        _active[threading.get_ident()] = before


def by_thread() -> dict[int, ActiveRequest]:
    """Return the request of each thread."""
    return _active.copy()
