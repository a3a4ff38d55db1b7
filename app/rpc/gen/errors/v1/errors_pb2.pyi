import datetime

from google.protobuf import any_pb2 as _any_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AppErrorCode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    APP_ERROR_CODE_UNSPECIFIED: _ClassVar[AppErrorCode]
    VALIDATION_FAILED: _ClassVar[AppErrorCode]
    REQUIRED_FIELD: _ClassVar[AppErrorCode]
    TOO_SHORT: _ClassVar[AppErrorCode]
    TOO_LONG: _ClassVar[AppErrorCode]
    INVALID_FORMAT: _ClassVar[AppErrorCode]
    MUST_BE_FUTURE: _ClassVar[AppErrorCode]
    INVALID_VALUE: _ClassVar[AppErrorCode]
    DUPLICATE_TAG: _ClassVar[AppErrorCode]
    INVALID_TAG_FORMAT: _ClassVar[AppErrorCode]
    OVERDUE_COMPLETION: _ClassVar[AppErrorCode]
    EMPTY_BATCH: _ClassVar[AppErrorCode]
    BATCH_TOO_LARGE: _ClassVar[AppErrorCode]
    DUPLICATE_TITLE: _ClassVar[AppErrorCode]
    UNKNOWN_FIELD: _ClassVar[AppErrorCode]
    UNKNOWN_PARAMETER: _ClassVar[AppErrorCode]
    INVALID_TYPE: _ClassVar[AppErrorCode]
    INVALID_DATE_FORMAT: _ClassVar[AppErrorCode]
    BROKEN_LINK: _ClassVar[AppErrorCode]
    WRONG_PASSWORD: _ClassVar[AppErrorCode]
    TOO_COMMON: _ClassVar[AppErrorCode]
    DUPLICATE_SKU: _ClassVar[AppErrorCode]
    RESOURCE_NOT_FOUND: _ClassVar[AppErrorCode]
    RESOURCE_CONFLICT: _ClassVar[AppErrorCode]
    BATCH_FAILED: _ClassVar[AppErrorCode]
    AUTHENTICATION_FAILED: _ClassVar[AppErrorCode]
    PERMISSION_DENIED: _ClassVar[AppErrorCode]
    RATE_LIMIT_EXCEEDED: _ClassVar[AppErrorCode]
    SERVICE_UNAVAILABLE: _ClassVar[AppErrorCode]
    METHOD_NOT_ALLOWED: _ClassVar[AppErrorCode]
    MALFORMED_REQUEST: _ClassVar[AppErrorCode]
    BODY_TOO_LARGE: _ClassVar[AppErrorCode]
    DEADLINE_EXCEEDED: _ClassVar[AppErrorCode]
    INSUFFICIENT_STORAGE: _ClassVar[AppErrorCode]
    INVALID_FILTER: _ClassVar[AppErrorCode]
    INVALID_ORDER_BY: _ClassVar[AppErrorCode]
    INVALID_PAGE_TOKEN: _ClassVar[AppErrorCode]
    INVALID_IDEMPOTENCY_KEY: _ClassVar[AppErrorCode]
    IDEMPOTENCY_IN_PROGRESS: _ClassVar[AppErrorCode]
    IDEMPOTENCY_KEY_REUSED: _ClassVar[AppErrorCode]
    EXTERNAL_SERVICE_ERROR: _ClassVar[AppErrorCode]
    INVALID_OPERATION: _ClassVar[AppErrorCode]
    LINK_TARGET_DOES_NOT_EXIST: _ClassVar[AppErrorCode]
    INVALID_REQUEST_ERROR: _ClassVar[AppErrorCode]
    UNSUPPORTED_MEDIA_TYPE: _ClassVar[AppErrorCode]
    NOT_ACCEPTABLE: _ClassVar[AppErrorCode]
    PRECONDITION_FAILED: _ClassVar[AppErrorCode]
    PRECONDITION_REQUIRED: _ClassVar[AppErrorCode]
    REQUEST_TOO_LARGE: _ClassVar[AppErrorCode]
    UNPROCESSABLE_REQUEST: _ClassVar[AppErrorCode]
    INPUT_VALIDATION_ERROR: _ClassVar[AppErrorCode]
    INTERNAL_ERROR: _ClassVar[AppErrorCode]
