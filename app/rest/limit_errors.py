"""Conversion of Flask-Limiter's error to RATE_LIMIT_EXCEEDED, with the exceeded limit (C22)."""

from flask_limiter import RateLimitExceeded

from app.errs import platform
from app.rate_limiting import state_of
from app.rest.request import application, current


def translated(exc: RateLimitExceeded) -> platform.RateLimitExceeded:
    """Return the error for the problem document. An ``error_message`` of the limit becomes its detail."""
    limit = exc.limit.limit
    others = (each for limiter in application().extensions.get("limiter", ()) for each in limiter.current_limits)
    exceeded = [each for each in (*others, *current().limits) if each.breached and each.limit == limit]
    length = limit.get_expiry()
    return platform.RateLimitExceeded(
        message=str(exc.description) if exc.limit.error_message else None,
        limit=limit.amount,
        window_seconds=length,
        retry_after=state_of(exceeded[-1])[1] if exceeded else length,
    )
