"""Spans of calls, with tracing enabled."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from app.config import Settings
from app.observability import logs
from tests.conftest import TokenMaker
from tests.rpc.client import Client
from tests.rpc.conftest import served
from tests.rpc.samples import REQUESTS

pytest.importorskip("opentelemetry.sdk", reason="OpenTelemetry is not installed: requirements/tracing.lock has it")

from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, format_span_id, format_trace_id

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def exporter(make_application: Callable[..., Flask]) -> Iterator[tuple[Flask, InMemorySpanExporter]]:
    """Return a traced application, and the exporter of its spans."""
    before, exporter = [*logs.WATCHERS], InMemorySpanExporter()
    app = make_application(tracing=True)
    app.extensions["app-tracing"].export_to(SimpleSpanProcessor(exporter))
    yield app, exporter
    logs.WATCHERS[:] = before


def test_a_call_is_a_span_of_the_client_s_trace_and_is_logged_with_it(
    exporter: tuple[Flask, InMemorySpanExporter], settings: Settings, token: TokenMaker
) -> None:
    app, ended = exporter
    with served(app, settings) as port, Client.of(port, token("alice")) as client:
        sent = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
        failure = client.failure("GetTask", REQUESTS["GetTask"], metadata=sent)
    spans = {span.name: span for span in ended.get_finished_spans()}
    server = spans["POST /todo.v1.TodoService/GetTask"]
    assert (server.kind, format_trace_id(server.context.trace_id)) == (SpanKind.SERVER, TRACE)
    assert failure.details["ErrorDetail"].trace_id == TRACE
    assert failure.trailing["traceparent"] == f"00-{TRACE}-{format_span_id(server.context.span_id)}-01"
    assert {"TaskService.get", "SELECT"} <= spans.keys()
    assert dict(server.attributes or {})["rpc.system.name"] == "grpc"
