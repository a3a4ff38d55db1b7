"""Notes which thread works on which call, for whoever looks inside. After the request id, which it tells."""

from collections.abc import Callable

from app import context
from app.observability import active_requests
from app.rpc.calls import Call


def around(call: Call, proceed: Callable[[], bytes]) -> bytes:
    """Answer, and note that."""
    active_requests.begin(context.request_id.get(), "POST", call.path)
    try:
        return proceed()
    finally:
        active_requests.end()
