"""Answers what has no handler: unknown paths, other methods, OPTIONS. Before limits and authentication (C9a)."""

from flask import Flask, Response, request
from flask.globals import request_ctx
from werkzeug.exceptions import NotFound

from app.rest.errors import allowed_methods


def install(app: Flask) -> None:
    """Install the hook."""
    app.before_request(_check_route)


def _check_route() -> Response | None:
    """Answer OPTIONS with what a path allows, and refuse what no route takes."""
    missing = request.routing_exception
    if request.method == "OPTIONS" and not isinstance(missing, NotFound):
        adapter = request_ctx.url_adapter
        allowed = allowed_methods(adapter.allowed_methods()) if adapter else []
        return Response(status=204, headers={"Allow": ", ".join(allowed)})
    if missing is not None:
        raise missing
    return None
