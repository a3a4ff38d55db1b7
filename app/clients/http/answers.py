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
WAITED_FOR: Final = frozenset({Kind.UNAVAILABLE, Kind.RATE_LIMITED})
QUOTED: Final = 300
"""Characters that the log is told of a text."""


def read(response: httpx2.Response, *, largest: int) -> object:
    """Return the JSON of a successful answer.

    Raises:
        Error: of the kind that a problem document names, if it is one that can be passed on.
        ExternalServiceError: there is no usable answer.
    """
    body = _body(response, largest)
    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if response.status_code != HTTPStatus.OK:
        raise _refusal(response, media_type, body)
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


def _refusal(response: httpx2.Response, media_type: str, body: bytes) -> Error:
    """Return the error that another answer than success stands for; faults of the other side's own are EXTERNAL."""
    try:
        document: Any = orjson.loads(body) if media_type == PROBLEM else None
    except ValueError:
        document = None
    if not isinstance(document, dict):
        return _useless(response, body.decode("utf-8", "replace"))
    said = from_problem(document)
    facts = {**said.facts, "remote_status": response.status_code, "remote_param": said.param}
    if said.kind.fault is Fault.SERVICE:
        facts |= {"remote_kind": said.kind.string, "remote_code": said.code}
        said = ExternalServiceError(detail=said.detail)
    said.__dict__.pop("param", None)  # it would be shown, as ours
    if said.kind not in WAITED_FOR:
        said.__dict__.pop("retry_after", None)
    said.facts = {name: fact[:QUOTED] if isinstance(fact, str) else fact for name, fact in facts.items()}
    if said.detail is not None:
        said.detail = said.detail[:QUOTED]
    return said


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
            raise ServiceUnavailable(detail=f"{name} cannot be reached") from error
        raise ExternalServiceError(detail=f"{name} does not speak HTTP as it should") from error
