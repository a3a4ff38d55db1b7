"""A thread-safe cache with a maximum size."""

import threading
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class BoundedCache(Generic[K, V]):
    """A cache that evicts the oldest entry when it is full."""

    def __init__(self, max_size: int) -> None:
        """Create an empty cache.

        Raises:
            ValueError: ``max_size`` is not positive.
        """
        if max_size < 1:
            raise ValueError("the size of a cache is at least one")
        self._max_size = max_size
        self._lock = threading.Lock()
        self._entries: dict[K, V] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: K) -> V | None:
        """Return the value, or ``None``."""
        return self._entries.get(key)

    def put(self, key: K, value: V) -> None:
        """Set the value, and evict the oldest entry if the cache is full."""
        with self._lock:
            self._entries.pop(key, None)
            if len(self._entries) >= self._max_size:
                del self._entries[next(iter(self._entries))]
            self._entries[key] = value
