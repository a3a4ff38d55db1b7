"""Routes requests that Werkzeug's map does not: the target ``*``, and paths that begin with ``//``."""

from typing import Final

from flask import Flask, Response
from flask.globals import request_ctx
from werkzeug.exceptions import NotFound

from app.rest import operations
from app.rest.http_exceptions import allowed_methods
from app.rest.request import Request, application

SERVER_WIDE: Final = "*"
"""The target that means the whole service (RFC 9110, section 9.3.7)."""


def route(request: Request) -> Response | None:
    """Return the response to ``OPTIONS *``. A path that starts with ``//`` matches no route; Werkzeug drops a slash."""
    path: str = request.environ["PATH_INFO"]
    if path.startswith("//"):
        request.url_rule, request.routing_exception = None, NotFound()
    elif path == SERVER_WIDE and request.method == "OPTIONS":
        return options(application(), request)
    return None


def options(app: Flask, request: Request) -> Response:
    """Return the response to OPTIONS: the methods of the path, and media types of bodies (RFC 5789, section 3.1)."""
    return Response(status=204, headers=allowed(app, request))


def methods(app: Flask) -> list[str]:
    """Return all methods of all paths."""
    return allowed_methods({method for rule in app.url_map.iter_rules() for method in rule.methods or ()})


def allowed(app: Flask, request: Request) -> dict[str, str]:
    """Return the header fields of a response to OPTIONS; empty for a path that does not exist."""
    adapter = request_ctx.url_adapter
    if request.environ["PATH_INFO"] == SERVER_WIDE:
        return {"Allow": ", ".join(methods(app))}
    if adapter is None or isinstance(request.routing_exception, NotFound):
        return {}
    names = allowed_methods(adapter.allowed_methods())
    fields = {"Allow": ", ".join(names)}
    for method in {"POST", "PATCH"}.intersection(names):
        rule, _ = adapter.match(method=method, return_rule=True)
        operation = operations.table(app).get((rule.endpoint, method))
        if operation is not None and operation.consumes:
            fields[f"Accept-{method.capitalize()}"] = ", ".join(operation.consumes)
    return fields
