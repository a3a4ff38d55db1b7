"""Has every call traced, where that is on. Below the request id, since it is right about the trace."""

from collections.abc import Callable

from app import context
from app.rpc.calls import Call


def around(call: Call, proceed: Callable[[], bytes]) -> bytes:
    """Answer in a span, and send back which."""
    tracing = call.app.extensions.get("app-tracing")
    if tracing is None:
        return proceed()
    with tracing.serving("POST", {"rpc.system.name": "grpc"}, call.metadata):
        context.trace_id.set(tracing.trace_id() or context.trace_id.get())
        call.trailing |= tracing.carrier()
        return proceed()
