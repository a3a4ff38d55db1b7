"""OpenTelemetry traces: a span for each request, use case, statement and outgoing call.

Imported only if ``TRACING`` is on, because it costs time and needs extra packages. Spans contain only data that the log
may contain: no header fields, queries, statement parameters or exception texts.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app import errs, product, request_context
from app.errs import Fault

P = ParamSpec("P")
R = TypeVar("R")
Wsgi = Callable[[Any, Any], Iterable[bytes]]

PROPAGATOR: Final = TraceContextTextMapPropagator()
METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"))
OTHER: Final = "_OTHER"
"""The name of any other method in the semantic conventions."""
LONGEST: Final = 2000
"""The maximum length of a statement."""
SERVER_ERROR: Final = 500
_LOG: Final = product.logger("tracing")


class Exporter(OTLPSpanExporter):
    """Logs one entry when spans start to be lost, and one when exporting works again."""

    _lost = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans."""
        result = super().export(spans)
        if result is SpanExportResult.SUCCESS and self._lost:
            _LOG.info("spans are exported again", extra={"fields": {"lost": self._lost}})
            self._lost = 0
        elif result is not SpanExportResult.SUCCESS:
            if not self._lost:
                _LOG.warning("spans are dropped: the collector does not accept them")
            self._lost += len(spans)
        return result


class Tracing:
    """Creates spans. The exporter starts after the fork, because a fork does not copy threads; until then spans are
    dropped.
    """

    def __init__(self) -> None:
        named = "OTEL_SERVICE_NAME" in os.environ or "service.name=" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
        resource = Resource.create({} if named else {"service.name": product.SLUG})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._tracer = self._provider.get_tracer(product.SLUG)

    def start(self) -> None:
        """Export spans by OTLP over HTTP, configured by the variables ``OTEL_*``."""
        logging.getLogger("opentelemetry").setLevel(
            logging.CRITICAL
        )  # it logs each attempt; the exporter above logs a summary
        self.export_to(BatchSpanProcessor(Exporter()))

    def export_to(self, processor: SpanProcessor) -> None:
        """Send every finished span to this processor."""
        self._provider.add_span_processor(processor)

    def stop(self, seconds: float) -> None:
        """Export the remaining spans within this number of seconds."""
        last = threading.Thread(target=self._provider.shutdown, name="traces", daemon=True)
        last.start()
        last.join(seconds)

    def trace_id(self) -> str | None:
        """Return the ID of the current trace."""
        found = trace.get_current_span().get_span_context()
        return trace.format_trace_id(found.trace_id) if found.is_valid else None

    def around_requests(self, wsgi: Wsgi) -> Wsgi:
        """Return the application in a span of kind SERVER, which continues the client's trace."""

        def served(environ: Any, start_response: Any) -> Iterable[bytes]:
            sent = {name: environ.get(f"HTTP_{name.upper()}", "") for name in PROPAGATOR.fields}
            method = environ["REQUEST_METHOD"]
            known = method if method in METHODS else OTHER
            with self.serving(known, {"url.scheme": environ["wsgi.url_scheme"]}, sent):
                return wsgi(environ, start_response)

        return served

    def serving(
        self, method: str, attributes: Mapping[str, str], sent: Mapping[str, str]
    ) -> AbstractContextManager[Span]:
        """Return a span of kind SERVER, which continues the trace in the fields that the client sent."""
        attributes = {"http.request.method": method, **attributes}
        return self._span(method, SpanKind.SERVER, attributes, context=PROPAGATOR.extract(sent))

    def carrier(self) -> dict[str, str]:
        """Return the header fields of the current span, for an outgoing call."""
        fields: dict[str, str] = {}
        PROPAGATOR.inject(fields)
        return fields

    def around_use_cases(self, services: Iterable[object]) -> None:
        """Create a span for every use case of these services, named after it."""
        for service in services:
            kind = type(service)
            for name in [name for name, method in vars(kind).items() if hasattr(method, "__raises__")]:
                setattr(service, name, self._traced(f"{kind.__name__}.{name}", getattr(service, name)))

    def around_calls(self, client: object, *methods: str) -> None:
        """Create a span of kind CLIENT for each call of a dependency."""
        for name in methods:
            call = _with_span_id(getattr(client, name))
            named = getattr(client, "name", type(client).__name__)
            traced = self._traced(f"{named}.{name}", call, SpanKind.CLIENT)
            setattr(client, name, traced)

    def around_statement(self, method: Callable[..., R]) -> Callable[..., R]:
        """Return a dialect's ``do_execute`` or ``do_commit`` with a span of kind CLIENT, within requests."""

        @wraps(method)
        def run(*args: Any) -> R:
            if self.trace_id() is None:
                return method(*args)
            statement = args[1] if len(args) > 1 else "COMMIT"
            operation = statement.split(None, 1)[0].upper()
            attributes = {"db.system.name": "postgresql", "db.operation.name": operation}
            with self._span(operation, SpanKind.CLIENT, attributes | {"db.query.text": statement[:LONGEST]}):
                return method(*args)

        return run

    def _traced(self, name: str, work: Callable[P, R], kind: SpanKind = SpanKind.INTERNAL) -> Callable[P, R]:
        @wraps(work)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            if self.trace_id() is None:
                return work(*args, **kwargs)
            with self._span(name, kind, {}):
                return work(*args, **kwargs)

        return run

    @contextmanager
    def _span(self, name: str, kind: SpanKind, attributes: Mapping[str, str], context: Any = None) -> Iterator[Span]:
        begin = self._tracer.start_as_current_span
        with begin(name, context, kind, attributes, record_exception=False, set_status_on_exception=False) as span:
            try:
                yield span
            except Exception as error:
                _record_error(span, error)
                raise


