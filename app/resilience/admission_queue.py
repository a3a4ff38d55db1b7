"""A queue with controlled delay: short bursts wait, a standing queue is rejected (B. Maurer, "Fail at Scale",
ACM Queue 13(8), 2015, after K. Nichols and V. Jacobson, "Controlling Queue Delay", ACM Queue 10(5), 2012).

A queue that empties from time to time absorbs bursts, and its items may wait long. A queue that never empties only adds
delay to every item. Then the maximum wait is short, and items beyond it are rejected while their clients still wait.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final, Generic, TypeVar

T = TypeVar("T")

INTERVAL: Final = 1.0
"""Seconds without an empty queue after which the maximum wait shrinks; until then, the maximum wait itself."""
TARGET: Final = 0.04
"""The maximum wait, in seconds, of a queue that has not been empty for an interval."""
SMOOTHING: Final = 0.1
"""The weight of the newest departure in the average service time."""


class AdmissionQueue(Generic[T]):
    """A FIFO queue whose items expire. Not thread-safe."""

    def __init__(
        self, *, interval: float = INTERVAL, target: float = TARGET, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Create an empty queue.

        Args:
            interval: the maximum wait, in seconds, while the queue has been empty within the last ``interval`` seconds.
            target: the maximum wait, in seconds, otherwise.
            clock: monotonic seconds.

        Raises:
            ValueError: ``target`` is not positive, or longer than ``interval``.
        """
        if not 0 < target <= interval:
            raise ValueError("the target is positive and no longer than the interval")
        self._interval, self._target, self._clock = interval, target, clock
        self._waiting: deque[tuple[float, T]] = deque()
        self._empty_at = self._left_at = clock()
        self._service_time = 0.0

    def __len__(self) -> int:
        """Return the number of waiting items."""
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        """True if a new item would probably expire before its turn, at the current service time."""
        return len(self._waiting) * self._service_time > self._max_wait(self._clock())

    def put(self, item: T) -> None:
        """Append an item."""
        now = self._clock()
        if not self._waiting:
            self._empty_at = self._left_at = now
        self._waiting.append((now, item))

    def get(self) -> T:
        """Remove and return the first item. Raises: IndexError: the queue is empty."""
        _, item = self._waiting.popleft()
        now = self._clock()
        self._service_time += (now - self._left_at - self._service_time) * SMOOTHING
        self._left_at = now
        if not self._waiting:
            self._empty_at = now
        return item

    def pop_expired(self) -> Iterator[tuple[T, float]]:
        """Remove the expired items; yield each with the seconds that it has waited."""
        while self._waiting and self.seconds_to_expiry() <= 0:
            joined_at, item = self._waiting.popleft()
            yield item, self._clock() - joined_at

    def seconds_to_expiry(self) -> float:
        """Return the seconds until the first item expires; infinite if the queue is empty."""
        if not self._waiting:
            return float("inf")
        now = self._clock()
        return self._waiting[0][0] + self._max_wait(now) - now

    def _max_wait(self, now: float) -> float:
        return self._interval if now - self._empty_at < self._interval else self._target
