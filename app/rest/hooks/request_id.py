"""Gives every request an id, and continues the caller's trace. First, because everything after it may log."""

import re
import secrets
from collections.abc import Iterable
from typing import Final

from flask import Flask, Response, g, request

from app import context

SENT: Final = ("X-Request-Id", "Request-Id", "X-Trace-Id")
ANSWERED: Final = ("X-Request-Id", "Request-Id")
_VALID: Final = re.compile(r"[A-Za-z0-9._-]{8,128}")
_TRACEPARENT: Final = re.compile(
    r"(?!ff|00.{54})[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-[!-~]*)?"
)
"""W3C Trace Context, section 3.2.4: what comes after 00, which is 55 characters long, may say more."""


def install(app: Flask) -> None:
    """Install the hook."""
    app.before_request(_begin)
    app.after_request(_answer)
    app.teardown_request(_end)


def chosen(sent: Iterable[str | None]) -> str:
    """Return the first valid id among those sent, else a new one (C16)."""
    return next((each for each in sent if each and _VALID.fullmatch(each)), None) or secrets.token_hex(16)


def _begin() -> None:
    """Set the request's id, and the trace that it is part of."""
    context.request_id.set(chosen(request.headers.get(name) for name in SENT))
    parent = _TRACEPARENT.fullmatch(request.headers.get("Traceparent", ""))
    context.trace_id.set(parent[1] if parent else None)
    g.violations = []


def _answer(response: Response) -> Response:
    for name in ANSWERED:
        response.headers[name] = context.request_id.get() or ""
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _end(_exc: BaseException | None) -> None:
    context.request_id.set(None)
    context.trace_id.set(None)
