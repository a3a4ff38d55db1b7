"""Exceptions that no code expected, passed to reporters: those of HTTP requests, gRPC calls and jobs.

Errors of clients, of dependencies and of capacity are not reported, whatever raised them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from app import errs, request_context
from app.errs import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class UnforeseenException:
    """An exception, the operation in which it was raised, and the IDs of the request or of the job's request."""

    exception: BaseException
    operation: str
    code: str
    request_id: str | None
    trace_id: str | None


REPORTERS: Final[list[Callable[[UnforeseenException], None]]] = []


def is_unforeseen(exc: BaseException) -> bool:
    """Return true for an exception outside the catalogue, also as the cause of an error of the service."""
    if not isinstance(exc, errs.Error):
        return True
    return exc.fault is Fault.SERVICE and not isinstance(errs.root_cause(exc), errs.Error)


def report(exc: BaseException, *, operation: str, code: str) -> None:
    """Pass an exception to all reporters if it is unforeseen.

    Args:
        exc: the exception.
        operation: the name of the operation, such as ``GET /v1/tasks``, or the kind of the job.
        code: the code of the error that the client received.
    """
    if not REPORTERS or not is_unforeseen(exc):
        return
    unforeseen = UnforeseenException(
        exception=exc,
        operation=operation,
        code=code,
        request_id=request_context.request_id.get(),
        trace_id=request_context.trace_id.get(),
    )
    for each in REPORTERS:
        each(unforeseen)
