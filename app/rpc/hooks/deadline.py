"""Sets the deadline of the call, whose budget starts when the call arrives (C23)."""

from collections.abc import Callable

from app.resilience import deadline
from app.rpc.calls import Call


def around(call: Call, proceed: Callable[[], bytes]) -> bytes:
    """Set the deadline."""
    deadline.current.set(call.limit)
    return proceed()
