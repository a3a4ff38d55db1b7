"""The HTTP status of each kind of error, of the codes that determine their status, and the error for any status."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from app import errs
from app.errs import Kind, status_errors

STATUS_OF_KIND: Final[Mapping[Kind, HTTPStatus]] = {
    Kind.OTHER: HTTPStatus.INTERNAL_SERVER_ERROR,
    Kind.INVALID: HTTPStatus.BAD_REQUEST,
    Kind.IO: HTTPStatus.INTERNAL_SERVER_ERROR,
    Kind.EXIST: HTTPStatus.CONFLICT,
    Kind.NOT_EXIST: HTTPStatus.NOT_FOUND,
    Kind.PRIVATE: HTTPStatus.NOT_FOUND,
    Kind.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
    Kind.BROKEN_LINK: HTTPStatus.BAD_REQUEST,
    Kind.DATABASE: HTTPStatus.INTERNAL_SERVER_ERROR,
    Kind.VALIDATION: HTTPStatus.BAD_REQUEST,
    Kind.UNANTICIPATED: HTTPStatus.INTERNAL_SERVER_ERROR,
    Kind.INVALID_REQUEST: HTTPStatus.BAD_REQUEST,
    Kind.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    Kind.UNAUTHORIZED: HTTPStatus.FORBIDDEN,
    Kind.UNSUPPORTED_MEDIA_TYPE: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    Kind.METHOD_NOT_ALLOWED: HTTPStatus.METHOD_NOT_ALLOWED,
    Kind.NOT_ACCEPTABLE: HTTPStatus.NOT_ACCEPTABLE,
    Kind.CONFLICT: HTTPStatus.CONFLICT,
    Kind.PRECONDITION_FAILED: HTTPStatus.PRECONDITION_FAILED,
    Kind.PRECONDITION_REQUIRED: HTTPStatus.PRECONDITION_REQUIRED,
    Kind.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Kind.UNPROCESSABLE: HTTPStatus.UNPROCESSABLE_ENTITY,
    Kind.RATE_LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
    Kind.EXTERNAL: HTTPStatus.BAD_GATEWAY,
    Kind.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    Kind.DEADLINE: HTTPStatus.GATEWAY_TIMEOUT,
    Kind.STORAGE_FULL: HTTPStatus.INSUFFICIENT_STORAGE,
}
STATUS_OF_CODE: Final[Mapping[str, HTTPStatus]] = {
    errs.requests.UnsupportedTransferCoding.code: HTTPStatus.NOT_IMPLEMENTED,
    errs.requests.UriTooLong.code: HTTPStatus.REQUEST_URI_TOO_LONG,
    errs.requests.HeaderFieldsTooLarge.code: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errs.status_errors.PaymentRequired.code: HTTPStatus.PAYMENT_REQUIRED,
    errs.status_errors.ProxyAuthenticationRequired.code: HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
    errs.status_errors.RequestTimeout.code: HTTPStatus.REQUEST_TIMEOUT,
    errs.status_errors.Gone.code: HTTPStatus.GONE,
    errs.status_errors.LengthRequired.code: HTTPStatus.LENGTH_REQUIRED,
    errs.status_errors.RequestedRangeNotSatisfiable.code: HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    errs.status_errors.ExpectationFailed.code: HTTPStatus.EXPECTATION_FAILED,
    errs.status_errors.ImATeapot.code: HTTPStatus.IM_A_TEAPOT,
    errs.status_errors.MisdirectedRequest.code: HTTPStatus.MISDIRECTED_REQUEST,
    errs.status_errors.Locked.code: HTTPStatus.LOCKED,
    errs.status_errors.FailedDependency.code: HTTPStatus.FAILED_DEPENDENCY,
    errs.status_errors.TooEarly.code: HTTPStatus.TOO_EARLY,
    errs.status_errors.UpgradeRequired.code: HTTPStatus.UPGRADE_REQUIRED,
    errs.status_errors.UnavailableForLegalReasons.code: HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS,
    errs.status_errors.FunctionNotImplemented.code: HTTPStatus.NOT_IMPLEMENTED,
    errs.status_errors.HttpVersionNotSupported.code: HTTPStatus.HTTP_VERSION_NOT_SUPPORTED,
    errs.status_errors.VariantAlsoNegotiates.code: HTTPStatus.VARIANT_ALSO_NEGOTIATES,
    errs.status_errors.LoopDetected.code: HTTPStatus.LOOP_DETECTED,
    errs.status_errors.NotExtended.code: HTTPStatus.NOT_EXTENDED,
    errs.status_errors.NetworkAuthenticationRequired.code: HTTPStatus.NETWORK_AUTHENTICATION_REQUIRED,
}
"""The statuses that a code determines instead of its kind."""
KIND_OF_STATUS: Final[Mapping[int, Kind]] = {
    400: Kind.INVALID_REQUEST,
    401: Kind.UNAUTHENTICATED,
    403: Kind.UNAUTHORIZED,
    404: Kind.NOT_EXIST,
    405: Kind.METHOD_NOT_ALLOWED,
    406: Kind.NOT_ACCEPTABLE,
    409: Kind.CONFLICT,
    412: Kind.PRECONDITION_FAILED,
    413: Kind.TOO_LARGE,
    415: Kind.UNSUPPORTED_MEDIA_TYPE,
    422: Kind.UNPROCESSABLE,
    428: Kind.PRECONDITION_REQUIRED,
    429: Kind.RATE_LIMITED,
    500: Kind.INTERNAL,
    502: Kind.EXTERNAL,
    503: Kind.UNAVAILABLE,
    504: Kind.DEADLINE,
    507: Kind.STORAGE_FULL,
}
"""The kind for a status. If several kinds have the status, it is the most general one."""
_BY_STATUS: Final[Mapping[int, str]] = {
    **{status.value: code for code, status in STATUS_OF_CODE.items()},
    HTTPStatus.NOT_IMPLEMENTED.value: status_errors.FunctionNotImplemented.code,
}


def status_error(status: int) -> type[errs.Error]:
    """Return the named error for a status of 400 or above, or the fallback of its class for an unknown status."""
    if kind := KIND_OF_STATUS.get(status):
        return errs.fallback(kind)
    if code := _BY_STATUS.get(status):
        return errs.named_errors()[code]
    return errs.fallback(Kind.UNAVAILABLE if status >= HTTPStatus.INTERNAL_SERVER_ERROR else Kind.INVALID_REQUEST)


def error_of(
    status: int,
    description: str | None = None,
    *,
    retry_after: int | None = None,
    cause: BaseException | None = None,
) -> errs.Error:
    """Return the error for a status of 400 or above.

    A nonstandard status has a code with its number, such as ``HTTP_420``.

    Args:
        status: the status of the response.
        description: the text for clients below 500. From 500 it is only logged.
        retry_after: the seconds from the exception.
        cause: the exception with the status.
    """
    named = status_error(status)
    code = named.code if status in KIND_OF_STATUS or status in _BY_STATUS else f"HTTP_{status}"
    is_shown = status < HTTPStatus.INTERNAL_SERVER_ERROR
    return errs.E(
        kind=named.kind,
        code=code,
        message=description if is_shown else None,
        detail=None if is_shown else description,
        retry_after=retry_after,
        cause=cause,
    )
