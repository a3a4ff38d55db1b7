"""The parts of a proxy's configuration that depend on the service, independent of a proxy's syntax."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import orjson
from flask import Flask

from app import errs
from app.errs import Outcome, platform, requests
from app.rest import operations, path_prefix, retry_safety
from app.rest.errors import RETRY, ProblemContext, headers_of, problem, status_of
from app.rest.hooks import cors
from app.rest.operations import Operation

PLACEHOLDER: Final = 1_000_000_007
"""The limit of a body until the document is rendered, because a variable of a proxy is not a JSON number."""
UNSETTLED: Final = frozenset({HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})
"""The statuses of a proxy if a worker failed after it may have made a change."""
ADVICE: Final = f',"retry":{orjson.dumps(RETRY).decode()}'
"""The property with the retry advice, as it is rendered in a document."""
RETRYABLE: Final = '"retryable":true'
GRACE_MS: Final = 400
"""Milliseconds beyond REQUEST_TIMEOUT after which a proxy stops waiting: the service itself responds with 504 (C23)."""
RESENT: Final = ("GET", "HEAD", "OPTIONS")
"""Methods that a proxy sends to another instance after a failure."""


Operations = tuple[tuple[str, str], ...]
"""The method and a pattern of the path of each operation."""


@dataclass(frozen=True)
class Document:
    """A problem document of the proxy, with the placeholders of its syntax.

    Args:
        status: the status of the response.
        code: the code in the catalogue.
        kind: the error category.
        text: the JSON text.
        doubtful: the JSON text if the request may have made a change, and a retry could make it twice.
        retry_after: the value of Retry-After, often empty.
    """

    status: int
    code: str
    kind: str
    text: str
    doubtful: str
    retry_after: str


@dataclass(frozen=True)
class Description:
    """A service, from the view of its proxy.

    Args:
        documents: by status.
        max_body_bytes: of a request.
        response_ms: the longest duration of a response.
        keyed: operations that support an Idempotency-Key.
        versioned: operations that honour the version in If-Match, and are not idempotent without it.
        limits: the operations with a lower limit of the body, by this limit, which the service checks.
        origins: of pages that can read responses.
        exposed: the header fields that they can read.
    """

    documents: dict[int, Document]
    max_body_bytes: int
    response_ms: int
    keyed: Operations
    versioned: Operations
    limits: dict[int, Operations]
    origins: tuple[str, ...]
    exposed: str


def describe(app: Flask, *, request_id: str, now: str, limit: str, more: Sequence[errs.Error] = ()) -> Description:
    """Return the description of an application.

    Args:
        app: the application.
        request_id: the request ID in the syntax of the proxy.
        now: the time in UTC (RFC 3339) in the syntax of the proxy.
        limit: the limit of the body of the requested operation in the syntax of the proxy.
        more: further errors that only this proxy returns itself.
    """
    settings = app.config
    context = ProblemContext(public_url=settings["PUBLIC_URL"], instance=None, timestamp=now, request_id=request_id)
    errors = rejections(max_body_bytes=PLACEHOLDER, request_timeout=settings["REQUEST_TIMEOUT"])
    documents = [_document(error, context, limit) for error in (*errors, *more)]
    return Description(
        documents={document.status: document for document in documents},
        max_body_bytes=settings["MAX_BODY_BYTES"],
        response_ms=round(settings["REQUEST_TIMEOUT"] * 1000) + GRACE_MS,
        keyed=_operations(app, honours_keys),
        versioned=_operations(app, reads_versions),
        limits=_limits(app),
        origins=tuple(settings["CORS_ORIGINS"]),
        exposed=cors.EXPOSED,
    )


def rejections(*, max_body_bytes: int, request_timeout: float) -> list[errs.Error]:
    """Return all errors that a proxy returns without the service."""
    return [
        requests.MalformedRequest(),
        requests.UnsupportedTransferCoding(),
        requests.BodyTooLarge(limit=max_body_bytes),
        requests.UriTooLong(),
        requests.HeaderFieldsTooLarge(),
        platform.InternalError(),
        platform.ServiceUnavailable(retry_after=1),
        platform.DeadlineExceeded(budget_ms=round(request_timeout * 1000), spent_in="service"),
    ]


def honours_keys(method: str, operation: Operation) -> bool:
    """Return True if an operation supports Idempotency-Key."""
    return method == "POST" and requests.InvalidIdempotencyKey in operation.raises


def reads_versions(method: str, operation: Operation) -> bool:
    """Return True if a repetition of an operation is safe with a version in If-Match, but not without it."""
    return method not in retry_safety.IDEMPOTENT and requests.PreconditionFailed in operation.raises


def matching(app: Flask, holds: Callable[[str, Operation], bool]) -> Iterator[tuple[str, str]]:
    """Yield method and path pattern of operations."""
    found = patterns(app)
    for (endpoint, method), operation in operations.table(app).items():
        if holds(method, operation):
            yield method, found[endpoint]


def patterns(app: Flask) -> dict[str, str]:
    """Return a pattern of the path of each endpoint, below the path of PUBLIC_URL."""
    return {rule.endpoint: re.sub("<[^>]+>", "[^/? ]+", rule.rule) for rule in app.url_map.iter_rules()}


def retry_after(error: errs.Error, status: HTTPStatus) -> str:
    """Return the value of Retry-After, often empty."""
    return headers_of(error, status, method="GET").get("Retry-After", "")


def _operations(app: Flask, holds: Callable[[str, Operation], bool]) -> Operations:
    """Return operations with the patterns of their paths, which have no query and no space."""
    prefix = re.escape(path_prefix.prefix_of(app.config["PUBLIC_URL"]))
    return tuple(sorted({(method, prefix + path.replace("[^/? ]", "[^/]")) for method, path in matching(app, holds)}))


def _limits(app: Flask) -> dict[int, Operations]:
    largest = app.config["MAX_BODY_BYTES"]
    every = {each.body_limit(largest) for each in operations.table(app).values() if each.consumes}

    def having(limit: int) -> Callable[[str, Operation], bool]:
        return lambda _, each: bool(each.consumes) and each.body_limit(largest) == limit

    return {limit: _operations(app, having(limit)) for limit in sorted(every) if limit < largest}


def _document(error: errs.Error, context: ProblemContext, limit: str) -> Document:
    status, text = status_of(error), orjson.dumps(problem(error, context)).decode().replace(str(PLACEHOLDER), limit)
    return Document(
        status=status.value,
        code=errs.definition(error).code,
        kind=error.kind.string,
        text=text,
        doubtful=_doubtful(text, error) if status in UNSETTLED else text,
        retry_after=retry_after(error, status),
    )


def _doubtful(text: str, error: errs.Error) -> str:
    """Return the document for a request whose retry could make a change twice."""
    detail = orjson.dumps(error.message).decode()
    text = text.replace(detail, f'{detail[:-1]}{Outcome.DOUBTFUL.value}"').replace(ADVICE, "")
    return text.replace(RETRYABLE, '"retryable":false')
