"""The errors that webargs and flask-smorest pass to ``abort``, for views that use these packages directly.

``webargs.flaskparser.abort``, which flask-smorest reexports, stores its keywords in ``data`` of the exception.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import marshmallow as ma
from werkzeug.exceptions import HTTPException

from app import errs
from app.errs import Violation
from app.errs.requests import MalformedJson, ValidationFailed
from app.wire.load_errors import load_errors
from app.wire.locations import Location, violation


@dataclass(frozen=True, slots=True)
class Details:
    """The keywords of an ``abort``."""

    message: str | None = None
    violations: tuple[Violation, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


def details(exc: HTTPException) -> Details:
    """Return the keywords of ``abort(404, message=…, errors=…, headers=…)`` of flask-smorest."""
    data = _data(exc)
    message = data.get("message")
    found = data.get("errors", data.get("messages"))
    violations = _violations(ma.Schema(), found) if isinstance(found, Mapping) else ()
    return Details(None if message is None else str(message), violations, data.get("headers") or {})


def rejected(exc: HTTPException) -> errs.Error | None:
    """Return the error for arguments that webargs rejects: 400 with all violations, whatever the exception's status.

    The result is ``None`` for every other exception.
    """
    data, cause = _data(exc), getattr(exc, "exc", None)
    messages, schema = data.get("messages"), data.get("schema")
    if isinstance(cause, (json.JSONDecodeError, UnicodeDecodeError)):
        position = cause.pos if isinstance(cause, json.JSONDecodeError) else cause.start
        return MalformedJson(reason="A value is expected", position=position + 1)
    if isinstance(schema, ma.Schema) and isinstance(messages, Mapping):
        return ValidationFailed(violations=_violations(schema, messages))
    return None


def _data(exc: HTTPException) -> dict[str, Any]:
    data = getattr(exc, "data", None)
    return data if isinstance(data, dict) else {}


def _violations(schema: ma.Schema, messages: Mapping[Any, Any]) -> tuple[Violation, ...]:
    """Return the violations in messages, by location if their names are names of locations."""
    found: list[Violation] = []
    is_located = all(name in {*Location, "querystring", "view_args", "json_or_form"} for name in messages)
    for name, each in messages.items() if is_located else [("json", messages)]:
        error = ma.ValidationError(each if isinstance(each, dict) else {"_schema": each})
        location = Location(name)
        found += [violation(path, broken, location, None) for path, broken in load_errors(schema, error, ma.missing)]
    return tuple(found)
