"""Translation of responses to JSON or application errors. Only this module does it. No text of a dependency passes."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final

import httpx2
import orjson

from app.errs import Error, Fault, Kind, from_problem
from app.errs.platform import ExternalServiceError, ServiceUnavailable
from app.resilience.deadline import Deadline

PROBLEM: Final = "application/problem+json"
CHANGED: Final = frozenset({HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED, HTTPStatus.NO_CONTENT})
"""The statuses of a successful change."""
MAX_QUOTED: Final = 300
"""The maximum number of characters of a text that are logged."""


def read(response: httpx2.Response, *, max_bytes: int, name: str, limit: Deadline, is_change: bool = False) -> object:
    """Return the JSON of a successful response. Only the response to a change can have no body, which is ``None``.

    Raises:
        Error: the response is a problem document; the error has its kind.
        ExternalServiceError: there is no usable response.
    """
    body = _body(response, max_bytes)
    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if is_change and response.status_code in CHANGED and not body:
        return None
    if response.status_code != HTTPStatus.OK and not (is_change and response.status_code in CHANGED):
        remote = _problem(media_type, body, response.status_code)
        raise (
            _unusable(response, body.decode("utf-8", "replace")) if remote is None else _own_error(remote, name, limit)
        )
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise _unusable(response, f"a successful response of the media type {media_type[:MAX_QUOTED]!r}")
    try:
        return orjson.loads(body)
    except ValueError as error:
        raise _unusable(response, "a successful response that is not JSON") from error


def _body(response: httpx2.Response, max_bytes: int) -> bytes:
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise _unusable(response, "a compressed response, which was not requested")
    body = bytearray()
    for part in response.iter_raw():
        body += part
        if len(body) > max_bytes:
            raise _unusable(response, f"more than {max_bytes} bytes")
    return bytes(body)


def _problem(media_type: str, body: bytes, status: int) -> Error | None:
    """Return the error of a problem document; ``None`` if the body is not one. Its texts are only for the log."""
    try:
        document: Any = orjson.loads(body) if media_type == PROBLEM else None
    except ValueError:
        return None
    if not isinstance(document, dict):
        return None
    error = from_problem(document)
    remote = {
        "remote_kind": error.kind.string,
        "remote_code": error.code,
        "remote_param": error.__dict__.pop("param", None),
    }
    facts = {**error.facts, **remote, "detail": error.detail}
    short = {name: fact[:MAX_QUOTED] if isinstance(fact, str) else fact for name, fact in facts.items()}
    error.detail = short.pop("detail")
    error.facts = {**short, "remote_status": status}
    return error


def _own_error(remote: Error, name: str, limit: Deadline) -> Error:
    """Return this service's error for an error of a dependency. A bug of the dependency is an external error here."""
    error = remote
    if remote.kind is Kind.UNAVAILABLE:
        error = ServiceUnavailable(retry_after=remote.__dict__.pop("retry_after", None))
    elif remote.kind is Kind.DEADLINE:
        error = limit.exceeded(name)
    elif remote.kind is Kind.EXTERNAL or remote.kind.fault is Fault.SERVICE:
        error = ExternalServiceError()
    if remote.kind is not Kind.RATE_LIMITED:
        remote.__dict__.pop("retry_after", None)
    if error is not remote:
        error.facts, error.__cause__ = {**remote.facts, **error.facts}, remote
    return error


def _unusable(response: httpx2.Response, reason: str) -> ExternalServiceError:
    return ExternalServiceError(detail=reason[:MAX_QUOTED], remote_status=response.status_code)


@contextmanager
def translated(name: str, limit: Deadline) -> Iterator[None]:
    """Translate network errors to application errors."""
    try:
        yield
    except (httpx2.HTTPError, OSError) as error:
        if limit.is_over:
            raise limit.exceeded(name) from error
        if isinstance(error, httpx2.NetworkError | httpx2.TimeoutException | OSError):
            raise ServiceUnavailable(detail=f"not reached: {error}"[:MAX_QUOTED]) from error
        raise ExternalServiceError(detail=f"an invalid HTTP response: {error}"[:MAX_QUOTED]) from error
