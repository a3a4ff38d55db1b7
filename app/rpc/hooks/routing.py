"""Refuses what nobody answers, and what has waited for a thread for too long. Before limits (C9a)."""

from collections.abc import Callable

from app.errs.platform import MethodNotAllowed
from app.rpc.calls import Call
from app.rpc.services import METHODS


def around(call: Call, proceed: Callable[[], bytes]) -> bytes:
    """Go on with a call of one of our methods, while it has time.

    Raises:
        MethodNotAllowed: there is no such method.
        DeadlineExceeded: the time is over.
    """
    if call.method is None:
        raise MethodNotAllowed(method=call.path.removeprefix("/"), allowed=[method.name for method in METHODS.values()])
    call.limit.check("line")
    return proceed()
