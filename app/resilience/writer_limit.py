"""A limit on concurrent COMMITs: at most half of the work slots; reads always find a slot.

A COMMIT that waits, for example for a lost standby, can outlive its request. It counts until it has finished.
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
"""The minimum wait, in seconds, for a COMMIT to finish; shorter than a request waits for a work slot."""
LONGEST: Final = 1.0
"""The maximum wait, in seconds."""
USUAL: Final = 4
"""The wait as a multiple of the usual duration of a COMMIT: a distant database or a slow disk is not a failure."""


class WriterLimit:
    """Bounds the COMMITs of a process.

    Raises:
        ValueError: the limit is not positive.
    """

    def __init__(self, limit: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        if limit < 1:
            raise ValueError("the limit is at least one writer")
        self.most: Final = limit
        self._clock = clock
        self._reset()
        reset = weakref.WeakMethod(self._reset)
        os.register_at_fork(after_in_child=lambda: (alive := reset()) and alive())

    def _reset(self) -> None:
        """Start empty: after a fork, the parent's COMMITs belong to the parent."""
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._since: dict[object, float] = {}
        self._settled = -math.inf
        self._usual: float | None = None
        self._waiting = 0

    @property
    def unsettled(self) -> int:
        """Return the number of COMMITs in flight."""
        return len(self._since)

    @property
    def max_wait(self) -> float:
        """Return the seconds without a finished COMMIT after which others stop waiting."""
        return min(max(USUAL * (self._usual or 0.0), SHORTEST), LONGEST)

    def check(self) -> None:
        """Reject a new write immediately if every place is taken by a COMMIT that waits.

        Raises:
            ServiceUnavailable: every place is taken by a COMMIT that waits.
        """
        if len(self._since) >= self.most:
            with self._lock:
                if self._left() <= 0:
                    raise _full()

    def enter(self, writer: object, *, until: float = math.inf) -> None:
        """Take a place. If none is free, wait until ``until``, in monotonic seconds, while other COMMITs finish.

        Raises:
            ServiceUnavailable: every place is taken by a COMMIT that waits.
        """
        with self._lock:
            if len(self._since) >= self.most:
                self._wait(until)
            self._since[writer] = self._clock()

    def _wait(self, until: float) -> None:
        """Return once a place is free; called under the lock."""
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
        """Release the place."""
        with self._lock:
            if (since := self._since.pop(writer, None)) is not None:
                self._settled = self._clock()
                took = min(self._settled - since, LONGEST)
                self._usual = took if self._usual is None else self._usual + (took - self._usual) / USUAL
            if self._waiting:
                self._changed.notify()

    def _left(self) -> float:
        """Return the remaining seconds to wait for a COMMIT."""
        if len(self._since) < self.most:
            return self.max_wait
        return max(self._settled, min(self._since.values())) + self.max_wait - self._clock()


def _full() -> ServiceUnavailable:
    metrics.LOAD_SHED.labels("writers").inc()
    return ServiceUnavailable(detail="every writer waits for its COMMIT", retry_after=1)
