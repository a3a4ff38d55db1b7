"""What an answer means: JSON, or an error of the house. Here and once; nothing that the other side says passes on."""

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
QUOTED: Final = 300
"""Characters that the log is told of a text."""


def read(response: httpx2.Response, *, largest: int, name: str, limit: Deadline) -> object:
    """Return the JSON of a successful answer.

    Raises:
        Error: of the kind that a problem document names.
        ExternalServiceError: there is no usable answer.
    """
    body = _body(response, largest)
    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if response.status_code != HTTPStatus.OK:
        said = _problem(media_type, body, response.status_code)
        raise _useless(response, body.decode("utf-8", "replace")) if said is None else _in_our_words(said, name, limit)
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise _useless(response, f"a success of the type {media_type[:QUOTED]!r}")
    try:
        return orjson.loads(body)
    except ValueError as error:
        raise _useless(response, "a success that is no JSON") from error


def _body(response: httpx2.Response, largest: int) -> bytes:
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise _useless(response, "compressed, though we asked for no such thing")
    body = bytearray()
    for part in response.iter_raw():
        body += part
        if len(body) > largest:
            raise _useless(response, f"more than {largest} bytes")
    return bytes(body)


def _problem(media_type: str, body: bytes, status: int) -> Error | None:
    """Return the error of a problem document, if it is one, for the log: what it says is theirs, and not shown."""
    try:
        document: Any = orjson.loads(body) if media_type == PROBLEM else None
    except ValueError:
        return None
    if not isinstance(document, dict):
        return None
    said = from_problem(document)
    told = {"remote_kind": said.kind.string, "remote_code": said.code, "remote_param": said.__dict__.pop("param", None)}
    facts = {**said.facts, **told, "detail": said.detail}
    short = {name: fact[:QUOTED] if isinstance(fact, str) else fact for name, fact in facts.items()}
    said.detail = short.pop("detail")
    said.facts = {**short, "remote_status": status}
    return said


def _in_our_words(said: Error, name: str, limit: Deadline) -> Error:
    """Return the error that means to us what another side said; a fault of its own is no fault of ours."""
    meant = said
    if said.kind is Kind.UNAVAILABLE:
        meant = ServiceUnavailable(retry_after=said.__dict__.pop("retry_after", None))
    elif said.kind is Kind.DEADLINE:
        meant = limit.exceeded(name)
    elif said.kind is Kind.EXTERNAL or said.kind.fault is Fault.SERVICE:
        meant = ExternalServiceError()
    if said.kind is not Kind.RATE_LIMITED:
        said.__dict__.pop("retry_after", None)
    if meant is not said:
        meant.facts, meant.__cause__ = {**said.facts, **meant.facts}, said
    return meant


def _useless(response: httpx2.Response, says: str) -> ExternalServiceError:
    return ExternalServiceError(detail=says[:QUOTED], remote_status=response.status_code)


@contextmanager
def translated(name: str, limit: Deadline) -> Iterator[None]:
    """Turn what the network does into errors of the house."""
    try:
        yield
    except (httpx2.HTTPError, OSError) as error:
        if limit.is_over:
            raise limit.exceeded(name) from error
        if isinstance(error, httpx2.NetworkError | httpx2.TimeoutException | OSError):
            raise ServiceUnavailable(detail=f"not reached: {error}"[:QUOTED]) from error
        raise ExternalServiceError(detail=f"no HTTP as it should be: {error}"[:QUOTED]) from error
