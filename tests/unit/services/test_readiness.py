"""Readiness of this instance for requests."""

import time
from collections.abc import Callable, Mapping
from multiprocessing.pool import ThreadPool

import pytest

from app.errs.platform import NotReady, ServiceUnavailable
from app.resilience import deadline
from app.services import readiness
from app.services.readiness import ReadinessService


class Check:
    """Counts its calls."""

    def __init__(self, answer: Callable[[], bool]) -> None:
        self.answer = answer
        self.asked = 0

    def __call__(self) -> bool:
        """Answer."""
        self.asked += 1
        return self.answer()


def ready(checks: Mapping[str, Callable[[], bool]], *, is_draining: bool = False) -> ReadinessService:
    """Return the service."""
    return ReadinessService(checks, is_draining=lambda: is_draining)


def unreachable() -> bool:
    """Raise an error of the database."""
    raise ServiceUnavailable


class TestReport:
    def test_ok(self) -> None:
        service = ready({"database": lambda: True, "migrations": lambda: True})
        assert service.report() == {"database": "ok", "migrations": "ok", "draining": "ok"}

    @pytest.mark.parametrize("failing", [lambda: False, unreachable])
    def test_a_failed_check_is_listed(self, failing: Callable[[], bool]) -> None:
        service = ready({"database": lambda: True, "migrations": failing})
        with pytest.raises(NotReady) as caught:
            service.report()
        assert caught.value.checks == {"database": "ok", "migrations": "failed", "draining": "ok"}
        assert caught.value.retry_after == 1

    def test_the_reason_is_that_of_the_cause(self) -> None:
        with pytest.raises(NotReady) as caught:
            ready({"database": unreachable, "migrations": lambda: False}).report()
        assert isinstance(caught.value.__cause__, ServiceUnavailable)

    def test_a_failed_optional_check_is_listed_and_ignored(self) -> None:
        checks = {"database": lambda: True}
        service = ReadinessService(checks, optional={"cache": lambda: False}, is_draining=lambda: False)
        assert service.report() == {"database": "ok", "cache": "failed", "draining": "ok"}

    def test_an_instance_that_shuts_down_is_not_ready_and_queries_no_database(self) -> None:
        check = Check(lambda: True)
        with pytest.raises(NotReady) as caught:
            ready({"database": check}, is_draining=True).report()
        assert caught.value.checks["draining"] == "failed"
        assert check.asked == 0

    def test_a_bug_in_a_check_is_not_a_failed_check(self) -> None:
        service = ready({"database": lambda: bool(1 / 0)})
        with pytest.raises(ZeroDivisionError):
            service.report()

    def test_a_result_is_cached_for_a_second(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now = 1000.0
        monkeypatch.setattr("time.monotonic", lambda: now)
        check = Check(lambda: now < 1001)
        service = ready({"database": check})
        service.report()
        now = 1000.99
        service.report()
        assert check.asked == 1
        now = 1001.0
        for _ in range(3):
            with pytest.raises(NotReady):
                service.report()
        assert check.asked == 2

    def test_simultaneous_calls_share_one_result(self) -> None:
        def slow() -> bool:
            time.sleep(0.05)
            return True

        check = Check(slow)
        service = ready({"database": check})
        with ThreadPool(8) as pool:
            reports = pool.map(lambda _: service.report(), range(8))
        assert reports == [{"database": "ok", "draining": "ok"}] * 8
        assert check.asked == 1

    def test_all_checks_share_one_budget(self) -> None:
        seen = []

        def look() -> bool:
            seen.append(deadline.current.get())
            return True

        ready({"a": look, "b": look}).report()
        assert seen[0] is seen[1]
        assert seen[0] is not None
        assert seen[0].budget == readiness.BUDGET
        assert deadline.current.get() is None