def _with_span_id(work: Callable[P, R]) -> Callable[P, R]:
    """Return work whose outgoing calls have the current span as their parent."""

    @wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        sent: dict[str, str] = {}
        PROPAGATOR.inject(sent)
        token = request_context.traceparent.set(sent.get("traceparent"))
        try:
            return work(*args, **kwargs)
        finally:
            request_context.traceparent.reset(token)

    return run


def _record_error(span: Span, error: Exception) -> None:
    """Record the error that ended a span; a client error is not a failure of the span."""
    code = error.code if isinstance(error, errs.Error) else ""
    span.set_attribute("error.type", code or type(error).__qualname__)
    if isinstance(sqlstate := getattr(error, "sqlstate", None), str):
        span.set_attribute("db.response.status_code", sqlstate)
    if not isinstance(error, errs.Error) or error.fault is not Fault.CLIENT:
        span.set_status(StatusCode.ERROR)


class SpanOfRequest:
    """Records the fields of a request's log entries on its span."""

    def error(self, fields: Callable[[], Mapping[str, object]]) -> None:
        """Record the error."""
        span, found = trace.get_current_span(), fields()
        for name, member in (("error.type", "code"), (f"{product.SLUG}.error.kind", "kind")):
            if isinstance(value := found.get(member), str):
                span.set_attribute(name, value)

    def access(self, fields: Mapping[str, object]) -> None:
        """Record the request and its response."""
        span, method, route, status = trace.get_current_span(), fields["method"], fields["route"], fields["status"]
        name = method if method in METHODS else "HTTP"
        span.update_name(f"{name} {route}" if route != "unmatched" else str(name))
        if route != "unmatched":
            span.set_attribute("http.route", str(route))
        span.set_attribute("url.path", str(fields["path"]))
        is_simulated = fields.get("simulated") is True
        if is_simulated:
            span.set_attribute(f"{product.SLUG}.simulated", True)
        if isinstance(status, int):
            span.set_attribute("http.response.status_code", status)
            if status >= SERVER_ERROR and not is_simulated:
                span.set_status(StatusCode.ERROR)
        batch = fields.get("batch")
        for member, count in batch.items() if isinstance(batch, dict) else ():
            span.set_attribute(f"{product.SLUG}.batch.{member}", count)
        if (request_id := request_context.request_id.get()) is not None:
            span.set_attribute(f"{product.SLUG}.request_id", request_id)
