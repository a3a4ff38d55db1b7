"""Answers what has no handler: unknown paths, other methods, OPTIONS. Before limits and authentication (C9a)."""

from typing import Final

from flask import Flask, Response, current_app, request
from flask.globals import request_ctx
from werkzeug.exceptions import NotFound
from werkzeug.routing import MapAdapter

from app.rest import operations
from app.rest.errors import allowed_methods

SERVER_WIDE: Final = "*"
"""The target that stands for no resource, but for the service (RFC 9110, section 9.3.7)."""


def install(app: Flask) -> None:
    """Install the hook."""
    app.before_request(_check_route)


def _check_route() -> Response | None:
    """Answer OPTIONS with what a path allows, and refuse what no route takes."""
    missing, adapter = request.routing_exception, request_ctx.url_adapter
    if request.environ["PATH_INFO"].startswith("//"):
        missing = NotFound()  # werkzeug takes it for the path with one slash
    if request.method == "OPTIONS" and request.environ["PATH_INFO"] == SERVER_WIDE:
        return Response(status=204, headers={"Allow": ", ".join(methods(current_app))})
    if request.method == "OPTIONS" and adapter and not isinstance(missing, NotFound):
        return Response(status=204, headers=_options(adapter))
    if missing is not None:
        raise missing
    return None


def methods(app: Flask) -> list[str]:
    """Return every method that some path takes."""
    return allowed_methods({method for rule in app.url_map.iter_rules() for method in rule.methods or ()})


def _options(adapter: MapAdapter) -> dict[str, str]:
    """Return what may be sent to a path: the methods, and the media types of a body (RFC 5789, section 3.1)."""
    allowed = allowed_methods(adapter.allowed_methods())
    fields = {"Allow": ", ".join(allowed)}
    for method in {"POST", "PATCH"}.intersection(allowed):
        rule, _ = adapter.match(method=method, return_rule=True)
        if consumed := operations.table(current_app)[rule.endpoint, method].consumes:
            fields[f"Accept-{method.capitalize()}"] = ", ".join(consumed)
    return fields
