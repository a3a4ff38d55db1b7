"""Counts what breakers and retries tell their hooks."""

from app.observability import metrics
from app.resilience import breaker, retry


def count_breaker_event(event: breaker.Event) -> None:
    """Count a change of state, or a refusal."""
    if isinstance(event, breaker.Transitioned):
        metrics.breaker_changed(event.name, event.before, event.after)
    else:
        metrics.BREAKER_REJECTIONS.labels(event.name).inc()


def count_retry(event: retry.Event) -> None:
    """Count another attempt, or that there is none."""
    if isinstance(event, retry.Retried):
        metrics.RETRIES.labels(event.name).inc()
    else:
        metrics.RETRIES_EXHAUSTED.labels(event.name, event.reason).inc()


def count_database_retry(event: retry.Event) -> None:
    """Count, of an attempt that follows, what the database said: a lost connection says nothing."""
    count_retry(event)
    if isinstance(event, retry.Retried):
        facts = getattr(event.error, "facts", {})
        metrics.DATABASE_RETRIES.labels(facts.get("sqlstate") or "none").inc()
