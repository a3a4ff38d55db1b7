"""A retry budget: retries are a small share of the load, so that an outage is not multiplied by those who suffer it.

The token bucket of gRPC's retryThrottling and of Finagle: each first try puts a part of a token in, each retry takes a
whole one out. One per dependency and process.
"""

import os
import threading
import weakref
from typing import Final

UNITS_PER_TOKEN: Final = 1000
"""Parts of a token: whole numbers do not drift."""


class RetryBudget:
    """Allows retries of at most ``share`` of the first tries, and of ``most`` at once.

    Raises:
        ValueError: the share is not within [0.001, 1], or not even one retry fits in.
    """

    def __init__(self, *, share: float = 0.2, capacity: int = 10) -> None:
        if not 1 / UNITS_PER_TOKEN <= share <= 1 or capacity < 1:
            raise ValueError("a retry budget is a share within [0.001, 1], of at least one retry")
        self._part, self._capacity = round(share * UNITS_PER_TOKEN), capacity * UNITS_PER_TOKEN
        self._reset()
        reset = weakref.WeakMethod(self._reset)
        os.register_at_fork(after_in_child=lambda: (alive := reset()) and alive())

    def _reset(self) -> None:
        """Begin with a full bucket, and in a forked child with a lock that nobody holds."""
        self._lock = threading.Lock()
        self._parts = self._capacity

    def deposit(self) -> None:
        """Count a first try."""
        with self._lock:
            self._parts = min(self._capacity, self._parts + self._part)

    def withdraw(self) -> bool:
        """Tell whether there may be a retry, and count it."""
        with self._lock:
            if self._parts < UNITS_PER_TOKEN:
                return False
            self._parts -= UNITS_PER_TOKEN
            return True
