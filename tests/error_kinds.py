"""The kinds as the wire contract lists them, written out by hand: tests compare each protocol with it."""

from typing import Final, NamedTuple


class Row(NamedTuple):
    """The public properties of a kind."""

    string: str
    status: int
    grpc: str
    is_retryable: bool = False


KINDS: Final = {
    "OTHER": Row("other_error", 500, "INTERNAL"),
    "INVALID": Row("invalid_operation", 400, "FAILED_PRECONDITION"),
    "IO": Row("io_error", 500, "INTERNAL"),
    "EXIST": Row("item_already_exists", 409, "ALREADY_EXISTS"),
    "NOT_EXIST": Row("item_does_not_exist", 404, "NOT_FOUND"),
    "PRIVATE": Row("information_withheld", 404, "NOT_FOUND"),
    "INTERNAL": Row("internal_error", 500, "INTERNAL"),
    "BROKEN_LINK": Row("link_target_does_not_exist", 400, "FAILED_PRECONDITION"),
    "DATABASE": Row("database_error", 500, "INTERNAL"),
    "VALIDATION": Row("input_validation_error", 400, "INVALID_ARGUMENT"),
    "UNANTICIPATED": Row("unanticipated_error", 500, "UNKNOWN"),
    "INVALID_REQUEST": Row("invalid_request_error", 400, "INVALID_ARGUMENT"),
    "UNAUTHENTICATED": Row("unauthenticated_request", 401, "UNAUTHENTICATED"),
    "UNAUTHORIZED": Row("unauthorized_request", 403, "PERMISSION_DENIED"),
    "UNSUPPORTED_MEDIA_TYPE": Row("unsupported_media_type", 415, "INVALID_ARGUMENT"),
    "METHOD_NOT_ALLOWED": Row("method_not_allowed", 405, "UNIMPLEMENTED"),
    "NOT_ACCEPTABLE": Row("not_acceptable", 406, "INVALID_ARGUMENT"),
    "CONFLICT": Row("edit_conflict", 409, "ABORTED", is_retryable=True),
    "PRECONDITION_FAILED": Row("precondition_failed", 412, "FAILED_PRECONDITION"),
    "PRECONDITION_REQUIRED": Row("precondition_required", 428, "FAILED_PRECONDITION"),
    "TOO_LARGE": Row("request_too_large", 413, "RESOURCE_EXHAUSTED"),
    "UNPROCESSABLE": Row("unprocessable_request", 422, "INVALID_ARGUMENT"),
    "RATE_LIMITED": Row("rate_limit_exceeded", 429, "RESOURCE_EXHAUSTED", is_retryable=True),
    "EXTERNAL": Row("external_service_error", 502, "UNAVAILABLE", is_retryable=True),
    "UNAVAILABLE": Row("service_unavailable", 503, "UNAVAILABLE", is_retryable=True),
    "DEADLINE": Row("deadline_exceeded", 504, "DEADLINE_EXCEEDED", is_retryable=True),
    "STORAGE_FULL": Row("insufficient_storage", 507, "RESOURCE_EXHAUSTED", is_retryable=True),
}
