"""The response to ``GET`` of a path below which there is no route, without Flask: scanners send many such requests.

The first two segments of a path decide that. As with ``rest.prepared_health``, no code of a fork may observe such a
request, and Flask processes one with an unusual header field. ``rest.middleware`` is around it, as usual.
"""

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

import orjson
from flask import Flask
from werkzeug.exceptions import HTTPException

from app.errs.platform import RouteNotFound
from app.observability import metrics
from app.observability.error_response_log import report
from app.rest import dispatch, errors, operations, path_prefix
from app.rest.hooks import well_formed
from app.rest.prepared_health import USUAL, observers
from app.rest.request import client_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from app.rest.wsgi_response import Answer

STATUS: Final = 404
ACCEPTED: Final = USUAL | {"HTTP_AUTHORIZATION"}
"""Keys of the environment on which Flask's response does not depend; those of host and target are checked."""
FIELDS: Final = (("Cache-Control", "no-store"), ("Vary", "Origin"))
METHODS: Final = ("trap_http_exception", "_find_error_handler")
"""The methods of Flask that are not called here, in addition to those of ``rest.dispatch``."""
_METHODS_OF: Final = attrgetter(*METHODS)


class UnknownPaths:
    """The paths of an application that have no route."""

    def __init__(self, app: Flask) -> None:
        """Store the hooks and error handlers, which are those of the service: ``rest.register`` installed them."""
        self._app, self._own = app, _observers(app)
        self._version = 0
        self._known: frozenset[tuple[str, ...]] = frozenset()
        """The first one or two segments of all routes; of a route with a parameter there, those before it."""

    def answer(self, answer: "Answer") -> list[bytes] | None:
        """Complete the answer, and return the body, if the request is for an unknown path that this class handles."""
        version = getattr(self._app.url_map, "version", None)
        if version is None:  # the map of a fork
            return None
        if version != self._version:
            self._version = version
            self._known = frozenset(_start(rule.rule) for rule in self._app.url_map.iter_rules())
        start = tuple(answer.path.split("/", 3)[1:3])
        if (
            start in self._known
            or start[:1] in self._known
            or () in self._known
            or not self._fits(answer.environ, start)
        ):
            return None
        error, config = RouteNotFound(), self._app.config
        answer.client = client_of(answer.environ, config) if config["LOG_CLIENT"] else None
        about: dict[str, object] = {
            "status": STATUS,
            "method": answer.environ["REQUEST_METHOD"],
            "route": metrics.UNMATCHED,
            "path": answer.path,
            "client": answer.client,
            "user": None,
            "breakers": None,
        }
        declared, address = operations.declared(None, is_free=True), client_of(answer.environ, config)
        if not report(
            error, error, about, operation=metrics.UNMATCHED, declared=declared, stack=False, shared_by=address
        ):
            answer.code = RouteNotFound.code
        instance = errors.instance_of(path_prefix.whole_path(answer.environ))
        context = errors.ProblemContext.of(config["PUBLIC_URL"], instance)
        body = orjson.dumps(errors.problem(error, context, status=STATUS))
        answer.status = "404 NOT FOUND"
        answer.fields = [("Content-Type", errors.MEDIA_TYPE), ("Content-Length", str(len(body))), *FIELDS]
        return [body]

    def _fits(self, environ: "WSGIEnvironment", start: tuple[str, ...]) -> bool:
        """Return True if Flask would answer as above, and code of a fork would not miss the request."""
        app, path, target = self._app, environ["PATH_INFO"], environ.get("RAW_URI", "")
        return (
            environ["REQUEST_METHOD"] == "GET"
            and environ.keys() <= ACCEPTED
            and path.isascii()
            and (len(start) == 2 or (*start, "") not in self._known)
            and target.startswith("/")
            and not path.startswith("//")
            and "#" not in target
            and well_formed.is_authority(environ.get("HTTP_HOST", "//"))
            and app._got_first_request  # noqa: SLF001 -- Flask closes the setup with the first request
            and not app.config["TRAP_HTTP_EXCEPTIONS"]
            and dispatch.is_plain(app)
            and not dispatch.depends_on_host(app, environ)
            and _observers(app) == self._own
        )


def _start(rule: str) -> tuple[str, ...]:
    segments = rule.split("/", 3)[1:3]
    return tuple(segments[: next((number for number, each in enumerate(segments) if "<" in each), None)])


def _observers(app: Flask) -> list[Any]:
    handlers = {
        (code, kind): handler
        for code, found in app.error_handler_spec[None].items()
        for kind, handler in found.items()
        if issubclass(kind, HTTPException)
    }
    return [*observers(app), handlers, _METHODS_OF(type(app)), app.__dict__.keys() & {*METHODS}]
