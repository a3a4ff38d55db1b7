"""Gives every request an id, and continues the caller's trace. First, because everything after it may log."""

from flask import Flask, Response, g, request

from app import context
from app.wire import request_ids


def install(app: Flask) -> None:
    """Install the hook."""
    app.before_request(_begin)
    app.after_request(_answer)
    app.teardown_request(_end)


def _begin() -> None:
    """Set the request's id, and the trace that it is part of."""
    context.request_id.set(request_ids.chosen(request.headers.get(name) for name in request_ids.SENT))
    parent = request.headers.get(request_ids.TRACEPARENT, "")
    context.trace_id.set(request_ids.trace_of(parent))
    context.traceparent.set(parent if context.trace_id.get() else None)
    g.violations = []


def _answer(response: Response) -> Response:
    for name in request_ids.ANSWERED:
        response.headers[name] = context.request_id.get() or ""
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _end(_exc: BaseException | None) -> None:
    context.request_id.set(None)
    context.trace_id.set(None)
    context.traceparent.set(None)
