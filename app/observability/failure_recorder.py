"""The recorder of failed requests, which `flask explain` and the API read by request ID.

It receives the fields of the log entries, and nothing else. A request only adds its entry to a queue in memory. One
thread of the process stores entries in batches, and keeps the newest while the database is unavailable.
"""

import math
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from app import errs, product, request_context
from app.errs import Fault
from app.observability import logs, metrics

MAX_ENTRIES: Final = 1000
"""The maximum number of entries in memory; beyond that the oldest is dropped."""
BATCH: Final = 200
GATHER: Final = 0.2
"""Seconds that the first entry of a batch waits for others."""
PER_SECOND: Final = 10
"""Sampled entries per second."""
TIDY: Final = 3600.0
"""Seconds after which expired entries are deleted even if nothing has failed."""
SERVER_ERROR, CLIENT_ERROR = 500, 400
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0
CLIENT: Final = "client"
LONGEST_TEXT, LONGEST_LIST = 2000, 100

_LOG: Final = product.logger("failures")


@dataclass(frozen=True, slots=True)
class FailureEntry:
    """One failed request: the merged fields of its error entry and its access entry."""

    request_id: str
    at: datetime
    trace_id: str | None
    fields: Mapping[str, Any] = field(default_factory=dict)


def joined(error: Mapping[str, object], access: Mapping[str, object]) -> dict[str, object]:
    """Merge the fields of both entries; the access entry takes precedence. The client's address is left out."""
    both = {**error, **_present(access)}
    return {name: value for name, value in both.items() if value is not None and name != CLIENT}


def _present(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}


