"""May this instance be sent requests? Asked often by machines, so an answer is kept for a second."""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from app.errs import Error, raises
from app.errs.platform import NotReady
from app.observability import metrics
from app.resilience import deadline

FRESH: Final = 1.0
"""Seconds for which an answer is kept."""
BUDGET: Final = timedelta(seconds=4)
"""How long all checks together may take."""
DRAINING: Final = "draining"
"""The check that fails once the instance is shutting down; never kept, never waited for."""


Check = Callable[[], bool]
"""Tells whether it passes; an error that it raises instead is the reason why it does not, which is logged."""


class ReadinessService:
    """Runs the checks that decide whether the instance is ready.

    What is dispensable is told too, but decides nothing: all instances share it, and all would be sent away for a
    thing that each of them can do without.
    """

    def __init__(
        self,
        checks: Mapping[str, Check],
        *,
        optional: Mapping[str, Check] = MappingProxyType({}),
        is_draining: Callable[[], bool],
    ) -> None:
        self._checks = {**checks, **optional}
        self._needed = checks.keys()
        self._is_draining = is_draining
        self._lock = threading.Lock()
        self._checked_at = float("-inf")
        self._passed: dict[str, str] = {}
        self._reason: Error | None = None

    @raises(NotReady)
    def report(self) -> dict[str, str]:
        """Return that every check passes that has to; callers who come together share one answer."""
        if self._is_draining():
            raise NotReady(checks={**self._passed, DRAINING: "failed"}, retry_after=1)
        with self._lock:
            if time.monotonic() - self._checked_at >= FRESH:
                with deadline.within(BUDGET):
                    self._run_checks()
                self._checked_at = time.monotonic()
            checks, reason = self._passed, self._reason
        if any(checks[name] == "failed" for name in self._needed):
            raise NotReady(checks={**checks, DRAINING: "ok"}, retry_after=1) from reason
        return {**checks, DRAINING: "ok"}

    def _run_checks(self) -> None:
        """Run every check, and keep the first reason that one gives for failing."""
        passed, reasons = dict[str, str](), list[Error]()
        for name, check in self._checks.items():
            try:
                passed[name] = "ok" if check() else "failed"
            except Error as reason:
                passed[name] = "failed"
                if name in self._needed:
                    reasons.append(reason)
            metrics.READY.labels(name).set(passed[name] == "ok")
        self._passed, self._reason = passed, next(iter(reasons), None)
