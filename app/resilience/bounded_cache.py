"""What is remembered so as not to be found out again: bounded, by whatever names it; any number of threads may ask."""

import threading
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class BoundedCache(Generic[K, V]):
    """Remembers so many things, and of more those that were learnt last."""

    def __init__(self, max_size: int) -> None:
        """Make it empty.

        Raises:
            ValueError: it could not remember anything.
        """
        if max_size < 1:
            raise ValueError("a memory has room for one thing at least")
        self._max_size = max_size
        self._lock = threading.Lock()
        self._entries: dict[K, V] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: K) -> V | None:
        """Return what is known of this."""
        return self._entries.get(key)

    def put(self, key: K, value: V) -> None:
        """Remember this, in place of what was known of it, and forget what was learnt first if need be."""
        with self._lock:
            self._entries.pop(key, None)
            if len(self._entries) >= self._max_size:
                del self._entries[next(iter(self._entries))]
            self._entries[key] = value
