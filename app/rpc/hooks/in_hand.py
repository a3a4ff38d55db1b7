"""Notes which thread works on which call, for whoever looks inside. After the request id, which it tells."""

from collections.abc import Callable

from app import context
from app.observability import in_hand
from app.rpc.calls import Call


def around(call: Call, proceed: Callable[[], bytes]) -> bytes:
    """Answer, and note that."""
    in_hand.begin(context.request_id.get(), "POST", call.path)
    try:
        return proceed()
    finally:
        in_hand.end()
