"""Lets pages of allowed origins read our answers (https://fetch.spec.whatwg.org/#http-cors-protocol).

Above routing and limits, so that errors carry the headers too, and a preflight of an unknown path is answered like any.
"""

from collections.abc import Container
from typing import Final

from flask import Response

from app.rest.application import Application
from app.rest.hooks import routing
from app.rest.request import Request

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


def install(app: Application) -> None:
    """Install the hook."""

    def answer_preflight(request: Request) -> Response | None:
        """Answer like any OPTIONS, and with permission when the origin is allowed; 204 whatever the path."""
        if request.method != "OPTIONS" or request.sent("Access-Control-Request-Method") is None:
            return None
        response = Response(status=204, headers=routing.options(app, request))
        if request.sent("Origin") in app.config["CORS_ORIGINS"]:
            response.headers["Access-Control-Allow-Methods"] = METHODS
            response.headers["Access-Control-Allow-Headers"] = HEADERS
            response.headers["Access-Control-Max-Age"] = MAX_AGE
        return response

    def allow(request: Request, response: Response) -> Response:
        if (origin := request.sent("Origin")) is not None:
            response.headers.update(permission(origin, app.config["CORS_ORIGINS"]))
        return response

    app.hook(before=answer_preflight, after=allow)


def permission(origin: str | None, allowed: Container[str]) -> dict[str, str]:
    """Return the header fields that let a page of this origin read an answer; none unless it is allowed to."""
    if origin is None or origin not in allowed:
        return {}
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": EXPOSED}
