"""Error entries that requests of one second and one address share, because nothing else bounds their number.

The first is written in full. Those that follow within a second are counted, and one entry has their number and the ids
of the first few; each has its access entry, with the code. Where records go to handlers of others, each gets its own.
"""

import threading
import time
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

EVERY: Final = 1.0
"""Seconds that share an entry."""
MOST: Final = 1024
"""Addresses that are remembered; beyond that, the oldest second ends early."""
IDS: Final = 5
"""Request ids that an entry has."""


@dataclass(slots=True)
class SharedEntry:
    """The requests of a second, after the first."""

    began: float
    first_id: str | None
    fields: dict[str, object]
    """What is the same of all."""
    count: int = 0
    ids: list[str | None] = field(default_factory=list)

    def logged(self) -> dict[str, object]:
        """Return the fields of the entry, which has the id of the first request."""
        own = {"request_id": self.first_id, "trace_id": None, "count": self.count, "request_ids": self.ids}
        return {**self.fields, **own}


class SharedEntries:
    """Decides who shares an entry, and has it written when the second is over."""

    def __init__(
        self, write: Callable[[SharedEntry], None], *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Take what writes an entry, and the clock in seconds."""
        self._write, self._monotonic = write, monotonic
        self._open: dict[Hashable, SharedEntry] = {}
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def is_first(self, key: Hashable, request_id: str | None, fields: dict[str, object]) -> bool:
        """Return whether a request has an entry of its own; otherwise it is counted.

        Args:
            key: what the requests have in common, the client's address among it.
            request_id: that of the request.
            fields: what the shared entry says, if there will be one.
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
        """Write the entries of seconds that are not over either: the process ends."""
        with self._lock:
            over = [*self._open.values()]
            self._open.clear()
        self._write_counted(over)

    def _expired(self, now: float) -> list[SharedEntry]:
        """Take away what is over; the oldest come first."""
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
            with suppress(RuntimeError):  # the process can't have another thread: the next request tries again
                timer.start()
                self._timer = timer

    def _write_counted(self, over: list[SharedEntry]) -> None:
        for each in over:
            if each.count:
                self._write(each)
