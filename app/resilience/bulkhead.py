"""Work slots: how many requests of this process may be at work on its dependencies at once (C23a).

Not a rate limit: it bounds work in flight, whoever sent it. What finds no slot is refused within moments, so that the
threads of the server stay free for what needs none: health, refusals, the catalogue.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import ClassVar, Final

from app.errs.platform import ServiceUnavailable
from app.observability import metrics, request_timing
from app.resilience import deadline

POLL_SECONDS: Final = 0.02
POLLS_UNTIL_STUCK: Final = 10
"""How often a request that waits looks whether anybody has come or gone meanwhile, and for how many looks in vain.

Where slots are stuck, waiting is of no use. Counted in looks, so that a machine that pauses is not taken for that.
"""
MAX_WAIT_SECONDS: Final = 1.0
"""Seconds that it waits at most, however many go in before it."""


class Bulkhead:
    """So many places to work in (``with``), and a bounded queue before them: first come, first served."""

    name: ClassVar[str] = "work_slots"
    """What they are called in metrics."""
    detail: ClassVar[str] = "every work slot is taken"
    """Why a request is refused."""
    may_be_stuck: ClassVar[bool] = True
    """Whether work can stand still, so that waiting for its end is of no use."""

    def __init__(self, size: int, *, queue: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Make the places.

        Args:
            size: how many there are.
            queue: how many may wait for one while others come and go; where slots are stuck, no more than ``size``.
            clock: monotonic seconds.

        Raises:
            ValueError: there is no place, or a negative queue.
        """
        if size < 1 or queue < 0:
            raise ValueError("there is at least one slot, and a queue is not negative")
        self._lock = threading.Lock()
        self._free = size
        self._max_waiting = queue
        self._waiting: deque[threading.Lock] = deque()
        self._clock = clock
        self._moves = 0
        self._is_stuck = False
        self.size: Final = size

    @property
    def in_use(self) -> int:
        """Return how many are at work."""
        return self.size - self._free

    @property
    def waiting(self) -> int:
        """Return how many wait for one."""
        return len(self._waiting)

    def __enter__(self) -> None:
        """Work in a slot.

        Raises:
            ServiceUnavailable: none became free soon enough, or too many wait already.
            DeadlineExceeded: the request's budget ended first.
        """
        self._acquire()
        metrics.SLOTS_IN_USE.inc()

    def __exit__(self, *_: object) -> None:
        metrics.SLOTS_IN_USE.dec()
        self._release()

    def _acquire(self) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                self._move()
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
        """Return once it is our turn; whoever leaves hands over the slot itself."""
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

    def _move(self) -> None:
        """Note, under the lock, that somebody came or went."""
        self._moves += 1
        self._is_stuck = False

    def _release(self) -> None:
        with self._lock:
            self._move()
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._free += 1

    def _full(self) -> ServiceUnavailable:
        metrics.LOAD_SHED.labels(self.name).inc()
        return ServiceUnavailable(detail=self.detail, retry_after=1)
