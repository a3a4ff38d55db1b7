"""A stale-on-error cache: copies of recent results, for when the source fails; bounded in number and age, per
process.
"""

import threading
import time
from collections.abc import Callable, Hashable
from datetime import timedelta
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
MAX_SIZE: Final = 1000


class StaleCache(Generic[K, V]):
    """Keeps copies for their lifetime, at most ``max_size``, the newest first. The key must include the caller's
    rights.

    Raises:
        ValueError: the lifetime or the size is not positive.
    """

    def __init__(
        self, *, lifetime: timedelta, max_size: int = MAX_SIZE, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        if lifetime <= timedelta(0) or max_size < 1:
            raise ValueError("the lifetime and the size of a cache are positive")
        self._lifetime, self._max_size, self._monotonic = lifetime.total_seconds(), max_size, monotonic
        self._lock = threading.Lock()
        self._entries: dict[K, tuple[V, float]] = {}

    def put(self, key: K, value: V) -> None:
        """Store a copy, and replace the previous one."""
        with self._lock:
            self._entries.pop(key, None)
            self._entries[key] = value, self._monotonic() + self._lifetime
            if len(self._entries) > self._max_size:
                del self._entries[next(iter(self._entries))]

    def get(self, key: K) -> V | None:
        """Return the copy, or ``None`` if it has expired."""
        value, until = self._entries.get(key, (None, 0.0))
        return value if self._monotonic() < until else None

    def delete(self, key: K) -> None:
        """Delete the copy."""
        with self._lock:
            self._entries.pop(key, None)
