"""Turns every exception into a status. Above the hooks that reject calls, because their errors pass it too."""

from collections.abc import Callable

from grpc import StatusCode

from app.rpc.calls import Call
from app.rpc.errors import answer


def around(call: Call, proceed: Callable[[], bytes]) -> bytes:
    """Proceed; if the client has disconnected, the status is CANCELLED."""
    try:
        return proceed()
    except Exception as exc:
        if call.was_cancelled:
            call.end(StatusCode.CANCELLED)
        else:
            answer(exc, call)
        return b""
