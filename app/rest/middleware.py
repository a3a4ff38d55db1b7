"""WSGI middleware around Flask: the parts of every response, independent of hooks and handlers.

If an ``after_request`` function raises, Flask skips those registered before it. If a ``teardown_request`` function
raises, there is no response. Therefore request ID, security and CORS header fields, access log and metrics are here,
outside of Flask's hooks. Context variables are reset here too.
"""

from collections.abc import Callable, Container, Iterable, Mapping
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

import orjson
from flask import got_request_exception
from werkzeug.wsgi import ClosingIterator

from app import product, request_context
from app.errs.platform import InternalError
from app.observability import active_requests, logs, metrics, request_timing
from app.observability.batches import BatchResult
from app.observability.error_reporting import report
from app.rate_limiting import restore_retry_after
from app.request_context import Principal
from app.resilience import deadline
from app.rest import operations, path_prefix, public_routes, third_party_instrumentation
from app.rest.errors import MEDIA_TYPE, OURS, ProblemContext, instance_of, problem
from app.rest.hooks import cors, limits
from app.rest.request import HELD, KEY, Request
from app.rest.streaming import Streamed, begun, followed, restore, values
from app.wire import request_ids

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from app.rest.application import Application

DEGRADED: Final = "Degraded"
SENT: Final = tuple(f"HTTP_{name.upper().replace('-', '_')}" for name in request_ids.SENT)
IDS: Final = frozenset(name.lower() for name in request_ids.ANSWERED)
LOWEST_ERROR: Final = "400"
BODILESS: Final = frozenset({"401", "403"})
EMPTY: Final = ("Content-Length", "0")
Fields = list[tuple[str, str]]
Announcements = Mapping[tuple[str, str], Mapping[str, str]]
"""The header fields of deprecated operations by endpoint and method."""
_LOG: Final = product.logger("errors")
ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None] | None


def install(app: "Application") -> None:
    """Wrap the application in the middleware, and the middleware in the span of a traced request."""
    metrics.begin()
    tracing = app.extensions.get("app-tracing")
    middleware = Middleware(app, app.wsgi_app, tracing.trace_id if tracing else None)
    app.wsgi_app = tracing.around_requests(middleware) if tracing else middleware  # type: ignore[method-assign]  # as in Flask's documentation


