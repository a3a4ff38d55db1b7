"""The header fields of responses, with their descriptions, and the fields of each response (for OpenAPI)."""

from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Final

from app.errs import Error
from app.rest import error_examples
from app.rest.operations import Operation
from app.wire.deprecation import Deprecation

DOCUMENTED: Final[Mapping[str, str]] = {
    "X-Request-Id": "The ID of the request, as in its log entries.",
    "Request-Id": "The same as X-Request-Id.",
    "X-Content-Type-Options": "`nosniff`: browsers must use Content-Type.",
    "Cache-Control": "The caching rules of the response.",
    "Vary": "The request header fields on which the response depends.",
    "Content-Encoding": "`gzip`, if the client accepts it.",
    "ETag": "The strong entity tag of the response. Send it in If-Match or If-None-Match.",
    "Location": "The path of the new resource.",
    "Idempotent-Replayed": "`true` if this is the stored response to an earlier request with the same key.",
    "Degraded": "The failed dependencies with the reasons: `preferences;reason=breaker-open`.",
    "Read-After": "The position of the data after this request. Send it with the next read. Only with replicas.",
    "RateLimit-Policy": "The limit and its window in seconds.",
    "RateLimit": "The remaining requests, and the seconds until the limit is reset.",
    "Retry-After": "The seconds to wait before a retry.",
    "WWW-Authenticate": "The challenge of RFC 6750, with the problem of the token or the missing scope.",
    "Accept": "The supported media types of the body.",
    "Accept-Post": "The supported media types of a POST.",
    "Accept-Patch": "The supported media types of a PATCH.",
    "Accept-Encoding": "`identity`: compressed bodies are not supported.",
    "Content-Security-Policy": "The resources that a page can load.",
    "Referrer-Policy": "The information that a page sends to the targets of its links.",
}
ALWAYS: Final = ("X-Request-Id", "Request-Id", "X-Content-Type-Options", "Cache-Control", "Vary")
SAFE: Final = frozenset({"get", "head", "options"})
LIMITED: Final = ("RateLimit-Policy", "RateLimit")
OF_PAGES: Final = ("Content-Security-Policy", "Referrer-Policy")


def key(name: str) -> str:
    """Return the name of a field among the components."""
    return name.replace("-", "")


def declared(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the OpenAPI headers of a response with these fields, always in the same order."""
    carried = {*names}
    return {name: {"$ref": f"#/components/headers/{key(name)}"} for name in DOCUMENTED if name in carried}


def of_success(operation: Operation, own: Iterable[str], *, is_kept: bool, is_write: bool) -> Iterator[str]:
    """Yield the header fields of a success.

    Args:
        operation: the operation.
        own: the fields that its handler adds.
        is_kept: true if the response is stored for retries with an Idempotency-Key.
        is_write: true if its method is not safe.
    """
    yield from (*_of_any(operation, is_write=is_write), *own)
    if is_kept:
        yield "Idempotent-Replayed"
    if "text/html" in operation.produces:
        yield from OF_PAGES


def of_errors(operation: Operation, errors: Iterable[type[Error]], status: HTTPStatus, *, method: str) -> Iterator[str]:
    """Yield the header fields of a response with one of these errors."""
    yield from _of_any(operation, is_write=method not in SAFE)
    for error in errors:
        yield from error_examples.headers(error, method=method)
    if status is HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
        yield "Accept-Encoding"


def of_deprecation(deprecation: Deprecation) -> dict[str, dict[str, object]]:
    """Return the OpenAPI headers of every response of a deprecated operation."""
    described = {
        "Deprecation": f"The operation is deprecated from {deprecation.since} (RFC 9745).",
        "Sunset": f"The operation can be removed from {deprecation.sunset} (RFC 8594).",
        "Link": 'With `rel="deprecation"`, a page about the deprecation.',
    }
    return {name: {"description": described[name], "schema": {"type": "string"}} for name in deprecation.fields}


def _of_any(operation: Operation, *, is_write: bool) -> Iterator[str]:
    yield from ALWAYS
    if operation.reads_replica or (is_write and operation.needs_slot):
        yield "Read-After"
    if operation.is_limited:
        yield from LIMITED
