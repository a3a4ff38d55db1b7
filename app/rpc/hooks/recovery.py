"""Turns whatever is raised into a status. Above every hook that refuses, so that their refusals pass it too."""

from collections.abc import Callable

from grpc import StatusCode

from app.rpc.calls import Call
from app.rpc.errors import answer


def around(call: Call, proceed: Callable[[], bytes]) -> bytes:
    """Answer; of a call whose caller has gone away there is nothing to tell but that."""
    try:
        return proceed()
    except Exception as exc:
        if call.was_cancelled:
            call.end(StatusCode.CANCELLED)
        else:
            answer(exc, call)
        return b""
