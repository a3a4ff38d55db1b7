"""Errors of the catalogue for every ``HTTPException``: Flask's ``abort``, Werkzeug's router, exceptions of extensions.

Its status and its header fields are kept. Below 500 its description is the ``detail``; from 500 it is only logged (C3).
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from app import errs
from app.errs import platform, requests
from app.rest import error_statuses, webargs_errors
from app.rest.request import current

STATUSES: Final = {status.value: status for status in HTTPStatus}
BAD_REQUEST: Final = HTTPStatus.BAD_REQUEST
OWNED: Final = frozenset({"content-type", "content-length"})
"""Header fields that the problem document sets."""


def is_answer(exc: HTTPException) -> bool:
    """Return true if an exception is sent unchanged: with a response, its own body, or a status below 400."""
    return exc.response is not None or exc.code is None or exc.code < BAD_REQUEST or _has_own_body(type(exc))  # type: ignore[arg-type]  # a class is hashable


@lru_cache(256)
def _has_own_body(kind: type[HTTPException]) -> bool:
    return any(getattr(kind, name).__module__.partition(".")[0] != "werkzeug" for name in ("get_body", "get_response"))


def translated(exc: HTTPException) -> tuple[errs.Error, int, Mapping[str, str]]:
    """Return the error of the catalogue, the status, and the header fields for an exception."""
    code = _status(exc.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    if exc is current().routing_exception:
        return _of_routing(exc), code, {}
    if (rejected := webargs_errors.rejected(exc)) is not None:
        return rejected, HTTPStatus.BAD_REQUEST, {}
    details = webargs_errors.details(exc)
    description = details.message or _description(exc)
    error = error_statuses.error_of(code, description, retry_after=_retry_after(exc), cause=exc)
    if details.violations:
        error.violations = details.violations
    fields = {name: value for name, value in exc.get_headers() if name.lower() not in OWNED}
    return error, code, {**fields, **details.headers}


def _status(code: int) -> int:
    """Return the status as an ``HTTPStatus`` if there is one."""
    return STATUSES.get(code, code)


def allowed_methods(methods: Any) -> list[str]:
    """Return the methods that ``Allow`` lists."""
    return sorted({*methods, "OPTIONS"})


def _of_routing(exc: HTTPException) -> errs.Error:
    """Return the error for a request without a matching route."""
    if isinstance(exc, MethodNotAllowed):
        return platform.MethodNotAllowed(method=current().method, allowed=allowed_methods(exc.valid_methods or ()))
    if isinstance(exc, NotFound):
        return platform.RouteNotFound()
    return requests.MalformedRequest(detail=exc.description)


def _description(exc: HTTPException) -> str | None:
    """Return the description from ``abort``. Werkzeug's text for 404 is omitted, because the URL exists here."""
    is_default = exc.description == type(exc).description
    return None if exc.description is None or (is_default and isinstance(exc, NotFound)) else str(exc.description)


def _retry_after(exc: HTTPException) -> int | None:
    """Return the seconds of ``Retry-After``, which can be a date (RFC 9110, section 10.2.3)."""
    given: datetime | int | None = getattr(exc, "retry_after", None)
    if isinstance(given, datetime):
        moment = given if given.tzinfo else given.replace(tzinfo=UTC)
        return max(0, math.ceil((moment - datetime.now(UTC)).total_seconds()))
    return given
