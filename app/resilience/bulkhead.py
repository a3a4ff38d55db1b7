"""Work slots: the limit of concurrent requests that use dependencies, per process (C23a).

It is not a rate limit: it bounds requests in flight, from any client. A request that gets no slot is rejected within
a second. The threads therefore stay free for requests without a slot: health checks, rejections, the catalogue.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import ClassVar, Final

from app.errs.platform import ServiceUnavailable
from app.observability import metrics, request_timing
from app.resilience import blocking, deadline

POLL_SECONDS: Final = 0.02
POLLS_UNTIL_STUCK: Final = 10
"""How often a waiting request polls, and after how many polls without progress the slots count as stuck.

Waiting for stuck slots is useless. Polls are counted instead of time because a paused machine must not look stuck.
"""
MAX_WAIT_SECONDS: Final = 1.0
"""The maximum wait in seconds, even while other requests get slots."""


class Bulkhead:
    """A concurrency limit (``with``) with a bounded FIFO queue."""

    name: ClassVar[str] = "work_slots"
    """Its label in metrics."""
    detail: ClassVar[str] = "every work slot is taken"
    """The error detail of a rejected request."""
    may_be_stuck: ClassVar[bool] = True
    """True if work can stop making progress, in which case waiting is useless."""

    def __init__(self, size: int, *, queue: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Create the slots.

        Args:
            size: the number of slots.
            queue: how many requests may wait while others finish; at most ``size`` while the slots are stuck.
            clock: monotonic seconds.

        Raises:
            ValueError: ``size`` is not positive, or ``queue`` is negative.
        """
        if size < 1 or queue < 0:
            raise ValueError("there is at least one slot, and a queue is not negative")
        self._lock = threading.Lock()
        self._free = size
        self._max_waiting = queue
        self._waiting: deque[threading.Lock] = deque()
        self._clock = clock
        self._moves = 0  # requests that started or finished; changed with the lock
        self._is_stuck = False
        self.size: Final = size

    @property
    def in_use(self) -> int:
        """Return the number of used slots."""
        return self.size - self._free

    @property
    def waiting(self) -> int:
        """Return the number of waiting requests."""
        return len(self._waiting)

    def __enter__(self) -> None:
        """Take a slot.

        Raises:
            ServiceUnavailable: no slot became free in time, or too many requests already wait.
            DeadlineExceeded: the request's budget ended first.
        """
        blocking.on_begin()
        self._acquire()
        metrics.SLOTS_IN_USE.inc()

    def __exit__(self, *_: object) -> None:
        metrics.SLOTS_IN_USE.dec()
        self._release()

    def _acquire(self) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                self._moves, self._is_stuck = self._moves + 1, False
                return
            if len(self._waiting) >= (min(self.size, self._max_waiting) if self._is_stuck else self._max_waiting):
                raise self._full()
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
            moves = self._moves
        with request_timing.stage("work_slot"):
            self._wait(turn, moves)

    def _wait(self, turn: threading.Lock, moves: int) -> None:
        """Return once the request has a slot; a request that finishes passes its slot on."""
        limit = deadline.current.get()
        until = self._clock() + (MAX_WAIT_SECONDS if limit is None else min(MAX_WAIT_SECONDS, limit.remaining()))
        polls_left = POLLS_UNTIL_STUCK
        while not turn.acquire(timeout=max(0.0, min(POLL_SECONDS, until - self._clock()))):
            with self._lock:
                moves, polls_left = (
                    self._moves,
                    POLLS_UNTIL_STUCK if self._moves != moves or not self.may_be_stuck else polls_left - 1,
                )
                is_late = self._clock() >= until
                if turn not in self._waiting or (polls_left and not is_late):
                    continue
                self._waiting.remove(turn)
                self._is_stuck = not polls_left
            if limit is not None:
                limit.check("work_slot")
            raise self._full()

    def _release(self) -> None:
        with self._lock:
            self._moves, self._is_stuck = self._moves + 1, False
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._free += 1

    def _full(self) -> ServiceUnavailable:
        metrics.LOAD_SHED.labels(self.name).inc()
        return ServiceUnavailable(detail=self.detail, retry_after=1)
