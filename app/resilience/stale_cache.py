"""Copies of what was got lately, for when it cannot be got: bounded in number and age, per process."""

import threading
import time
from collections.abc import Callable, Hashable
from datetime import timedelta
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
MOST: Final = 1000


class Copies(Generic[K, V]):
    """Keeps copies for so long, and of more than ``most`` the latest. What may be seen by whom, the key has to say.

    Raises:
        ValueError: nothing could be kept.
    """

    def __init__(
        self, *, lasting: timedelta, most: int = MOST, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        if lasting <= timedelta(0) or most < 1:
            raise ValueError("copies last for some time, and there is room for one at least")
        self._lasting, self._most, self._monotonic = lasting.total_seconds(), most, monotonic
        self._lock = threading.Lock()
        self._kept: dict[K, tuple[V, float]] = {}

    def keep(self, key: K, value: V) -> None:
        """Keep a copy, in place of the one before."""
        with self._lock:
            self._kept.pop(key, None)
            self._kept[key] = value, self._monotonic() + self._lasting
            if len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]

    def find(self, key: K) -> V | None:
        """Return the copy, unless it is too old."""
        value, until = self._kept.get(key, (None, 0.0))
        return value if self._monotonic() < until else None

    def drop(self, key: K) -> None:
        """Keep it no more."""
        with self._lock:
            self._kept.pop(key, None)
