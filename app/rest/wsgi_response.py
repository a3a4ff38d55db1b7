"""The response of a request on its way through ``rest.middleware``: status, header fields, and the log's fields."""

from collections.abc import Callable, Container, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

import orjson

from app import request_context
from app.errs.platform import InternalError
from app.observability import metrics
from app.observability.batch_log import BatchResult
from app.observability.error_response_log import report
from app.rate_limiting import restore_retry_after
from app.request_context import Principal
from app.rest import failover, path_prefix, third_party_instrumentation
from app.rest.errors import MEDIA_TYPE, OURS, ProblemContext, instance_of, problem
from app.rest.hooks import cors, limits
from app.rest.request import KEY, Request
from app.wire import request_ids

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

IDS: Final = frozenset(name.lower() for name in request_ids.ANSWERED)
LOWEST_ERROR: Final = "400"
BODILESS: Final = frozenset({"401", "403"})
EMPTY: Final = ("Content-Length", "0")
Fields = list[tuple[str, str]]
Announcements = Mapping[tuple[str, str], Mapping[str, str]]
"""The header fields of deprecated operations by endpoint and method."""
ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None] | None


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
            if failover.FIELD.lower() in sent:
                self.fields = [field for field in self.fields if field[0].lower() not in failover.KEPT]
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
