"""WSGI middleware around Flask: the parts of every response, independent of hooks and handlers.

If an ``after_request`` function raises, Flask skips those registered before it. If a ``teardown_request`` function
raises, there is no response. Therefore request ID, security and CORS header fields, access log and metrics are here,
outside of Flask's hooks. Context variables are reset here too.
"""

from collections.abc import Callable, Iterable
from contextvars import ContextVar
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from flask import got_request_exception
from werkzeug.wsgi import ClosingIterator

from app import product, request_context
from app.observability import active_requests, metrics, request_timing
from app.resilience import deadline
from app.rest import (
    access_log,
    operations,
    path_prefix,
    prepared_health,
    public_routes,
    third_party_instrumentation,
    unknown_paths,
)
from app.rest.request import HELD, Request
from app.rest.streaming import Streamed, begun, followed, restore, values
from app.rest.wsgi_response import Announcements, Answer
from app.wire import request_ids

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from app.rest.application import Application

SENT: Final = tuple(f"HTTP_{name.upper().replace('-', '_')}" for name in request_ids.SENT)
RESET: Final[tuple[ContextVar[Any], ...]] = (
    request_context.principal,
    request_context.bearer,
    request_context.changing,
    request_context.replica_reads,
    request_context.position,
    deadline.current,
)
_LOG: Final = product.logger("errors")


def install(app: "Application") -> None:
    """Wrap the application in the middleware, and the middleware in the span of a traced request."""
    metrics.begin()
    tracing = app.extensions.get("app-tracing")
    middleware = Middleware(app, app.wsgi_app, tracing.trace_id if tracing else None)
    app.wsgi_app = tracing.around_requests(middleware) if tracing else middleware  # type: ignore[method-assign]  # as in Flask's documentation


class Middleware:
    """Passes requests to Flask."""

    _health: prepared_health.PreparedHealth
    _unknown: unknown_paths.UnknownPaths

    def __init__(
        self, app: "Application", wsgi_app: "WSGIApplication", traced: Callable[[], str | None] | None
    ) -> None:
        self._app, self._wsgi_app, self._traced = app, wsgi_app, traced
        self._is_first = True
        self._announcements: Announcements = {}
        mount = path_prefix.Mount(app.config)
        self._place = mount.place if mount.prefix else None

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Process a request, write one access log entry, and count; then restore the context.

        The previous context can be another request's, because a view can call the application.
        """
        if self._is_first:
            self._begin_first(environ)
        before, work = values(), active_requests.current()
        try:
            return self._answer(environ, start_response)
        finally:
            restore(before)
            active_requests.end(work)

    def _answer(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        began = perf_counter()
        environ.setdefault("PATH_INFO", "")  # PEP 3333 allows a server to omit it
        if self._place:
            self._place(environ)
        self._begin(environ)
        answer, spent = Answer(environ), request_timing.begin()
        is_health = answer.path == prepared_health.PATH and self._health.fits(environ)
        metrics.IN_FLIGHT.inc()
        try:
            prepared = self._health.answer(answer) if is_health else self._unknown.answer(answer)
            body = self._wsgi_app(environ, answer.start) if prepared is None else prepared
            if not answer.status:  # PEP 3333 allows that until the first part of the body
                body = begun(body)
            answer.identify()
            if is_health:
                self._health.keep(answer, body)
        except Exception as error:
            if self._propagates():
                raise
            self._signal(error)
            body = answer.fail(error, self._app.config["PUBLIC_URL"])
        finally:
            metrics.IN_FLIGHT.dec()
        if self._announcements:
            answer.announce(self._announcements)
        answer.complete(self._app.config["CORS_ORIGINS"])
        access_log.write(answer, perf_counter() - began, spent)
        start_response(answer.status, answer.fields)
        if answer.written:
            body = followed(answer.written, body)
        return Streamed(body) if isinstance(body, ClosingIterator) else body

    def _begin_first(self, environ: "WSGIEnvironment") -> None:
        """Check the application and log its routes, once, at the first request; start the pollers.

        ``gunicorn.conf.py`` starts the pollers earlier; no other server does. Without them, revoked tokens stay valid.
        A test client, which creates its own request object first, is not a server.

        Raises:
            TypeError: the request class is not a subclass of the one that the hooks need.
        """
        if not issubclass(self._app.request_class, Request):
            raise TypeError(f"request_class must be a subclass of {Request.__module__}.{Request.__name__}")
        self._health = self._app.extensions["app-prepared-health"]
        self._unknown = self._app.extensions["app-unknown-paths"]
        self._is_first = False
        self._announcements = {
            key: each.deprecation.fields for key, each in operations.table(self._app).items() if each.deprecation
        }
        third_party_instrumentation.settle(self._app)
        public_routes.announce(self._app)
        if "werkzeug.request" not in environ or "SERVER_SOFTWARE" in environ:
            for poller in self._app.extensions["app-pollers"]:
                poller.start()

    def _begin(self, environ: "WSGIEnvironment") -> None:
        """Set the ID and the trace of the request."""
        request_id = request_ids.chosen(map(environ.get, SENT))
        environ[HELD] = True
        request_context.request_id.set(request_id)
        for variable in RESET:
            variable.set(None)  # the value of an enclosing request, if any
        parent = environ.get("HTTP_TRACEPARENT")
        trace = request_ids.trace_of(parent) if parent else None
        request_context.traceparent.set(parent if trace else None)
        request_context.trace_id.set((self._traced and self._traced()) or trace)
        active_requests.begin(request_id, environ["REQUEST_METHOD"], environ["PATH_INFO"])

    def _propagates(self) -> bool:
        """Return true if Flask's PROPAGATE_EXCEPTIONS passes exceptions to the server."""
        setting = self._app.config["PROPAGATE_EXCEPTIONS"]
        return bool(self._app.testing or self._app.debug if setting is None else setting)

    def _signal(self, error: Exception) -> None:
        """Send Flask's ``got_request_exception``, as Flask does for exceptions of views. The request has ended."""
        try:
            got_request_exception.send(self._app, _async_wrapper=self._app.ensure_sync, exception=error)
        except Exception:
            _LOG.exception("a listener of got_request_exception raised")
