"""Examples of all errors, rendered from the fixed facts of their definitions. A test compares them with responses."""

import re
from typing import Any, Final

from flask import Flask

from app import errs
from app.errs import curl_examples
from app.errs.access import InsufficientScope
from app.errs.requests import BodyTooLarge, NotAcceptable, UnsupportedMediaType
from app.rest import operations
from app.rest.errors import BODILESS, ProblemContext, headers_of, instance_of, problem, status_of
from app.rest.operations import Operation
from app.rest.path_prefix import prefix_of
from app.wire.simulation import FIELD

REQUEST_ID: Final = "5f0c9a7e41d84f6cb7a0e2d31c9b8a64"
TIMESTAMP: Final = "2026-11-21T09:30:00.000001Z"
SOME_ID: Final = "8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33"
_PARAMETER: Final = re.compile(r"<(\w+:)?(\w+)>")


def occurrence(named: type[errs.Error], operation: Operation | None = None, *, largest: int = 0) -> errs.Error:
    """Return an error with the facts of its example, or with the facts of an operation.

    Args:
        named: the error.
        operation: the operation, or ``None``.
        largest: the largest body of the service, in bytes.
    """
    facts: dict[str, object] = {}
    if operation is not None:
        known: dict[type[errs.Error], dict[str, object]] = {
            BodyTooLarge: {"limit": operation.body_limit(largest)},
            InsufficientScope: {"scope": operation.scope},
            NotAcceptable: {"available": [*operation.produces]},
            UnsupportedMediaType: {"supported": [*operation.consumes]},
        }
        facts = {name: fact for name, fact in known.get(named, {}).items() if fact}
    return errs.example_of(named, **facts)


def document(named: type[errs.Error], *, public_url: str, shown: errs.Error | None = None) -> dict[str, Any] | None:
    """Return the body of the example, or of ``shown``, or ``None`` for 401 and 403, which have no body."""
    if status_of(named) in BODILESS:
        return None
    path = named.instance.partition("?")[0]
    instance = instance_of(prefix_of(public_url) + path) if path else None
    context = ProblemContext(public_url=public_url, instance=instance, timestamp=TIMESTAMP, request_id=REQUEST_ID)
    return problem(shown or occurrence(named), context)


def violation(code: errs.ViolationCode) -> dict[str, str]:
    """Return an entry of ``errors`` with this code."""
    return {"field": code.field, "code": code.code, "message": code.message}


def headers(named: type[errs.Error], *, method: str = "POST") -> dict[str, str]:
    """Return the header fields of the example."""
    return headers_of(occurrence(named), status_of(named), method=method)


def curl(named: type[errs.Error], *, public_url: str) -> str | None:
    """Return shell commands whose last response is the error, or ``None``. The reader sets ``$TOKEN``."""
    return named.curl and named.curl.replace("{url}", public_url)


def simulation(named: type[errs.Error], app: Flask) -> str | None:
    """Return a shell command that simulates the error. The reader sets ``$TOKEN`` if the operation requires a token.

    The result is ``None`` if FAULTS_ON_DEMAND is off, and for an error that no operation declares.
    """
    declaring = [each for each in operations.table(app).values() if each.is_documented and named in each.raises]
    if not declaring or not app.config["FAULTS_ON_DEMAND"]:
        return None
    operation = min(declaring, key=lambda each: "<" in each.name)  # the first without parameters in its path
    method, _, path = operation.name.partition(" ")
    path = _PARAMETER.sub(lambda found: SOME_ID if found[1] == "id:" else found[2], path)
    credentials = "" if operation.scope is operations.PUBLIC else f" {curl_examples.BEARER}"
    return f"curl -i -X {method} '{app.config['PUBLIC_URL']}{path}'{credentials} -H '{FIELD}: {named.code}'"
