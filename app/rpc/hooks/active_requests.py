"""Records the call of each thread, for inspection. After ``request_id``, because it records the ID."""

from collections.abc import Callable

from app import request_context
from app.observability import active_requests
from app.rpc.calls import Call


def around(call: Call, proceed: Callable[[], bytes]) -> bytes:
    """Proceed, and record the call meanwhile."""
    active_requests.begin(request_context.request_id.get(), "POST", call.path)
    try:
        return proceed()
    finally:
        active_requests.end()
