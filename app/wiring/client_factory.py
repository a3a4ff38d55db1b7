"""The factory of clients for dependencies. It loads the packages that only they need when it creates the first one."""

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from app.resilience import instrumentation
from app.wiring.event_hooks import log_transitions

if TYPE_CHECKING:
    from app.clients.http import HttpClient
    from app.clients.redis_rate_limit_store import RedisRateLimitStore

DEFAULT_TIMEOUT: Final = timedelta(seconds=2)
"""The timeout of a call, including all attempts."""


def http_client(name: str, url: str, timeout: timedelta = DEFAULT_TIMEOUT) -> "HttpClient":
    """Return the client of a dependency. The events of its circuit breaker are logged and counted."""
    from app.clients.http import HttpClient  # noqa: PLC0415 -- it loads httpx2

    return HttpClient(name, url, timeout=timeout, hooks=(log_transitions, instrumentation.count_breaker_event))


def redis_store(url: str) -> "RedisRateLimitStore":
    """Return the counters of rate limits in Redis. The events of its circuit breaker are logged and counted."""
    from app.clients.redis_rate_limit_store import RedisRateLimitStore  # noqa: PLC0415 -- it loads redis

    return RedisRateLimitStore(url, hooks=(log_transitions, instrumentation.count_breaker_event))
