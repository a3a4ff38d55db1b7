"""Who asks a dependency by HTTP."""

from datetime import timedelta
from typing import Final

from app.clients.http import HttpClient
from app.resilience import instrumentation
from app.wiring.hooks import log_turns

PATIENCE: Final = timedelta(seconds=2)
"""Unless somebody says otherwise."""


def asking(name: str, url: str, patience: timedelta = PATIENCE) -> HttpClient:
    """Return the client of a dependency, whose breaker is logged and counted."""
    return HttpClient(name, url, patience=patience, hooks=(log_turns, instrumentation.breakers))
