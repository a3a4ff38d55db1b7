"""Lets pages of allowed origins read our answers (https://fetch.spec.whatwg.org/#http-cors-protocol).

Above routing and limits, so that errors carry the headers too, and a preflight of an unknown path is answered like any.
"""

from collections.abc import Container
from typing import Final

from flask import Flask, Response, current_app, request

from app.rest.hooks import routing

EXPOSED: Final = (
    "WWW-Authenticate, ETag, Location, Retry-After, RateLimit, RateLimit-Policy, X-Request-Id, Request-Id, "
    "Idempotent-Replayed, Degraded"
)
METHODS: Final = "GET, HEAD, POST, PUT, PATCH, DELETE"
HEADERS: Final = (
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Request-Timeout, X-Request-Id, Request-Id, "
    "Traceparent"
)
MAX_AGE: Final = "600"


def install(app: Flask) -> None:
    """Install the hook."""
    app.before_request(_answer_preflight)
    app.after_request(_allow)


def _answer_preflight() -> Response | None:
    """Answer a preflight: like any OPTIONS, and with permission when the origin is allowed; 204 whatever the path."""
    if request.method != "OPTIONS" or "Access-Control-Request-Method" not in request.headers:
        return None
    response = Response(status=204, headers=routing.options())
    if request.headers.get("Origin") in current_app.config["CORS_ORIGINS"]:
        response.headers["Access-Control-Allow-Methods"] = METHODS
        response.headers["Access-Control-Allow-Headers"] = HEADERS
        response.headers["Access-Control-Max-Age"] = MAX_AGE
    return response


def _allow(response: Response) -> Response:
    response.vary.add("Origin")
    response.headers.update(permission(request.headers.get("Origin"), current_app.config["CORS_ORIGINS"]))
    return response


def permission(origin: str | None, allowed: Container[str]) -> dict[str, str]:
    """Return the header fields that let a page of this origin read an answer; none unless it is allowed to."""
    if origin is None or origin not in allowed:
        return {}
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": EXPOSED}
