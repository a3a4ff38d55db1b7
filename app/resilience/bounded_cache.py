"""What is remembered so as not to be found out again: bounded, by whatever names it; any number of threads may ask."""

import threading
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Memory(Generic[K, V]):
    """Remembers so many things, and of more those that were learnt last."""

    def __init__(self, most: int) -> None:
        """Make it empty.

        Raises:
            ValueError: it could not remember anything.
        """
        if most < 1:
            raise ValueError("a memory has room for one thing at least")
        self._most = most
        self._lock = threading.Lock()
        self._known: dict[K, V] = {}

    def __len__(self) -> int:
        return len(self._known)

    def get(self, key: K) -> V | None:
        """Return what is known of this."""
        return self._known.get(key)

    def learn(self, key: K, value: V) -> None:
        """Remember this, in place of what was known of it, and forget what was learnt first if need be."""
        with self._lock:
            self._known.pop(key, None)
            if len(self._known) >= self._most:
                del self._known[next(iter(self._known))]
            self._known[key] = value
