"""Metrics of breakers and retries."""

from app.errs.platform import ServiceUnavailable
from app.resilience import instrumentation
from app.resilience.breaker import Rejected, State, Transitioned
from app.resilience.breaker_counts import Counts
from app.resilience.retry import GaveUp, Retried, StopReason
from tests.scrape import growth, here

LOST = ServiceUnavailable(sqlstate="40P01", is_undone=True)


class TestBreakers:
    def test_a_state_transition_is_counted(self) -> None:
        labels = {"breaker": "one", "before": "closed", "after": "open"}
        with growth("breaker_transitions_total", **labels) as turns:
            instrumentation.count_breaker_event(Transitioned("one", State.CLOSED, State.OPEN, Counts()))
        assert turns.by == 1
        assert here("breaker_state").total("breaker_state", breaker="one") == 1

    def test_a_rejection_is_counted(self) -> None:
        with growth("breaker_rejections_total", breaker="one") as rejections:
            instrumentation.count_breaker_event(Rejected("one", State.OPEN))
        assert rejections.by == 1

    def test_the_breaker_of_redis_reports_whether_limits_are_shared(self) -> None:
        instrumentation.count_breaker_event(Transitioned("redis", State.CLOSED, State.OPEN, Counts()))
        assert here("limiter_degraded").total("limiter_degraded") == 1
        instrumentation.count_breaker_event(Transitioned("redis", State.HALF_OPEN, State.CLOSED, Counts()))
        assert here("limiter_degraded").total("limiter_degraded") == 0


class TestRetries:
    def test_a_retry_is_counted_by_sqlstate(self) -> None:
        with growth("db_retries_total", sqlstate="40P01") as by_state, growth("retries_total", work="w") as by_work:
            instrumentation.count_database_retry(Retried("w", 1, 0.0, LOST))
        assert (by_state.by, by_work.by) == (1, 1)

    def test_a_lost_connection_has_no_sqlstate(self) -> None:
        with growth("db_retries_total", sqlstate="none") as by_state:
            instrumentation.count_database_retry(Retried("w", 1, 0.0, ServiceUnavailable(sqlstate=None)))
        assert by_state.by == 1

    def test_exhausted_retries_are_counted_by_reason(self) -> None:
        with (
            growth("retries_exhausted_total", work="w", reason="budget") as given_up,
            growth("db_retries_total") as by_state,
        ):
            instrumentation.count_database_retry(GaveUp("w", 3, StopReason.BUDGET, LOST))
        assert (given_up.by, by_state.by) == (1, 0)
