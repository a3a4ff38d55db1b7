"""Traces every call, if tracing is on. After ``request_id``, which sets the trace context."""

from collections.abc import Callable

from app import request_context
from app.rpc.calls import Call


def around(call: Call, proceed: Callable[[], bytes]) -> bytes:
    """Proceed in a span, and return its trace in the metadata."""
    tracing = call.app.extensions.get("app-tracing")
    if tracing is None:
        return proceed()
    with tracing.serving("POST", {"rpc.system.name": "grpc"}, call.metadata):
        request_context.trace_id.set(tracing.trace_id() or request_context.trace_id.get())
        call.trailing |= tracing.carrier()
        return proceed()
