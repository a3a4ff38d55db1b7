"""Warnings about a lasting condition: the first is logged immediately, further ones at most once a minute, or never."""

import time
from collections.abc import Callable

from app import product

INTERVAL_SECONDS = 60.0
"""Seconds between two entries."""


class RepeatedWarning:
    """Logs at most one entry per interval and process. Not exact under threads: two may log at the same instant."""

    def __init__(self, logger: str, *, interval: float = INTERVAL_SECONDS) -> None:
        """Store the interval in seconds; ``math.inf`` logs one entry in the life of the process."""
        self._logger = product.logger(logger)
        self._interval = interval
        self._after = float("-inf")
        self.clock: Callable[[], float] = time.monotonic

    def warn(self, message: str) -> None:
        """Log a warning, unless one was logged within the interval."""
        now = self.clock()
        if now >= self._after:
            self._after = now + self._interval
            self._logger.warning(message)

    def reset(self) -> None:
        """Allow the next warning immediately."""
        self._after = float("-inf")
