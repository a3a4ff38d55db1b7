"""The factory of HTTP clients for dependencies."""

from datetime import timedelta
from typing import Final

from app.clients.http import HttpClient
from app.resilience import instrumentation
from app.wiring.event_hooks import log_transitions

DEFAULT_TIMEOUT: Final = timedelta(seconds=2)
"""The timeout of a call, including all attempts."""


def http_client(name: str, url: str, timeout: timedelta = DEFAULT_TIMEOUT) -> HttpClient:
    """Return the client of a dependency. The events of its circuit breaker are logged and counted."""
    return HttpClient(name, url, timeout=timeout, hooks=(log_transitions, instrumentation.count_breaker_event))
