"""Who asks a dependency by HTTP."""

from datetime import timedelta
from typing import Final

from app.clients.http import HttpClient
from app.resilience import instrumentation
from app.wiring.hooks import log_transitions

DEFAULT_TIMEOUT: Final = timedelta(seconds=2)
"""Unless somebody says otherwise."""


def http_client(name: str, url: str, timeout: timedelta = DEFAULT_TIMEOUT) -> HttpClient:
    """Return the client of a dependency, whose breaker is logged and counted."""
    return HttpClient(name, url, timeout=timeout, hooks=(log_transitions, instrumentation.count_breaker_event))
