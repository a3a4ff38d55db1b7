"""Starts the time budget of the request, which limits all further processing."""

import re
from datetime import timedelta
from typing import Final

from flask import Flask

from app.errs import Violation
from app.resilience import deadline
from app.rest.request import Request

HEADER: Final = "Request-Timeout"
MIN_SECONDS: Final = 0.05
_SECONDS: Final = re.compile(r"[0-9]+(\.[0-9]+)?")


def start(app: Flask, request: Request) -> None:
    """Set the deadline: the configured budget, or the caller's if that is shorter (C23)."""
    maximum: float = app.config["REQUEST_TIMEOUT"]
    requested = request.sent(HEADER)
    seconds = maximum if requested is None else min(_seconds(request, requested) or maximum, maximum)
    budget = timedelta(seconds=seconds)
    limit = deadline.Deadline.after(budget, is_shortened=seconds < maximum, since=deadline.began_at.get())
    deadline.current.set(limit)


def _seconds(request: Request, text: str) -> float | None:
    """Return the requested seconds. An invalid value adds a violation."""
    if _SECONDS.fullmatch(text) and float(text) >= MIN_SECONDS:
        return float(text)
    rejection = f"{HEADER} must be decimal seconds of at least {MIN_SECONDS}"
    request.violations.append(Violation(HEADER, "INVALID_VALUE", rejection, header=HEADER))
    return None
