"""A retry budget: retries are a small share of the load, which keeps clients from multiplying an outage.

The token bucket of gRPC's retryThrottling and of Finagle: each first attempt adds a part of a token, each retry removes
a whole token. There is one budget per dependency and process.
"""

import os
import threading
import weakref
from typing import Final

UNITS_PER_TOKEN: Final = 1000
"""Parts of a token, as integers, which have no rounding errors."""


class RetryBudget:
    """Allows retries for at most ``share`` of the first attempts, and ``capacity`` retries at once.

    Raises:
        ValueError: the share is not within [0.001, 1], or the capacity is below one retry.
    """

    def __init__(self, *, share: float = 0.2, capacity: int = 10) -> None:
        if not 1 / UNITS_PER_TOKEN <= share <= 1 or capacity < 1:
            raise ValueError("a retry budget is a share within [0.001, 1], of at least one retry")
        self._part, self._capacity = round(share * UNITS_PER_TOKEN), capacity * UNITS_PER_TOKEN
        self._reset()
        reset = weakref.WeakMethod(self._reset)
        os.register_at_fork(after_in_child=lambda: (alive := reset()) and alive())

    def _reset(self) -> None:
        """Start with a full bucket and, in a forked child, with a free lock."""
        self._lock = threading.Lock()
        self._parts = self._capacity

    def deposit(self) -> None:
        """Count a first attempt."""
        with self._lock:
            self._parts = min(self._capacity, self._parts + self._part)

    def withdraw(self) -> bool:
        """Return true if a retry is allowed, and count it."""
        with self._lock:
            if self._parts < UNITS_PER_TOKEN:
                return False
            self._parts -= UNITS_PER_TOKEN
            return True
