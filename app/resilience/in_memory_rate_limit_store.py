"""Counters in fixed windows, for rate limits, kept in this process.

A window opens with its first hit. A limit of n therefore lets at most 2n hits pass in any period as long as a window.
"""

import threading
import time
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

REDIS: Final = "redis"
"""The name of the circuit breaker of counters in Redis."""
MAX_WINDOWS: Final = 100_000
"""The maximum number of windows; beyond that the oldest is evicted, which makes limits slightly less strict."""
SWEEP_THRESHOLD: Final = 1024
"""The number of windows below which closed ones are not searched for."""


class Window(NamedTuple):
    """The hits so far, including this one, and the seconds until the window closes."""

    hits: int
    seconds_left: float


class RateLimitStore(Protocol):
    """Counts hits."""

    def increment(self, key: str, *, seconds: int, amount: int = 1) -> Window:
        """Count one or more hits in the window of this key. ``seconds`` is the length of the window."""
        ...

    def peek_local(self, key: str) -> Window:
        """Return the window as counted by this process, without counting; zero hits if it has closed."""
        ...

    def peek(self, key: str) -> Window:
        """Return the window as counted by all processes together, without counting."""
        ...

    def clear(self, key: str) -> None:
        """Set the hits of a window to zero."""
        ...

    def reset(self, prefix: str) -> int:
        """Set the hits of all windows whose key has this prefix to zero. Return their number."""
        ...


class InMemoryRateLimitStore:
    """Counts hits in memory; thread-safe."""

    def __init__(self, *, max_windows: int = MAX_WINDOWS, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._max_windows, self._monotonic = max_windows, monotonic
        self._lock = threading.Lock()
        self._windows: dict[str, tuple[int, float]] = {}
        self._sweep_at = SWEEP_THRESHOLD

    def increment(self, key: str, *, seconds: int, amount: int = 1) -> Window:
        """Count one or more hits."""
        now = self._monotonic()
        with self._lock:
            hits, ends = self._open(key, now) or (0, now + seconds)
            self._windows[key] = hits + amount, ends
        return tuple.__new__(Window, (hits + amount, ends - now))  # half as expensive as the class

    def peek_local(self, key: str) -> Window:
        """Return the window, without counting; zero hits if it has closed."""
        now = self._monotonic()
        hits, ends = self._windows.get(key, (0, now))
        return Window(hits, ends - now) if ends > now else Window(0, 0.0)

    peek = peek_local

    def clear(self, key: str) -> None:
        """Set the hits of a window to zero."""
        with self._lock:
            self._windows.pop(key, None)

    def reset(self, prefix: str) -> int:
        """Set the hits of all windows whose key has this prefix to zero. Return their number."""
        with self._lock:
            found = [key for key in self._windows if key.startswith(prefix)]
            for key in found:
                del self._windows[key]
        return len(found)

    def merge(self, key: str, other: Window, *, at: float) -> None:
        """Raise the hits to those of another store, as of this moment, if that one has counted more."""
        with self._lock:
            hits, _ = self._open(key, at) or (0, at)
            if hits < other.hits:
                self._windows[key] = other.hits, at + other.seconds_left

    def _open(self, key: str, now: float) -> tuple[int, float] | None:
        """Return the hits of the window and its end. If it has closed, return ``None`` and make space for a new one."""
        window = self._windows.get(key)
        if window is None:
            self._evict(now)
        return None if window is None or window[1] <= now else window

    def _evict(self, now: float) -> None:
        """Remove closed windows each time that the number of windows has doubled, and enforce the maximum number."""
        if len(self._windows) >= self._sweep_at:
            self._windows = {key: window for key, window in self._windows.items() if window[1] > now}
            self._sweep_at = max(SWEEP_THRESHOLD, 2 * len(self._windows))
        while len(self._windows) >= self._max_windows:
            del self._windows[next(iter(self._windows))]
