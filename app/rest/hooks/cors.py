"""Lets pages of allowed origins read our answers (https://fetch.spec.whatwg.org/#http-cors-protocol).

A preflight request of an unknown path is answered like any other. ``rest.middleware`` adds the header fields of every
other answer, errors included.
"""

from collections.abc import Container
from typing import Final

from flask import Flask, Response

from app.rest import operations
from app.rest.hooks import routing
from app.rest.request import Request
from app.wire import request_ids, simulation

EXPOSED: Final = (
    "WWW-Authenticate, ETag, Location, Retry-After, RateLimit, RateLimit-Policy, X-Request-Id, Request-Id, "
    "Idempotent-Replayed, Degraded, Deprecation, Sunset"
)
METHODS: Final = "GET, HEAD, POST, PUT, PATCH, DELETE"
READ: Final = (
    *("Authorization", "Accept", "Content-Type", "Content-Encoding", "Idempotency-Key", "If-Match", "If-None-Match"),
    *("Request-Timeout", *request_ids.SENT, request_ids.TRACEPARENT, "Tracestate"),
)
"""Every header field that is read of those that a page may set; a test compares them with what is read."""
MAX_AGE: Final = "600"


def preflight(app: Flask, request: Request) -> Response | None:
    """Answer a preflight request like any OPTIONS, 204 whatever the path, with permission for an allowed origin."""
    if request.sent("Access-Control-Request-Method") is None:
        return None
    response = Response(status=204, headers=routing.allowed(app, request))
    if request.sent("Origin") in app.config["CORS_ORIGINS"]:
        response.headers["Access-Control-Allow-Methods"] = METHODS
        response.headers["Access-Control-Allow-Headers"] = ", ".join(_read(app))
        response.headers["Access-Control-Max-Age"] = MAX_AGE
    return response


def _read(app: Flask) -> list[str]:
    """Return the names of the header fields that are read, those of schemas of operations among them."""
    by_name = {name.lower(): name for operation in operations.table(app).values() for name in operation.headers}
    own = (*READ, simulation.FIELD) if app.config["FAULTS_ON_DEMAND"] else READ
    return list({**{name.lower(): name for name in own}, **by_name}.values())


def permission(origin: str | None, allowed: Container[str]) -> dict[str, str]:
    """Return the header fields that let a page of this origin read an answer; none unless it is allowed to."""
    if origin is None or origin not in allowed:
        return {}
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": EXPOSED}
