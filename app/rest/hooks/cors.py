"""Allows pages of allowed origins to read responses (https://fetch.spec.whatwg.org/#http-cors-protocol).

A preflight request for an unknown path gets the same response as any other. ``rest.middleware`` adds the header fields
to every other response, including errors.
"""

from collections.abc import Container
from typing import Final

from flask import Flask, Response

from app.rest import operations
from app.rest.hooks import special_targets
from app.rest.request import Request
from app.wire import request_ids, simulation

EXPOSED: Final = (
    "WWW-Authenticate, ETag, Location, Retry-After, RateLimit, RateLimit-Policy, X-Request-Id, Request-Id, "
    "Idempotent-Replayed, Degraded, Deprecation, Sunset, Read-After"
)
METHODS: Final = "GET, HEAD, POST, PUT, PATCH, DELETE"
READ: Final = (
    *("Authorization", "Accept", "Content-Type", "Content-Encoding", "Idempotency-Key", "If-Match", "If-None-Match"),
    *("Read-After", "Request-Timeout", *request_ids.SENT, request_ids.TRACEPARENT, "Tracestate"),
)
"""All header fields that pages can set and the service reads. A test compares them with the reads in the code."""
MAX_AGE: Final = "600"


def preflight(app: Flask, request: Request) -> Response | None:
    """Return 204 to a preflight request of any path, with permission for an allowed origin."""
    if request.sent("Access-Control-Request-Method") is None:
        return None
    response = Response(status=204, headers=special_targets.allowed(app, request))
    if request.sent("Origin") in app.config["CORS_ORIGINS"]:
        response.headers["Access-Control-Allow-Methods"] = METHODS
        response.headers["Access-Control-Allow-Headers"] = ", ".join(_read(app))
        response.headers["Access-Control-Max-Age"] = MAX_AGE
    return response


def _read(app: Flask) -> list[str]:
    """Return the names of the header fields that are read, including those of operations' schemas."""
    by_name = {name.lower(): name for operation in operations.table(app).values() for name in operation.headers}
    own = (*READ, simulation.FIELD) if app.config["FAULTS_ON_DEMAND"] else READ
    return list({**{name.lower(): name for name in own}, **by_name}.values())


def permission(origin: str | None, allowed: Container[str]) -> dict[str, str]:
    """Return the header fields that allow a page of this origin to read a response; empty for other origins."""
    if origin is None or origin not in allowed:
        return {}
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": EXPOSED}