APP_ERROR_CODE_UNSPECIFIED: AppErrorCode
VALIDATION_FAILED: AppErrorCode
REQUIRED_FIELD: AppErrorCode
TOO_SHORT: AppErrorCode
TOO_LONG: AppErrorCode
INVALID_FORMAT: AppErrorCode
MUST_BE_FUTURE: AppErrorCode
INVALID_VALUE: AppErrorCode
DUPLICATE_TAG: AppErrorCode
INVALID_TAG_FORMAT: AppErrorCode
OVERDUE_COMPLETION: AppErrorCode
EMPTY_BATCH: AppErrorCode
BATCH_TOO_LARGE: AppErrorCode
DUPLICATE_TITLE: AppErrorCode
UNKNOWN_FIELD: AppErrorCode
UNKNOWN_PARAMETER: AppErrorCode
INVALID_TYPE: AppErrorCode
INVALID_DATE_FORMAT: AppErrorCode
BROKEN_LINK: AppErrorCode
WRONG_PASSWORD: AppErrorCode
TOO_COMMON: AppErrorCode
DUPLICATE_SKU: AppErrorCode
RESOURCE_NOT_FOUND: AppErrorCode
RESOURCE_CONFLICT: AppErrorCode
BATCH_FAILED: AppErrorCode
AUTHENTICATION_FAILED: AppErrorCode
PERMISSION_DENIED: AppErrorCode
RATE_LIMIT_EXCEEDED: AppErrorCode
SERVICE_UNAVAILABLE: AppErrorCode
METHOD_NOT_ALLOWED: AppErrorCode
MALFORMED_REQUEST: AppErrorCode
BODY_TOO_LARGE: AppErrorCode
DEADLINE_EXCEEDED: AppErrorCode
INSUFFICIENT_STORAGE: AppErrorCode
INVALID_FILTER: AppErrorCode
INVALID_ORDER_BY: AppErrorCode
INVALID_PAGE_TOKEN: AppErrorCode
INVALID_IDEMPOTENCY_KEY: AppErrorCode
IDEMPOTENCY_IN_PROGRESS: AppErrorCode
IDEMPOTENCY_KEY_REUSED: AppErrorCode
EXTERNAL_SERVICE_ERROR: AppErrorCode
INVALID_OPERATION: AppErrorCode
LINK_TARGET_DOES_NOT_EXIST: AppErrorCode
INVALID_REQUEST_ERROR: AppErrorCode
UNSUPPORTED_MEDIA_TYPE: AppErrorCode
NOT_ACCEPTABLE: AppErrorCode
PRECONDITION_FAILED: AppErrorCode
PRECONDITION_REQUIRED: AppErrorCode
REQUEST_TOO_LARGE: AppErrorCode
UNPROCESSABLE_REQUEST: AppErrorCode
INPUT_VALIDATION_ERROR: AppErrorCode
INTERNAL_ERROR: AppErrorCode

class ErrorDetail(_message.Message):
    __slots__ = ("code", "title", "detail", "field_violations", "trace_id", "timestamp", "instance", "extensions", "app_error_code")
    class ExtensionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _any_pb2.Any
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_any_pb2.Any, _Mapping]] = ...) -> None: ...
    CODE_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    FIELD_VIOLATIONS_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    EXTENSIONS_FIELD_NUMBER: _ClassVar[int]
    APP_ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
    code: str
    title: str
    detail: str
    field_violations: _containers.RepeatedCompositeFieldContainer[FieldViolation]
    trace_id: str
    timestamp: _timestamp_pb2.Timestamp
    instance: str
    extensions: _containers.MessageMap[str, _any_pb2.Any]
    app_error_code: AppErrorCode
    def __init__(self, code: _Optional[str] = ..., title: _Optional[str] = ..., detail: _Optional[str] = ..., field_violations: _Optional[_Iterable[_Union[FieldViolation, _Mapping]]] = ..., trace_id: _Optional[str] = ..., timestamp: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., instance: _Optional[str] = ..., extensions: _Optional[_Mapping[str, _any_pb2.Any]] = ..., app_error_code: _Optional[_Union[AppErrorCode, str]] = ...) -> None: ...

class FieldViolation(_message.Message):
    __slots__ = ("field", "description", "code", "app_error_code")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    APP_ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
    field: str
    description: str
    code: str
    app_error_code: AppErrorCode
    def __init__(self, field: _Optional[str] = ..., description: _Optional[str] = ..., code: _Optional[str] = ..., app_error_code: _Optional[_Union[AppErrorCode, str]] = ...) -> None: ...

class ItemFailure(_message.Message):
    __slots__ = ("index", "error")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    index: int
    error: ErrorDetail
    def __init__(self, index: _Optional[int] = ..., error: _Optional[_Union[ErrorDetail, _Mapping]] = ...) -> None: ...

class ItemFailures(_message.Message):
    __slots__ = ("failures",)
    FAILURES_FIELD_NUMBER: _ClassVar[int]
    failures: _containers.RepeatedCompositeFieldContainer[ItemFailure]
    def __init__(self, failures: _Optional[_Iterable[_Union[ItemFailure, _Mapping]]] = ...) -> None: ...
