"""Errors over gRPC: the status of each kind, and the text that clients receive."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from grpc import StatusCode
from sqlalchemy.exc import DBAPIError

from app import errs, request_context
from app.errs import Fault, Kind, platform
from app.observability import metrics
from app.observability.batch_log import BatchResult
from app.observability.error_response_log import report
from app.repositories import error_translation
from app.rpc import error_details
from app.rpc.calls import Call

CODES: Final[Mapping[Kind, StatusCode]] = {
    Kind.OTHER: StatusCode.INTERNAL,
    Kind.INVALID: StatusCode.FAILED_PRECONDITION,
    Kind.IO: StatusCode.INTERNAL,
    Kind.EXIST: StatusCode.ALREADY_EXISTS,
    Kind.NOT_EXIST: StatusCode.NOT_FOUND,
    Kind.PRIVATE: StatusCode.NOT_FOUND,
    Kind.INTERNAL: StatusCode.INTERNAL,
    Kind.BROKEN_LINK: StatusCode.FAILED_PRECONDITION,
    Kind.DATABASE: StatusCode.INTERNAL,
    Kind.VALIDATION: StatusCode.INVALID_ARGUMENT,
    Kind.UNANTICIPATED: StatusCode.UNKNOWN,
    Kind.INVALID_REQUEST: StatusCode.INVALID_ARGUMENT,
    Kind.UNAUTHENTICATED: StatusCode.UNAUTHENTICATED,
    Kind.UNAUTHORIZED: StatusCode.PERMISSION_DENIED,
    Kind.UNSUPPORTED_MEDIA_TYPE: StatusCode.INVALID_ARGUMENT,
    Kind.METHOD_NOT_ALLOWED: StatusCode.UNIMPLEMENTED,
    Kind.NOT_ACCEPTABLE: StatusCode.INVALID_ARGUMENT,
    Kind.CONFLICT: StatusCode.ABORTED,
    Kind.PRECONDITION_FAILED: StatusCode.FAILED_PRECONDITION,
    Kind.PRECONDITION_REQUIRED: StatusCode.FAILED_PRECONDITION,
    Kind.TOO_LARGE: StatusCode.RESOURCE_EXHAUSTED,
    Kind.UNPROCESSABLE: StatusCode.INVALID_ARGUMENT,
    Kind.RATE_LIMITED: StatusCode.RESOURCE_EXHAUSTED,
    Kind.EXTERNAL: StatusCode.UNAVAILABLE,
    Kind.UNAVAILABLE: StatusCode.UNAVAILABLE,
    Kind.DEADLINE: StatusCode.DEADLINE_EXCEEDED,
    Kind.STORAGE_FULL: StatusCode.RESOURCE_EXHAUSTED,
}
EVERYWHERE: Final[tuple[type[errs.Error], ...]] = (platform.MethodNotAllowed,)
"""Errors that are returned before the method is known."""
UNLIMITED: Final = frozenset({Kind.NOT_EXIST, Kind.METHOD_NOT_ALLOWED, Kind.RATE_LIMITED})
"""Unlimited errors before authentication; those of one second and address share a log entry."""
_HTTP: Final = {
    StatusCode.OK: HTTPStatus.OK,
    StatusCode.INVALID_ARGUMENT: HTTPStatus.BAD_REQUEST,
    StatusCode.FAILED_PRECONDITION: HTTPStatus.BAD_REQUEST,
    StatusCode.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    StatusCode.PERMISSION_DENIED: HTTPStatus.FORBIDDEN,
    StatusCode.NOT_FOUND: HTTPStatus.NOT_FOUND,
    StatusCode.UNIMPLEMENTED: HTTPStatus.METHOD_NOT_ALLOWED,
    StatusCode.ALREADY_EXISTS: HTTPStatus.CONFLICT,
    StatusCode.ABORTED: HTTPStatus.CONFLICT,
    StatusCode.RESOURCE_EXHAUSTED: HTTPStatus.TOO_MANY_REQUESTS,
    StatusCode.CANCELLED: 499,
    StatusCode.UNKNOWN: HTTPStatus.INTERNAL_SERVER_ERROR,
    StatusCode.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
    StatusCode.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    StatusCode.DEADLINE_EXCEEDED: HTTPStatus.GATEWAY_TIMEOUT,
}
"""The mapping of ``google.rpc.Code``, except UNIMPLEMENTED, which is not an error of the service."""


def http_status(code: StatusCode) -> int:
    """Return the HTTP status for log, failure recorder and metrics, which use it for both protocols."""
    return int(_HTTP[code])


def public_error(exc: BaseException) -> errs.Error:
    """Return the error that a client receives: the error itself, or ``INTERNAL_ERROR`` for a bug."""
    is_known = isinstance(exc, errs.Error) and exc.kind.fault is not Fault.SERVICE
    return exc if is_known and isinstance(exc, errs.Error) else platform.InternalError()


def answer(exc: BaseException, call: Call) -> None:
    """Set the status of a call for an exception; log it once and check that the method declares it."""
    if isinstance(exc, DBAPIError):  # from a session that was used outside of a unit of work
        exc = error_translation.of(exc) or exc
    shown = public_error(exc)
    call.end(CODES[shown.kind], error_details.status(shown, CODES[shown.kind], call))
    is_ours = shown.fault is not Fault.CLIENT
    caller = request_context.principal.get()
    fields = call.logged() | {
        "status": http_status(call.code),
        "user": caller.id if caller else None,
        "breakers": call.services.breakers() if is_ours else None,
    }
    declared: tuple[type[errs.Error], ...] = EVERYWHERE + (call.method.raises if call.method else ())
    name = call.method.name if call.method else metrics.UNMATCHED
    if failed := shown.failures:
        call.batch = BatchResult(created=0, failed=failed)
    shared_by = call.client_address if caller is None and shown.kind in UNLIMITED else None
    if not report(exc, shown, fields, operation=name, declared=declared, stack=is_ours, shared_by=shared_by):
        call.shared_code = errs.public_code(shown)
    if not isinstance(exc, errs.Error):
        metrics.PANICS.inc()