def plain(value: object) -> Any:
    """Return a value as JSON that PostgreSQL and every client can read, with long texts cut."""
    match value:
        case None | bool():
            return value
        case int():
            return value if abs(value) < 2**53 else str(value)
        case float():
            return value if math.isfinite(value) else str(value)
        case str():
            return value[:LONGEST_TEXT].replace("\x00", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
        case Mapping():
            return {plain(str(name)): plain(each) for name, each in list(value.items())[:LONGEST_LIST]}
        case list() | tuple():
            return [plain(each) for each in value[:LONGEST_LIST]]
    return plain(str(value))


class FailureRecorder:
    """Records failed requests: each 5xx, a sample of requests rejected by overload, and a sample of 4xx.

    A 5xx that the client caused, such as a shortened budget, counts as a 4xx. Simulated errors are not recorded.

    Args:
        write: stores entries, or raises an ``errs.Error``; an empty batch only deletes expired entries.
        sample: the share of recorded 4xx, between 0 and 1; never more than ``PER_SECOND``.
        chance: draws from [0, 1).
        monotonic: the clock, in seconds.
    """

    def __init__(
        self,
        write: Callable[[Sequence[FailureEntry]], None],
        *,
        sample: float,
        chance: Callable[[], float] = random.random,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write, self._sample, self._chance, self._monotonic = write, sample, chance, monotonic
        self._last_error: ContextVar[tuple[str | None, logs.Fields] | None] = ContextVar("last_error", default=None)
        self._lock = threading.Lock()
        self._entries: deque[FailureEntry] = deque()
        self._second, self._sampled = 0.0, 0
        self._has_entries, self._ends = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="failure-recorder", daemon=True)
        self._is_unavailable = False
        self.dropped = 0
        """Entries that did not fit in memory, or could not be stored."""

    def start(self) -> None:
        """Watch the log and start storing; call this in the serving process, after the fork."""
        logs.WATCHERS.append(self)
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Store the remaining entries within this number of seconds."""
        logs.WATCHERS.remove(self)
        self._ends.set()
        self._has_entries.set()
        self._thread.join(seconds)
        if left := len(self._entries):
            self._count_dropped(left)
            _LOG.info("%d failed requests were not stored before shutdown; the log contains them", left)

    def error(self, fields: logs.Fields) -> None:
        """Keep the error entry until the access entry of its request follows."""
        self._last_error.set((request_context.request_id.get(), fields))

    def access(self, fields: Mapping[str, object]) -> None:
        """Record the request, if it failed and is in the sample."""
        status, request_id = fields["status"], request_context.request_id.get()
        if not isinstance(status, int) or status < CLIENT_ERROR or request_id is None:
            return
        last_error = self._last_error.get()
        self._last_error.set(None)
        if fields.get("simulated"):
            return
        error = last_error[1] if last_error is not None and last_error[0] == request_id else dict
        is_clients = status < SERVER_ERROR or error().get("fault") == Fault.CLIENT.value
        if (error is not dict and not is_clients) or self._is_sampled(self._sample if is_clients else 1.0):
            self._add(
                FailureEntry(request_id, datetime.now(UTC), request_context.trace_id.get(), joined(error(), fields))
            )

    def _is_sampled(self, share: float) -> bool:
        if self._chance() >= share:
            return False
        with self._lock:
            now = self._monotonic()
            if now - self._second >= 1:
                self._second, self._sampled = now, 0
            self._sampled += 1
            return self._sampled <= PER_SECOND

    def _add(self, entry: FailureEntry) -> None:
        with self._lock:
            if len(self._entries) >= MAX_ENTRIES:
                self._entries.popleft()
                self._count_dropped(1)
            self._entries.append(entry)
        self._has_entries.set()

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while True:
            self._has_entries.wait(TIDY)
            self._ends.wait(GATHER)
            batch = self._next()
            if self._ends.is_set() and not batch:
                return  # expired entries can wait for the next process, and the database may already be gone
            is_written = self._is_written(batch)
            if self._ends.is_set() and not (is_written and self._entries):
                return
            if is_written:
                pause = FIRST_PAUSE
            else:
                self._ends.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    def _next(self) -> list[FailureEntry]:
        with self._lock:
            batch = [self._entries.popleft() for _ in range(min(BATCH, len(self._entries)))]
            if not self._entries and not self._ends.is_set():
                self._has_entries.clear()
        return batch

    def _is_written(self, batch: list[FailureEntry]) -> bool:
        """Store a batch, or queue it again; drop a batch that itself causes the failure."""
        try:
            self._write([replace(entry, fields=plain(entry.fields)) for entry in batch])
        except errs.Error as error:
            if error.kind.fault is not Fault.CLIENT:
                self._requeue(batch)
                self._log_availability(is_unavailable=True, cause=error)
                return False
            self._drop(batch, error)
        except Exception as error:
            self._drop(batch, error)
        self._log_availability(is_unavailable=False)
        return True

    def _requeue(self, batch: list[FailureEntry]) -> None:
        """Put a batch back to the front; the newest entries stay."""
        with self._lock:
            room = MAX_ENTRIES - len(self._entries)
            self._count_dropped(max(0, len(batch) - room))
            self._entries.extendleft(reversed(batch[-room:] if room > 0 else []))
            self._has_entries.set()

    def _drop(self, batch: list[FailureEntry], cause: Exception) -> None:
        self._count_dropped(len(batch))
        _LOG.error("%d failed requests could not be stored", len(batch), extra={"fields": logs.cause_chain(cause)})

    def _count_dropped(self, count: int) -> None:
        self.dropped += count
        metrics.UNRECORDED.inc(count)

    def _log_availability(self, *, is_unavailable: bool, cause: Exception | None = None) -> None:
        """Log one entry when storing starts to fail, and one when it works again."""
        if is_unavailable and not self._is_unavailable and not self._ends.is_set():
            fields = logs.cause_chain(cause, stack=False) if cause else {}
            _LOG.warning("failed requests are queued in memory: the database is unavailable", extra={"fields": fields})
        elif self._is_unavailable and not is_unavailable:
            _LOG.info("failed requests are stored again", extra={"fields": {"dropped": self.dropped}})
        self._is_unavailable = is_unavailable
