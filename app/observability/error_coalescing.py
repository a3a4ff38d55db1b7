"""Error entries shared by requests of one second and one address, because nothing else limits their number.

The first error is logged in full. Further errors within a second are counted. One entry has their number and the first
request IDs; each request also has its access entry, with the code. With third-party handlers, each error has an entry.
"""

import threading
import time
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

EVERY: Final = 1.0
"""The time, in seconds, that shares an entry."""
MOST: Final = 1024
"""The maximum number of remembered addresses; beyond that, the oldest period ends early."""
IDS: Final = 5
"""The maximum number of request IDs in an entry."""


@dataclass(slots=True)
class SharedEntry:
    """The requests of one second, after the first."""

    began: float
    first_id: str | None
    fields: dict[str, object]
    """The common fields."""
    count: int = 0
    ids: list[str | None] = field(default_factory=list)

    def logged(self) -> dict[str, object]:
        """Return the fields of the entry, which has the ID of the first request."""
        own = {"request_id": self.first_id, "trace_id": None, "count": self.count, "request_ids": self.ids}
        return {**self.fields, **own}


class SharedEntries:
    """Decides which errors share an entry, and writes it when the second is over."""

    def __init__(
        self, write: Callable[[SharedEntry], None], *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Take the function that writes an entry, and the clock in seconds."""
        self._write, self._monotonic = write, monotonic
        self._open: dict[Hashable, SharedEntry] = {}
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def is_first(self, key: Hashable, request_id: str | None, fields: dict[str, object]) -> bool:
        """Return true if a request has its own entry; otherwise count it.

        Args:
            key: the common properties of the requests, including the client's address.
            request_id: the ID of the request.
            fields: the fields of the shared entry, if one is written.
        """
        with self._lock:
            now = self._monotonic()
            over = self._expired(now)
            shared = self._open.get(key)
            if shared is None:
                self._open[key] = SharedEntry(now, request_id, fields)
            else:
                shared.count += 1
                if len(shared.ids) < IDS:
                    shared.ids.append(request_id)
                self._schedule_flush()
        self._write_counted(over)
        return shared is None

    def flush(self) -> None:
        """Write the entries of all seconds that are over."""
        with self._lock:
            self._timer = None
            over = self._expired(self._monotonic())
            if any(each.count for each in self._open.values()):
                self._schedule_flush()
        self._write_counted(over)

    def end(self) -> None:
        """Write all remaining entries when the process ends."""
        with self._lock:
            over = [*self._open.values()]
            self._open.clear()
        self._write_counted(over)

    def _expired(self, now: float) -> list[SharedEntry]:
        """Remove and return the entries that are over; the oldest come first."""
        over: list[SharedEntry] = []
        while self._open:
            key, oldest = next(iter(self._open.items()))
            if now - oldest.began < EVERY and len(self._open) <= MOST:
                break
            over.append(self._open.pop(key))
        return over

    def _schedule_flush(self) -> None:
        if self._timer is None:
            timer = threading.Timer(EVERY, self.flush)
            timer.daemon = True
            with suppress(RuntimeError):  # the process can't start a thread: the next request tries again
                timer.start()
                self._timer = timer

    def _write_counted(self, over: list[SharedEntry]) -> None:
        for each in over:
            if each.count:
                self._write(each)
