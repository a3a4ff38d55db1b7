"""Has all that follows paid from the call's time budget, which runs since the call arrived (C23)."""

from collections.abc import Callable

from app.resilience import deadline
from app.rpc.calls import Call


def around(call: Call, proceed: Callable[[], bytes]) -> bytes:
    """Set the deadline."""
    deadline.current.set(call.limit)
    return proceed()
