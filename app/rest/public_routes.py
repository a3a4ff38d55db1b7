"""The decorator that makes a route public. Every other route requires a valid token, also routes of extensions (C25a).

::

    @app.get("/hello")
    @public                                     # a view, a class-based view, or one method of it
    def hello(): ...

    app.register_blueprint(public(blueprint))   # all routes of a blueprint, nested blueprints included

    app.config["PUBLIC_ENDPOINTS"] = ["static"] # views of an extension, by endpoint

A blueprint of :mod:`app.rest.blueprint` uses ``scope=PUBLIC`` instead.
"""

from collections.abc import Iterator, Sequence
from types import MethodType
from typing import Final, TypeVar

from flask import Blueprint, Flask
from flask.views import View

from app import product
from app.config import Settings
from app.observability import startup
from app.rest import operations

MARK: Final = "__public__"
ENDPOINTS: Final = "PUBLIC_ENDPOINTS"
T = TypeVar("T")
_LOG: Final = product.logger("routes")


def public(target: T) -> T:
    """Allow requests without a token to a view, a class-based view, or every view of a blueprint.

    Raises:
        TypeError: the target is not supported, or already declares its scope.
    """
    if operations.is_routed(target):
        raise TypeError("put @public below @blp.route: above it, it has no effect")
    if isinstance(target, MethodType):
        raise TypeError(
            "public() cannot mark a bound method: put @public where it is defined, "
            f"or list its endpoint in app.config[{ENDPOINTS!r}]"
        )
    if isinstance(target, Blueprint) and hasattr(target, "scope_to_write"):
        raise TypeError("this blueprint declares its scope: make it public with Blueprint(…, scope=PUBLIC)")
    if not (callable(target) or isinstance(target, Blueprint)):
        raise TypeError(f"public() takes a view or a blueprint; list endpoint names in app.config[{ENDPOINTS!r}]")
    setattr(target, MARK, True)
    return target


def is_marked(target: object) -> bool:
    """Return true if a view, the class of a class-based view, or a blueprint is marked."""
    view_class: type[View] | None = getattr(target, "view_class", None)
    return getattr(target, MARK, None) is True or getattr(view_class, MARK, None) is True


def is_public(app: Flask, endpoint: str, method: str) -> bool:
    """Return true if a route outside the operations is public, by its view, its blueprints or its endpoint."""
    known: dict[tuple[str, str], bool] = app.extensions.setdefault("app-public", {})
    if (endpoint, method) not in known:
        known[endpoint, method] = _find(app, endpoint, method)
    return known[endpoint, method]


def _find(app: Flask, endpoint: str, method: str) -> bool:
    view_class = getattr(app.view_functions.get(endpoint), "view_class", None)
    of_method = getattr(view_class, method.lower(), None) or (
        getattr(view_class, "get", None) if method == "HEAD" else None
    )
    steps = endpoint.split(".")[:-1]
    blueprints = (app.blueprints.get(".".join(steps[: number + 1])) for number in range(len(steps)))
    return (
        endpoint in app.config[ENDPOINTS]
        or is_marked(app.view_functions.get(endpoint))
        or is_marked(of_method)
        or any(is_marked(blueprint) for blueprint in blueprints if blueprint is not None)
    )


def routes(app: Flask) -> Iterator[str]:
    """Yield every public route, as ``GET /healthz``."""
    table = operations.table(app)
    for rule in sorted(app.url_map.iter_rules(), key=str):
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            operation = table.get((rule.endpoint, method))
            if is_public(app, rule.endpoint, method) if operation is None else operation.scope is operations.PUBLIC:
                yield f"{method} {rule.rule}"


def announce(app: Flask, serves: Sequence[str] = (), *, pinning: str | None = None) -> None:
    """Log the listeners and all public routes once, and listed endpoints that do not exist.

    Args:
        app: the application.
        serves: the listeners of the server, if they are known.
        pinning: the cores of the workers, if the server pins them.
    """
    if app.extensions.setdefault("app-announced", False):
        return
    app.extensions["app-announced"] = True
    settings: Settings = app.extensions["app-settings"]
    found = {"public_routes": [*routes(app)], "pinning": pinning}
    startup.announce(settings, serves, metrics_port=settings.metrics_port, more=found)
    if unknown := set(app.config[ENDPOINTS]) - app.view_functions.keys():
        _LOG.warning("%s lists unknown endpoints", ENDPOINTS, extra={"fields": {"endpoints": sorted(unknown)}})


def explain(method: str, rule: str, endpoint: str) -> None:
    """Log the code that makes a route public, for development, after a 401."""
    line = f"app.config[{ENDPOINTS!r}] = [{endpoint!r}]"
    message = (
        "%s %s requires a token. To make it public, put @public (app.rest.public_routes) below its route"
        " decorator, or set %s"
    )
    _LOG.info(message, method, rule, line)
