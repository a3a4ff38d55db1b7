"""A waiting line with controlled delay: short bursts wait, a standing queue is refused (B. Maurer, "Fail at Scale",
ACM Queue 13(8), 2015, after K. Nichols and V. Jacobson, "Controlling Queue Delay", ACM Queue 10(5), 2012).

A queue that empties now and then absorbs bursts, and whoever stands in it may wait long. One that never empties only
makes everybody late: then patience is short, and those beyond it are told so while they may still be listening.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final, Generic, TypeVar

T = TypeVar("T")

INTERVAL: Final = 1.0
"""Seconds for which a line may stand, and what stands in it may wait."""
TARGET: Final = 0.04
"""Seconds that anybody waits at most once it has stood for longer."""
SMOOTHING: Final = 0.1
"""The weight of the newest departure in what is known of their pace."""


class AdmissionQueue(Generic[T]):
    """First come, first served, and in time or not at all. For one thread."""

    def __init__(
        self, *, interval: float = INTERVAL, target: float = TARGET, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Make an empty line.

        Args:
            interval: patience, in seconds, while the line has been empty within so many.
            target: patience, in seconds, otherwise.
            clock: monotonic seconds.

        Raises:
            ValueError: patience is not positive, or does not shrink.
        """
        if not 0 < target <= interval:
            raise ValueError("the target is positive and no longer than the interval")
        self._interval, self._target, self._clock = interval, target, clock
        self._waiting: deque[tuple[float, T]] = deque()
        self._empty_at = self._left_at = clock()
        self._service_time = 0.0

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        """Tell whether who joined now would be late, as far as the pace of the line tells."""
        return len(self._waiting) * self._service_time > self._max_wait(self._clock())

    def put(self, item: T) -> None:
        """Stand at the end."""
        now = self._clock()
        if not self._waiting:
            self._empty_at = self._left_at = now
        self._waiting.append((now, item))

    def get(self) -> T:
        """Return the first, who is served. Raises: IndexError: nobody waits."""
        _, item = self._waiting.popleft()
        now = self._clock()
        self._service_time += (now - self._left_at - self._service_time) * SMOOTHING
        self._left_at = now
        if not self._waiting:
            self._empty_at = now
        return item

    def pop_expired(self) -> Iterator[tuple[T, float]]:
        """Yield, and let go, those who have waited too long to be served, with the seconds that they have."""
        while self._waiting and self.seconds_to_expiry() <= 0:
            joined_at, item = self._waiting.popleft()
            yield item, self._clock() - joined_at

    def seconds_to_expiry(self) -> float:
        """Return the seconds until the first will have waited too long; infinite when nobody waits."""
        if not self._waiting:
            return float("inf")
        now = self._clock()
        return self._waiting[0][0] + self._max_wait(now) - now

    def _max_wait(self, now: float) -> float:
        return self._interval if now - self._empty_at < self._interval else self._target
