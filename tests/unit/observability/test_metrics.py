"""Metrics of jobs."""

from app.observability import metrics
from tests.scrape import growth, here


def test_an_attempt_at_a_job_is_counted() -> None:
    with growth("jobs_total", kind="test.one", outcome="done") as done:
        metrics.job("test.one", "done", 0.2)
    assert done.by == 1
    assert here("job_duration_seconds_sum").total("job_duration_seconds_sum", kind="test.one") == 0.2


def test_a_kind_without_remaining_jobs_is_reported_as_zero() -> None:
    metrics.queue({"test.one": (3, 1, 12.5)})
    names = ("jobs_queued", "jobs_dead", "jobs_overdue_seconds")
    assert [here(name).total(name, kind="test.one") for name in names] == [3, 1, 12.5]
    metrics.queue({"test.two": (1, 0, 0.0)})
    assert [here(name).total(name, kind="test.one") for name in names] == [0, 0, 0]
    assert here("jobs_queued").total("jobs_queued", kind="test.two") == 1
