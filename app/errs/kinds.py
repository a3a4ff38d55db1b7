"""The closed list of error categories, with the attributes that are the same on every transport.

Names and meanings follow Rob Pike's upspin and go-api-basic. The integer of a kind is part of the contract: add new
kinds at the end only. HTTP and gRPC statuses belong to the transports.
"""

import logging
from enum import Enum, StrEnum


class Fault(StrEnum):
    """The party that must act to resolve the error."""

    CLIENT = "client"
    SERVICE = "service"
    DEPENDENCY = "dependency"
    CAPACITY = "capacity"


class Kind(Enum):
    """An error category with its ``string``, ``fault``, ``retryable`` and ``log_level``. Its value is an integer."""

    string: str
    fault: Fault
    retryable: bool

    __hash__ = object.__hash__  # in C; that of Enum is a function

    def __new__(cls, number: int, string: str, fault: Fault, retryable: bool = False) -> "Kind":
        """Make the integer the value and store the rest as attributes."""
        kind = object.__new__(cls)
        kind._value_ = number
        kind.string, kind.fault, kind.retryable = string, fault, retryable
        return kind

    OTHER = 0, "other_error", Fault.SERVICE
    INVALID = 1, "invalid_operation", Fault.CLIENT
    IO = 2, "io_error", Fault.SERVICE
    EXIST = 3, "item_already_exists", Fault.CLIENT
    NOT_EXIST = 4, "item_does_not_exist", Fault.CLIENT
    PRIVATE = 5, "information_withheld", Fault.CLIENT
    INTERNAL = 6, "internal_error", Fault.SERVICE
    BROKEN_LINK = 7, "link_target_does_not_exist", Fault.CLIENT
    DATABASE = 8, "database_error", Fault.SERVICE
    VALIDATION = 9, "input_validation_error", Fault.CLIENT
    UNANTICIPATED = 10, "unanticipated_error", Fault.SERVICE
    INVALID_REQUEST = 11, "invalid_request_error", Fault.CLIENT
    UNAUTHENTICATED = 12, "unauthenticated_request", Fault.CLIENT
    UNAUTHORIZED = 13, "unauthorized_request", Fault.CLIENT
    UNSUPPORTED_MEDIA_TYPE = 14, "unsupported_media_type", Fault.CLIENT
    METHOD_NOT_ALLOWED = 15, "method_not_allowed", Fault.CLIENT
    NOT_ACCEPTABLE = 16, "not_acceptable", Fault.CLIENT
    CONFLICT = 17, "edit_conflict", Fault.CLIENT, True
    PRECONDITION_FAILED = 18, "precondition_failed", Fault.CLIENT
    PRECONDITION_REQUIRED = 19, "precondition_required", Fault.CLIENT
    TOO_LARGE = 20, "request_too_large", Fault.CLIENT
    UNPROCESSABLE = 21, "unprocessable_request", Fault.CLIENT
    RATE_LIMITED = 22, "rate_limit_exceeded", Fault.CLIENT, True
    EXTERNAL = 23, "external_service_error", Fault.DEPENDENCY, True
    UNAVAILABLE = 24, "service_unavailable", Fault.CAPACITY, True
    DEADLINE = 25, "deadline_exceeded", Fault.CAPACITY, True
    STORAGE_FULL = 26, "insufficient_storage", Fault.CAPACITY, True

    @property
    def log_level(self) -> int:
        """``WARNING`` for errors that the client can fix, ``ERROR`` for all others."""
        return logging.WARNING if self.fault is Fault.CLIENT else logging.ERROR

    @classmethod
    def of(cls, string: str) -> "Kind":
        """Return the kind with this string.

        Raises:
            ValueError: no kind has this string.
        """
        try:
            return _BY_STRING[string]
        except KeyError:
            raise ValueError(f"no kind has the string {string!r}") from None


_BY_STRING = {kind.string: kind for kind in Kind}
