"""Gives every request an id, and continues the caller's trace. First, because everything after it may log."""

from flask import Response

from app import context
from app.rest.application import Application
from app.rest.request import Request
from app.wire import request_ids


def install(app: Application) -> None:
    """Install the hook."""
    app.hook(before=_begin, after=_answer, end=_end)


def _begin(request: Request) -> None:
    """Set the request's id, and the trace that it is part of."""
    context.request_id.set(request_ids.chosen(map(request.sent, request_ids.SENT)))
    parent = request.sent(request_ids.TRACEPARENT)
    trace = request_ids.trace_of(parent) if parent else None
    context.trace_id.set(trace)
    context.traceparent.set(parent if trace else None)


def _answer(_request: Request, response: Response) -> Response:
    for name in request_ids.ANSWERED:
        response.headers.add(name, context.request_id.get() or "")
    response.headers.add("X-Content-Type-Options", "nosniff")
    return response


def _end() -> None:
    context.request_id.set(None)
    context.trace_id.set(None)
    context.traceparent.set(None)
