"""Rejects unknown methods and calls that waited too long for a thread. Before ``limits`` (C9a)."""

from collections.abc import Callable

from app.errs.platform import MethodNotAllowed
from app.rpc.calls import Call
from app.rpc.services import METHODS


def around(call: Call, proceed: Callable[[], bytes]) -> bytes:
    """Proceed with a known method while the call has time.

    Raises:
        MethodNotAllowed: there is no such method.
        DeadlineExceeded: the budget is spent.
    """
    if call.method is None:
        raise MethodNotAllowed(method=call.path.removeprefix("/"), allowed=[method.name for method in METHODS.values()])
    call.limit.check("line")
    return proceed()
