"""Hooks that log and count the events of inner layers."""

from app.clients.key_sets import KeysEvent
from app.observability import breaker_log, job_log, jwks_log, metrics, revocation_log
from app.resilience.breaker import Event, Transitioned
from app.resilience.in_memory_rate_limit_store import REDIS
from app.services.jobs import Ended
from app.services.revocations import Aged, Refreshed


def log_transitions(event: Event) -> None:
    """Log the state transitions of a circuit breaker."""
    if isinstance(event, Transitioned):
        remedy = _remedy_of(event.cause) if event.name == REDIS else None
        breaker_log.state_changed(event.name, event.before, event.after, event.counts._asdict(), event.cause, remedy)


def _remedy_of(cause: BaseException | None) -> str | None:
    from app.clients.redis_rate_limit_store import remedy_of  # noqa: PLC0415 -- it loads redis, which is in use then

    return remedy_of(cause)


def count_job(ended: Ended) -> None:
    """Count an attempt at a job, and its duration."""
    metrics.job(ended.job.kind, ended.outcome, ended.seconds)


def log_job(ended: Ended) -> None:
    """Log how an attempt at a job ended."""
    job = ended.job
    fields: dict[str, object] = {"job": str(job.id), "attempts": job.attempts, "seconds": round(ended.seconds, 3)}
    if ended.pause is not None:
        fields["retry_in_seconds"] = round(ended.pause.total_seconds())
    job_log.ended(job.kind, ended.outcome, fields, ended.error)


def log_keys(issuer: str, event: KeysEvent) -> None:
    """Log when the signing keys of an issuer become available or unavailable."""
    if event.error is None:
        jwks_log.fetched(issuer, event.count)
    else:
        jwks_log.unavailable(issuer, event.error)


def log_revocations(event: Refreshed | Aged) -> None:
    """Log when the list of revoked sessions becomes too old, and when it is up to date again."""
    if isinstance(event, Aged):
        if event.error is None:
            revocation_log.fresh()
        else:
            revocation_log.stale(event.seconds, event.error)


def measure_revocations(event: Refreshed | Aged) -> None:
    """Record the time of the last read of the list, and its size."""
    if isinstance(event, Refreshed):
        metrics.revocations(event.entries)
