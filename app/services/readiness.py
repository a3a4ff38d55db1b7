"""Readiness: whether this instance can receive requests. The result is cached for one second."""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from app.errs import Error, raises
from app.errs.platform import NotReady
from app.observability import metrics
from app.resilience import deadline

FRESH: Final = 1.0
"""Seconds for which a result is cached."""
BUDGET: Final = timedelta(seconds=4)
"""The timeout of all checks together."""
DRAINING: Final = "draining"
"""The check that fails during shutdown. It is never cached, and never waits."""


Check = Callable[[], bool]
"""Returns whether it passes. It may raise an error instead; the error is logged as the reason of the failure."""


class ReadinessService:
    """Runs the checks that decide whether the instance is ready.

    Optional checks are reported, but do not affect readiness. All instances share these dependencies and can serve
    without them, but all would become unready at the same time. Conditions are optional checks that are reported only
    if they fail.
    """

    def __init__(
        self,
        checks: Mapping[str, Check],
        *,
        optional: Mapping[str, Check] = MappingProxyType({}),
        conditions: Mapping[str, Check] = MappingProxyType({}),
        is_draining: Callable[[], bool],
    ) -> None:
        self._checks = {**checks, **optional}
        self._needed = checks.keys()
        self._conditions = conditions
        self._is_draining = is_draining
        self._lock = threading.Lock()
        self._checked_at = float("-inf")
        self._passed: dict[str, str] = {}
        self._reason: Error | None = None

    @raises(NotReady)
    def report(self) -> dict[str, str]:
        """Return the result of every check. Concurrent callers share one result.

        Raises:
            NotReady: a required check fails, or the instance is shutting down.
        """
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
        """Run every check, and keep the first error of a required one."""
        passed, reasons = dict[str, str](), list[Error]()
        for name, check in self._checks.items():
            try:
                passed[name] = "ok" if check() else "failed"
            except Error as reason:
                passed[name] = "failed"
                if name in self._needed:
                    reasons.append(reason)
            metrics.READY.labels(name).set(passed[name] == "ok")
        for name, check in self._conditions.items():
            with suppress(Error):
                is_met = check()
                passed |= {} if is_met else {name: "failed"}
                metrics.READY.labels(name).set(is_met)
        self._passed, self._reason = passed, next(iter(reasons), None)
