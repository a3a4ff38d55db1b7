"""The header fields of our answers: what each says, and which of them an answer may carry (for OpenAPI)."""

from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Final

from app.errs import Error
from app.rest import examples
from app.rest.operations import Operation
from app.wire.deprecation import Deprecation

DOCUMENTED: Final[Mapping[str, str]] = {
    "X-Request-Id": "The id of the request, in every log line about it.",
    "Request-Id": "The same as X-Request-Id.",
    "X-Content-Type-Options": "`nosniff`: Content-Type is what it says.",
    "Cache-Control": "Whether the answer may be kept, and by whom.",
    "Vary": "The fields of the request that the answer depends on.",
    "Content-Encoding": "`gzip`, where the client accepts it.",
    "ETag": "The strong entity tag of what is answered; send it back in If-Match or If-None-Match.",
    "Location": "The path of what was created.",
    "Idempotent-Replayed": "`true` when this is the stored answer to an earlier request with the same key.",
    "Degraded": "The dependencies that did not help, and why: `preferences;reason=breaker-open`.",
    "RateLimit-Policy": "The limit and its window in seconds.",
    "RateLimit": "What is left of the limit, and the seconds until it starts anew.",
    "Retry-After": "Seconds to wait before the same request may succeed.",
    "WWW-Authenticate": "The challenge of RFC 6750; says what is wrong with the token, or which scope is missing.",
    "Accept": "The media types that the body may have.",
    "Accept-Post": "The media types that a POST may have.",
    "Accept-Patch": "The media types that a PATCH may have.",
    "Accept-Encoding": "`identity`: no body may be compressed.",
    "Content-Security-Policy": "What a page may load.",
    "Referrer-Policy": "What a page tells where its links lead.",
}
ALWAYS: Final = ("X-Request-Id", "Request-Id", "X-Content-Type-Options", "Cache-Control", "Vary")
LIMITED: Final = ("RateLimit-Policy", "RateLimit")
OF_PAGES: Final = ("Content-Security-Policy", "Referrer-Policy")


def key(name: str) -> str:
    """Return what a field is called among the components."""
    return name.replace("-", "")


def declared(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return what OpenAPI says of an answer with these fields, in one order everywhere."""
    carried = {*names}
    return {name: {"$ref": f"#/components/headers/{key(name)}"} for name in DOCUMENTED if name in carried}


def of_success(operation: Operation, own: Iterable[str], *, is_kept: bool) -> Iterator[str]:
    """Yield what a success may carry.

    Args:
        operation: which one.
        own: what its handler adds.
        is_kept: whether the answer is kept for whoever repeats the request.
    """
    yield from (*_of_any(operation), *own)
    if is_kept:
        yield "Idempotent-Replayed"
    if "text/html" in operation.produces:
        yield from OF_PAGES


def of_errors(operation: Operation, errors: Iterable[type[Error]], status: HTTPStatus, *, method: str) -> Iterator[str]:
    """Yield what an answer with one of these errors may carry."""
    yield from _of_any(operation)
    for error in errors:
        yield from examples.headers(error, method=method)
    if status is HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
        yield "Accept-Encoding"


def of_deprecation(deprecation: Deprecation) -> dict[str, dict[str, object]]:
    """Return what OpenAPI says of the fields of every answer of a deprecated operation."""
    described = {
        "Deprecation": f"The operation is deprecated from {deprecation.since} on (RFC 9745).",
        "Sunset": f"The operation may be gone from {deprecation.sunset} on (RFC 8594).",
        "Link": 'With `rel="deprecation"`, a page about the deprecation.',
    }
    return {name: {"description": described[name], "schema": {"type": "string"}} for name in deprecation.fields}


def _of_any(operation: Operation) -> Iterator[str]:
    yield from ALWAYS
    if operation.is_limited:
        yield from LIMITED
