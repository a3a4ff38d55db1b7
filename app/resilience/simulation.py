"""Simulated errors, requested by the caller: the request of a series that fails, and the delay before it (C25b)."""

import hashlib
import threading
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Final

from app.errs.platform import DeadlineExceeded
from app.observability import request_timing
from app.resilience import deadline
from app.resilience.in_memory_rate_limit_store import RateLimitStore

FORGOTTEN: Final = timedelta(minutes=10)
"""How long the first request of a series is remembered; a later request starts another series."""
STAGE: Final = "simulation"
"""The value of ``spent_in`` for a delay that exceeds the budget."""


def is_due(rate_limits: RateLimitStore, after: int, *, caller: str, operation: str) -> bool:
    """Count a request of a series, and return true if it must fail.

    Args:
        rate_limits: the rate-limit store, which is bounded, and shared between processes if Redis is configured.
        after: how many requests of the series are handled as usual.
        caller: the token, or the address of a client without one.
        operation: the name of the operation.
    """
    if after == 0:
        return True
    key = hashlib.sha256(f"{operation} {caller}".encode()).hexdigest()
    return rate_limits.increment(f"simulated:{key}", seconds=round(FORGOTTEN.total_seconds())).hits > after


def wait(seconds: float, bulkhead: AbstractContextManager[None]) -> DeadlineExceeded | None:
    """Wait in a work slot, like a slow request. Return an error if the request's budget ended first.

    Raises:
        ServiceUnavailable: no slot is free.
        LookupError: there is no current request and therefore no deadline.
    """
    limit = deadline.current.get()
    if limit is None:
        raise LookupError("a request has a deadline")
    with bulkhead, request_timing.stage(STAGE):
        is_cut = threading.Event()
        forget = limit.on_cut(is_cut.set)
        try:
            is_cut.wait(min(seconds, limit.remaining()))
        finally:
            forget()
        return limit.exceeded(STAGE) if limit.is_over else None
