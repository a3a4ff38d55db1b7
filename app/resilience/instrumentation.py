"""Counts what breakers and retries tell their hooks."""

from app.observability import metrics
from app.resilience import breaker, retry


def breakers(event: breaker.Event) -> None:
    """Count a change of state, or a refusal."""
    if isinstance(event, breaker.Transitioned):
        metrics.breaker_turned(event.name, event.before, event.after)
    else:
        metrics.BREAKER_REFUSALS.labels(event.name).inc()


def retries(event: retry.Event) -> None:
    """Count another attempt, or that there is none."""
    if isinstance(event, retry.Retried):
        metrics.RETRIES.labels(event.name).inc()
    else:
        metrics.GIVE_UPS.labels(event.name, event.reason).inc()


def database_retries(event: retry.Event) -> None:
    """Count, of an attempt that follows, what the database said: a lost connection says nothing."""
    retries(event)
    if isinstance(event, retry.Retried):
        facts = getattr(event.error, "facts", {})
        metrics.DATABASE_RETRIES.labels(facts.get("sqlstate") or "none").inc()
