"""May this instance be sent requests? Asked often by machines, so an answer is kept for a second."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from app.errs import Error, raises

FRESH: Final = 1.0
"""Seconds for which an answer is kept."""


class ReadinessService:
    """Runs the checks that decide whether the instance is ready."""

    def __init__(self, checks: Mapping[str, Callable[[], bool]]) -> None:
        self._checks = checks
        self._lock = threading.Lock()
        self._asked_at = float("-inf")
        self._passed: dict[str, bool] = {}

    @raises()
    def report(self) -> dict[str, bool]:
        """Return for each check whether it passes; callers who come together share one answer."""
        with self._lock:
            if time.monotonic() - self._asked_at >= FRESH:
                self._passed = {name: _passes(check) for name, check in self._checks.items()}
                self._asked_at = time.monotonic()
            return dict(self._passed)


def _passes(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except Error:
        return False
