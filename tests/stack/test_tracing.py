"""A real worker exports spans by OTLP, as the standard variables specify; without a collector, requests succeed."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any, Final

import pytest

from app.config import Settings
from deploy.local.free_ports import free_port
from tests.stack.conftest import Served, serving

pytest.importorskip("opentelemetry.sdk", reason="OpenTelemetry is not installed: requirements/tracing.lock has it")

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

WITHIN: Final = 15.0
TRACE: Final = "0af7651916cd43dd8448eb211c80319c"
TASK: Final = "/v1/tasks/8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33"


@pytest.fixture
def collected() -> Iterator[tuple[int, "Queue[Any]"]]:
    """Return the port of a collector, and the requests it received."""
    sent: Queue[Any] = Queue()

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            sent.put((self.path, ExportTraceServiceRequest.FromString(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port, sent
    server.shutdown()
    server.server_close()


def not_found(served: Served, headers: dict[str, str]) -> dict[str, Any]:
    """Return the problem document of a request for a task that does not exist."""
    with closing(HTTPConnection("127.0.0.1", served.port, timeout=20)) as connection:
        connection.request("GET", TASK, headers=headers)
        answer = connection.getresponse()
        document: dict[str, Any] = json.loads(answer.read())
        assert answer.status == 404, document
        return document


def test_spans_reach_the_collector_with_the_ids_in_the_response(
    settings: Settings, tmp_path: Path, bearer: Callable[..., dict[str, str]], collected: tuple[int, "Queue[Any]"]
) -> None:
    port, sent = collected
    environment = {
        "TRACING": "true",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "OTEL_SERVICE_NAME": "candor-under-test",
    }
    traceparent = {"Traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
    with serving(settings, tmp_path / "log", **environment) as served:
        document = not_found(served, bearer() | traceparent)
        spans: dict[str, Any] = {}
        while "GET /v1/tasks/<id:task_id>" not in spans:
            path, request = sent.get(timeout=WITHIN)
            assert path == "/v1/traces"
            (resource,) = request.resource_spans
            assert "candor-under-test" in str(resource.resource)
            found = [span for scope in resource.scope_spans for span in scope.spans]
            spans |= {span.name: span for span in found if span.trace_id.hex() == TRACE}
    assert document["trace_id"] == TRACE
    assert {"SELECT", "TaskService.get", "GET /v1/tasks/<id:task_id>"} <= spans.keys()


def test_without_a_collector_requests_succeed_and_one_log_entry_reports_it(
    settings: Settings, tmp_path: Path, bearer: Callable[..., dict[str, str]]
) -> None:
    port = free_port()
    environment = {
        "TRACING": "true",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "0.5",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "WEB_CONCURRENCY": "1",
    }
    with serving(settings, tmp_path / "log", **environment) as served:
        deadline = time.monotonic() + WITHIN
        while not (lines := lines_of("candor.tracing", served.log)) and time.monotonic() < deadline:
            assert len(not_found(served, bearer())["trace_id"]) == 32
        for _ in range(20):
            assert len(not_found(served, bearer())["trace_id"]) == 32
    assert [line["message"] for line in lines] == ["spans are dropped: the collector does not accept them"]
    assert lines_of("candor.tracing", served.log) == lines
    assert not [line for line in served.log.read_text().splitlines() if '"opentelemetry' in line]


def lines_of(logger: str, log: Path) -> list[dict[str, Any]]:
    """Return the log entries of one logger."""
    return [json.loads(line) for line in log.read_text().splitlines() if f'"{logger}"' in line]