class Answer:
    """The status line and header fields from Flask, and the attributes of their request."""

    __slots__ = (
        "batch",
        "caller",
        "client",
        "code",
        "endpoint",
        "environ",
        "fields",
        "is_simulated",
        "path",
        "route",
        "status",
        "written",
    )

    def __init__(self, environ: "WSGIEnvironment") -> None:
        self.environ = environ
        self.status = ""
        self.fields: Fields = []
        self.route = metrics.UNMATCHED
        self.endpoint = ""
        self.path: str = environ["PATH_INFO"]
        self.batch: BatchResult | None = None
        self.is_simulated = False
        self.code: str | None = None
        self.caller: Principal | None = None
        self.client: str | None = None
        self.written: list[bytes] = []

    def start(self, status: str, fields: Fields, _exc_info: ExcInfo = None) -> Callable[[bytes], Any]:
        """Store the status and header fields: a ``start_response`` (PEP 3333), called in the request context."""
        self.status, self.fields = status, fields
        self.caller = request_context.principal.get()
        request: Request | None = self.environ.get(KEY)
        if request is not None:
            self.client = request.logged_client
        if request is not None and request.limits:
            fields += limits.fields(request.limits)
            restore_retry_after(self.environ, status, fields)
        if third_party_instrumentation.SPAN in self.environ:
            third_party_instrumentation.note_answer(self.environ, status, fields)
        return self.written.append

    def identify(self) -> None:
        """Store the requested route. There is no request object if Flask could not create it."""
        request: Request | None = self.environ.pop(KEY, None)
        if request is not None:
            self.path, self.batch, self.code = request.path, request.batch, request.shared_code
            self.is_simulated = request.is_simulated
            if request.url_rule is not None:
                self.route, self.endpoint = request.url_rule.rule, request.url_rule.endpoint

    def fail(self, error: Exception, public_url: str) -> Iterable[bytes]:
        """Return a response to an exception that left Flask, such as a ``teardown_request`` function's; log it once."""
        self.identify()
        about: dict[str, object] = {
            "status": int(OURS),
            "method": self.environ["REQUEST_METHOD"],
            "route": self.route,
            "path": self.path,
            "client": self.client,
        }
        metrics.PANICS.inc()
        report(error, InternalError(), about, operation=self.route, declared=(InternalError,), stack=True)
        instance = instance_of(path_prefix.whole_path(self.environ))
        body = orjson.dumps(problem(InternalError(), ProblemContext.of(public_url, instance)))
        self.status = f"{OURS.value} {OURS.phrase}"
        self.fields = [("Content-Type", MEDIA_TYPE), ("Content-Length", str(len(body)))]
        self.written.clear()
        return [] if self.environ["REQUEST_METHOD"] == "HEAD" else [body]

    def announce(self, announcements: Announcements) -> None:
        """Add the header fields of a deprecated operation, unless its handler set them. Both can set a Link."""
        method = self.environ["REQUEST_METHOD"]
        announced = announcements.get((self.endpoint, "GET" if method == "HEAD" else method), {})
        sent = {name.lower() for name, _ in self.fields} - {"link"}
        self.fields += [field for field in announced.items() if field[0].lower() not in sent]

    def complete(self, origins: Container[str]) -> None:
        """Add the header fields of every response, unless they exist (C4, C16, C24)."""
        sent = {name.lower() for name, _ in self.fields}
        if "x-content-type-options" not in sent:
            self.fields.append(("X-Content-Type-Options", "nosniff"))
        if self.status >= LOWEST_ERROR:
            if "cache-control" not in sent:
                self.fields.append(("Cache-Control", "no-store"))
            if self.status[:3] in BODILESS and EMPTY in self.fields:
                self.fields = [field for field in self.fields if field[0] != "Content-Type"]
        if "vary" not in sent:
            self.fields.append(("Vary", "Origin"))
        origin = self.environ.get("HTTP_ORIGIN")
        if origin is not None and "access-control-allow-origin" not in sent:
            self.fields += cors.permission(origin, origins).items()
        request_id = request_context.request_id.get() or ""
        if sent & IDS:
            self.fields = [field for field in self.fields if field[0].lower() not in IDS]
        self.fields += [(name, request_id) for name in request_ids.ANSWERED]


class Middleware:
    """Passes requests to Flask."""

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
        metrics.IN_FLIGHT.inc()
        try:
            body = self._wsgi_app(environ, answer.start)
            if not answer.status:  # PEP 3333 allows that until the first part of the body
                body = begun(body)
            answer.identify()
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
        self._log(answer, perf_counter() - began, spent)
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
        for variable in (request_context.principal, request_context.bearer, request_context.changing, deadline.current):
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

    def _log(self, answer: Answer, seconds: float, spent: request_timing.RequestTimings) -> None:
        status, method = answer.status[:3], answer.environ["REQUEST_METHOD"]
        degraded = next((value for name, value in answer.fields if name == DEGRADED), None)
        user = answer.caller.id if answer.caller else None
        if answer.batch is not None and status < LOWEST_ERROR:
            about = {"status": int(status), "method": method, "route": answer.route, "path": answer.path, "user": user}
            answer.batch.report(about)
        logs.access(
            {
                "method": method,
                "route": answer.route,
                "path": answer.path,
                "client": answer.client,
                "status": int(status),
                "duration_ms": round(seconds * 1000, 3),
                "code": answer.code,
                "user": user,
                "degraded": degraded,
                "batch": answer.batch.logged() if answer.batch is not None else None,
                "simulated": answer.is_simulated or None,
                **spent.fields(),
            }
        )
        for each in degraded.split(", ") if degraded else ():
            metrics.DEGRADED.labels(each.partition(";")[0]).inc()
        if not answer.is_simulated:
            metrics.request(method, answer.route, status, seconds)
