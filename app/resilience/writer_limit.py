"""Writers: how many COMMITs are under way, which is half of the work slots at most, so that reads always find others.

A COMMIT that waits, as for a standby that is lost, can outlive its request. It counts until it has settled.
"""

import math
import os
import threading
import time
import weakref
from collections.abc import Callable
from typing import Final

from app.errs.platform import ServiceUnavailable
from app.observability import metrics

SHORTEST: Final = 0.1
"""Seconds that others wait at least for a COMMIT that settles; shorter than a request waits for a work slot."""
LONGEST: Final = 1.0
"""Seconds that they wait at most."""
USUAL: Final = 4
"""How many times the usual duration of a COMMIT they wait: a distant database or a slow disk is only slow."""


class WriterLimit:
    """Bounds the COMMITs of a process.

    Raises:
        ValueError: there is no place.
    """

    def __init__(self, limit: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        if limit < 1:
            raise ValueError("there is at least one writer")
        self.most: Final = limit
        self._clock = clock
        self._reset()
        reset = weakref.WeakMethod(self._reset)
        os.register_at_fork(after_in_child=lambda: (alive := reset()) and alive())

    def _reset(self) -> None:
        """Begin without any: those of the parent of a fork are the parent's."""
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._since: dict[object, float] = {}
        self._settled = -math.inf
        self._usual: float | None = None
        self._waiting = 0

    @property
    def unsettled(self) -> int:
        """Return the number of COMMITs under way."""
        return len(self._since)

    @property
    def max_wait(self) -> float:
        """Return the seconds without any COMMIT that settles after which others do not wait."""
        return min(max(USUAL * (self._usual or 0.0), SHORTEST), LONGEST)

    def check(self) -> None:
        """Reject a new write at once while all places are taken by COMMITs that wait.

        Raises:
            ServiceUnavailable: they are.
        """
        if len(self._since) >= self.most:
            with self._lock:
                if self._left() <= 0:
                    raise _full()

    def enter(self, writer: object, *, until: float = math.inf) -> None:
        """Take a place, and wait for one while others come and go, until then in monotonic seconds.

        Raises:
            ServiceUnavailable: all are taken by COMMITs that wait.
        """
        with self._lock:
            if len(self._since) >= self.most:
                self._wait(until)
            self._since[writer] = self._clock()

    def _wait(self, until: float) -> None:
        """Return once there is a place, under the lock."""
        self._waiting += 1
        try:
            while len(self._since) >= self.most:
                left = min(self._left(), until - self._clock())
                if left <= 0:
                    raise _full()
                self._changed.wait(left)
        finally:
            self._waiting -= 1

    def leave(self, writer: object) -> None:
        """Give the place back."""
        with self._lock:
            if (since := self._since.pop(writer, None)) is not None:
                self._settled = self._clock()
                took = min(self._settled - since, LONGEST)
                self._usual = took if self._usual is None else self._usual + (took - self._usual) / USUAL
            if self._waiting:
                self._changed.notify()

    def _left(self) -> float:
        """Return the seconds for which a COMMIT is still waited for."""
        if len(self._since) < self.most:
            return self.max_wait
        return max(self._settled, min(self._since.values())) + self.max_wait - self._clock()


def _full() -> ServiceUnavailable:
    metrics.LOAD_SHED.labels("writers").inc()
    return ServiceUnavailable(detail="every writer waits for its COMMIT", retry_after=1)
