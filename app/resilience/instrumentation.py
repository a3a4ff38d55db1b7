"""Hooks that count the events of breakers and retries in metrics."""

from app.observability import metrics
from app.resilience import breaker, retry


def count_breaker_event(event: breaker.Event) -> None:
    """Count a state transition or a rejection."""
    if isinstance(event, breaker.Transitioned):
        metrics.breaker_changed(event.name, event.before, event.after)
    else:
        metrics.BREAKER_REJECTIONS.labels(event.name).inc()


def count_retry(event: retry.Event) -> None:
    """Count a retry, or the end of retries."""
    if isinstance(event, retry.Retried):
        metrics.RETRIES.labels(event.name).inc()
    else:
        metrics.RETRIES_EXHAUSTED.labels(event.name, event.reason).inc()


def count_database_retry(event: retry.Event) -> None:
    """Count a retry by the SQLSTATE of the database's error; a lost connection has none."""
    count_retry(event)
    if isinstance(event, retry.Retried):
        facts = getattr(event.error, "facts", {})
        metrics.DATABASE_RETRIES.labels(facts.get("sqlstate") or "none").inc()
