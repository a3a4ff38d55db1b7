"""Failures of a dependency are classified by kind, and by the origin of the budget."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from app import errs
from app.errs import Fault, Kind
from app.errs.platform import DeadlineExceeded, ServiceUnavailable
from app.resilience import deadline
from app.resilience.failure_classifier import FAILURES, is_failure

SPENT = DeadlineExceeded(budget_ms=50, spent_in="database")


@pytest.fixture(params=[False, True], ids=["granted", "shortened"])
def shortened(request: pytest.FixtureRequest) -> Iterator[bool]:
    token = deadline.current.set(deadline.Deadline.after(timedelta(seconds=1), is_shortened=request.param))
    yield request.param
    deadline.current.reset(token)


class TestIsFailure:
    @pytest.mark.parametrize("kind", Kind)
    def test_ok(self, kind: Kind) -> None:
        assert is_failure(errs.E(kind=kind)) is (kind in FAILURES)

    def test_client_errors_do_not_count(self) -> None:
        assert [kind for kind in FAILURES if kind.fault is Fault.CLIENT] == []

    def test_a_timeout_of_a_budget_shortened_by_the_caller_does_not_count(self, shortened: bool) -> None:
        """A client cannot open the breaker for all with a timeout of 50 ms."""
        assert is_failure(SPENT) is (None if shortened else True)

    def test_other_failures_count_with_any_budget(self, shortened: bool) -> None:
        assert is_failure(ServiceUnavailable()) is True

    def test_the_nearest_kind_classifies_the_chain(self) -> None:
        assert is_failure(errs.E("users.get", cause=ServiceUnavailable())) is True

    @pytest.mark.parametrize("error", [ConnectionRefusedError(), TimeoutError(), BrokenPipeError()])
    def test_network_errors_count(self, error: OSError) -> None:
        assert is_failure(error) is True

    @pytest.mark.parametrize("error", [KeyError(), RecursionError(), KeyboardInterrupt(), GeneratorExit()])
    def test_bugs_and_disconnected_clients_are_neutral(self, error: BaseException) -> None:
        assert is_failure(error) is None
