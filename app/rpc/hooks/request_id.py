"""Sets the request ID, and continues the client's trace. Early, because later hooks may log."""

from collections.abc import Callable
from typing import Final

from app import request_context
from app.rpc.calls import Call
from app.wire import request_ids

TRACEPARENT: Final = request_ids.TRACEPARENT.lower()


def around(call: Call, proceed: Callable[[], bytes]) -> bytes:
    """Set the call's request ID and trace, and return both in its metadata."""
    chosen = request_ids.chosen(call.metadata.get(name.lower()) for name in request_ids.SENT)
    request_context.request_id.set(chosen)
    traceparent = call.metadata.get(TRACEPARENT, "")
    request_context.trace_id.set(request_ids.trace_of(traceparent))
    call.trailing |= {name.lower(): chosen for name in request_ids.ANSWERED}
    if request_context.trace_id.get():
        call.trailing[TRACEPARENT] = traceparent
    return proceed()
