"""Answers what has no handler: unknown paths, other methods, OPTIONS. Before limits and authentication (C9a)."""

from typing import Final

from flask import Flask, Response
from flask.globals import request_ctx
from werkzeug.exceptions import HTTPException, NotFound

from app.rest import operations
from app.rest.application import Application
from app.rest.errors import allowed_methods
from app.rest.request import Request

SERVER_WIDE: Final = "*"
"""The target that stands for no resource, but for the service (RFC 9110, section 9.3.7)."""


def install(app: Application) -> None:
    """Install the hook."""

    def check_route(request: Request) -> Response | None:
        """Answer OPTIONS with what a path allows, and refuse what no route takes."""
        missing = _missing(request)
        if request.method == "OPTIONS" and (allowed := options(app, request)):
            return Response(status=204, headers=allowed)
        if missing is not None:
            raise missing
        return None

    app.hook(before=check_route)


def methods(app: Flask) -> list[str]:
    """Return every method that some path takes."""
    return allowed_methods({method for rule in app.url_map.iter_rules() for method in rule.methods or ()})


def _missing(request: Request) -> HTTPException | None:
    """Return why no route takes the request."""
    if request.environ["PATH_INFO"].startswith("//"):
        return NotFound()  # werkzeug takes it for the path with one slash
    return request.routing_exception


def options(app: Application, request: Request) -> dict[str, str]:
    """Return what may be sent to the path: methods, and media types of a body (RFC 5789, section 3.1); or nothing."""
    adapter = request_ctx.url_adapter
    if request.environ["PATH_INFO"] == SERVER_WIDE:
        return {"Allow": ", ".join(methods(app))}
    if adapter is None or isinstance(_missing(request), NotFound):
        return {}
    allowed = allowed_methods(adapter.allowed_methods())
    fields = {"Allow": ", ".join(allowed)}
    for method in {"POST", "PATCH"}.intersection(allowed):
        rule, _ = adapter.match(method=method, return_rule=True)
        if consumed := operations.table(app)[rule.endpoint, method].consumes:
            fields[f"Accept-{method.capitalize()}"] = ", ".join(consumed)
    return fields
