"""A storage of the ``limits`` package that counts in the rate-limit counters of the current application.

The package's own storage for Redis raises an error while Redis is down. If Redis hangs, every request waits. This
storage does neither: a circuit breaker guards its counters, which continue in memory.
"""

import time
from typing import Any, Final

from flask import Flask, current_app, has_request_context, request
from limits.storage import Storage

from app.resilience.in_memory_rate_limit_store import RateLimitStore, Window

SCHEME: Final = "app"
COUNTED: Final = "app.counted"
"""The key in the WSGI environment of the windows in which the request was counted."""


class RateLimitStorage(Storage):
    """Counts fixed windows; needs an application context."""

    STORAGE_SCHEME = [SCHEME]

    def __init__(self, uri: str | None = None, wrap_exceptions: bool = False, **_: Any) -> None:
        super().__init__(uri, wrap_exceptions)

    @property
    def base_exceptions(self) -> type[Exception] | tuple[type[Exception], ...]:
        """Return the exceptions that counting can raise: none."""
        return ()

    @property
    def storage(self) -> str:
        """Return the name of the counters, for ``flask limiter config``."""
        return type(rate_limit_store()).__name__

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count hits in the window of this key, which is ``expiry`` seconds long."""
        window = rate_limit_store().increment(key, seconds=expiry, amount=amount)
        if has_request_context():
            request.environ.setdefault(COUNTED, {})[key] = window
        return window.hits

    def get(self, key: str) -> int:
        """Return the hits of all processes, or those of this one while Redis does not respond."""
        return rate_limit_store().peek(key).hits

    def get_expiry(self, key: str) -> float:
        """Return when the window closes, as a POSIX timestamp."""
        return time.time() + rate_limit_store().peek_local(key).seconds_left

    def check(self) -> bool:
        """Return ``True``: the counters always work."""
        return True

    def reset(self) -> int | None:
        """Clear every limit. Other counters of the service (logins, mail) are not changed."""
        return rate_limit_store().reset("LIMITER/")

    def clear(self, key: str) -> None:
        """Clear one limit."""
        rate_limit_store().clear(key)


def rate_limit_store(app: Flask | None = None) -> RateLimitStore:
    """Return the counters of an application, by default of the current one, which all transports share."""
    counters: RateLimitStore = (app or current_app).extensions["app-services"].rate_limits
    return counters


def counted(key: str) -> Window | None:
    """Return the window of this key in which the current request was counted."""
    window: Window | None = request.environ.get(COUNTED, {}).get(key)
    return window
