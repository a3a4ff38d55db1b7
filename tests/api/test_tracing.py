"""Spans of requests, operations and statements, and trace IDs in the log and in errors."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask

from app.observability import logs
from app.rest.application import Application
from app.rest.middleware import Middleware
from app.services.tasks import TaskService
from tests.api.caller import ABSENT, Caller, answered, rejected
from tests.api.conftest import Log
from tests.api.profiles import PROFILE, USER
from tests.fakes.remote import Remote, answers
from tests.response_checks import CheckedClient

pytest.importorskip("opentelemetry.sdk", reason="OpenTelemetry is not installed: requirements/tracing.lock has it")

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, format_span_id, format_trace_id

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED = {"Traceparent": f"00-{TRACE}-{PARENT}-01"}


class Traced:
    """A caller of a traced application, and its finished spans."""

    def __init__(self, caller: Caller, exporter: InMemorySpanExporter) -> None:
        self.caller, self._exporter = caller, exporter

    def spans(self) -> list[ReadableSpan]:
        """Return the finished spans, in that order; the request's own is the last one."""
        return list(self._exporter.get_finished_spans())

    def span(self, name: str) -> ReadableSpan:
        """Return the span of this name."""
        (found,) = [span for span in self.spans() if span.name == name]
        return found


@pytest.fixture(scope="module")
def application_traced(make_application: Callable[..., Flask]) -> Iterator[tuple[Flask, InMemorySpanExporter]]:
    """Return a traced application, and the exporter of its spans."""
    before, exporter = [*logs.WATCHERS], InMemorySpanExporter()
    app = make_application(tracing=True)
    app.extensions["app-tracing"].export_to(SimpleSpanProcessor(exporter))
    yield app, exporter
    logs.WATCHERS[:] = before


@pytest.fixture
def traced(
    client: CheckedClient, application_traced: tuple[Flask, InMemorySpanExporter], bearer: Callable[..., dict[str, str]]
) -> Traced:
    """Return a caller with its spans."""
    app, exporter = application_traced
    exporter.clear()
    return Traced(Caller(app.test_client(), bearer("alice")), exporter)


def parent_of(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent else None


class TestSpans:
    def test_the_spans_are_nested_from_the_request_to_the_statements(self, traced: Traced) -> None:
        answered(traced.caller.create(), 201)
        server, use_case = traced.span("POST /v1/tasks"), traced.span("TaskService.create")
        insert, commit = traced.span("INSERT"), traced.span("COMMIT")
        assert server.kind is SpanKind.SERVER
        assert server.parent is None
        assert parent_of(use_case) == server.context.span_id
        assert {parent_of(insert), parent_of(commit)} == {use_case.context.span_id}
        assert (insert.kind, len({span.context.trace_id for span in traced.spans()})) == (SpanKind.CLIENT, 1)
        attributes = dict(server.attributes or {})
        assert len(str(attributes.pop("candor.request_id"))) == 32
        assert attributes == {
            "http.request.method": "POST",
            "url.scheme": "http",
            "http.route": "/v1/tasks",
            "url.path": "/v1/tasks",
            "http.response.status_code": 201,
        }

    def test_spans_of_statements_have_no_parameters(self, traced: Traced) -> None:
        answered(traced.caller.create("a very private title"), 201)
        traced.caller.get("/v1/tasks?filter=title%20%3D%20%22another%20secret%22")
        recorded = [{**(span.attributes or {})} for span in traced.spans()]
        assert any(str(each.get("db.query.text", "")).startswith("INSERT INTO tasks") for each in recorded)
        assert not {"private", "secret", "Bearer"} & set(json.dumps(recorded).replace('"', " ").split())
        assert "private" not in json.dumps(recorded)
        assert "secret" not in json.dumps(recorded)

    def test_an_error_of_the_client_is_recorded_and_is_not_a_failure(self, traced: Traced) -> None:
        rejected(traced.caller.get(ABSENT), 404, "TASK_NOT_FOUND")
        for name in ("GET /v1/tasks/<id:task_id>", "TaskService.get"):
            span = traced.span(name)
            assert (span.attributes or {})["error.type"] == "TASK_NOT_FOUND"
            assert span.status.is_unset
        assert not any(span.events for span in traced.spans())

    def test_an_error_of_the_service_is_a_failure(self, traced: Traced, monkeypatch: pytest.MonkeyPatch) -> None:
        def bug(*_: object, **__: object) -> None:
            raise ZeroDivisionError("the secret is hunter2")

        monkeypatch.setattr("app.rest.handlers.tasks.services", bug)
        assert isinstance(traced.caller.client, CheckedClient)
        traced.caller.client.allows_500 = True
        rejected(traced.caller.get(ABSENT), 500, "INTERNAL_ERROR")
        server = traced.span("GET /v1/tasks/<id:task_id>")
        assert not server.status.is_ok
        assert not server.status.is_unset
        assert "hunter2" not in server.to_json()

    def test_a_simulated_error_is_marked_and_is_not_a_failure(self, traced: Traced) -> None:
        assert isinstance(traced.caller.client, CheckedClient)
        traced.caller.client.allows_500 = True
        rejected(traced.caller.get(ABSENT, headers={"Simulate-Error": "INTERNAL_ERROR"}), 500, "INTERNAL_ERROR")
        server = traced.span("GET /v1/tasks/<id:task_id>")
        assert (server.attributes or {})["candor.simulated"] is True
        assert server.status.is_unset
        traced.caller.get(ABSENT)
        assert "candor.simulated" not in (traced.spans()[-1].attributes or {})

    def test_the_span_of_an_unknown_route_has_a_fixed_name(self, traced: Traced) -> None:
        traced.caller.get("/v1/no/such/path")
        traced.caller.send("BREW", "/v1/tasks")
        assert [span.name for span in traced.spans()] == ["GET", "HTTP"]
        assert (traced.spans()[1].attributes or {})["http.request.method"] == "_OTHER"

    def test_the_span_of_a_batch_has_the_number_of_created_tasks(self, traced: Traced) -> None:
        traced.caller.task("a")
        answered(traced.caller.batch({"title": "a"}, {"title": "b"}), 207)
        attributes = traced.span("POST /v1/tasks:batchCreate").attributes or {}
        counts = {name: count for name, count in attributes.items() if name.startswith("candor.batch.")}
        assert counts == {"candor.batch.total": 2, "candor.batch.created": 1, "candor.batch.failed": 1}


class TestOutside:
    def test_a_call_of_an_external_system_has_a_span(self, make_application: Callable[..., Flask]) -> None:
        before, exporter = [*logs.WATCHERS], InMemorySpanExporter()
        shared = make_application(tracing=True, redis_url="redis://127.0.0.1:1")
        shared.extensions["app-tracing"].export_to(SimpleSpanProcessor(exporter))
        assert shared.test_client().get("/errors").status_code == 200
        logs.WATCHERS[:] = before
        (call,) = [span for span in exporter.get_finished_spans() if span.name == "RedisRateLimitStore.increment"]
        assert call.kind is SpanKind.CLIENT

    def test_another_instance_continues_the_trace(
        self, make_application: Callable[..., Flask], bearer: Callable[..., dict[str, str]]
    ) -> None:
        """C16: from the span of the call, which is in its own thread."""
        before, exporter, other = [*logs.WATCHERS], InMemorySpanExporter(), Remote(answers(USER))
        calling = make_application(tracing=True, users_url=other.url, preferences_url=other.url)
        calling.extensions["app-tracing"].export_to(SimpleSpanProcessor(exporter))
        for client in calling.extensions["app-services"].clients:
            client._timeout = timedelta(seconds=20)
        caller = Caller(calling.test_client(), bearer(USER["id"], ""))
        answered(caller.get(PROFILE, headers=SAMPLED))
        logs.WATCHERS[:] = before
        calls = {span.name: span for span in exporter.get_finished_spans() if span.kind is SpanKind.CLIENT}
        assert {"users.get", "preferences.get"} <= calls.keys()
        recorded = {other.fields(number)["traceparent"] for number in range(2)}
        assert recorded == {
            f"00-{TRACE}-{format_span_id(calls[name].context.span_id)}-01" for name in ("users.get", "preferences.get")
        }
        for client in calling.extensions["app-services"].clients:
            client.close()
        other.close()


class TestIds:
    """C1, C16."""

    def test_the_trace_of_the_caller_is_continued(self, traced: Traced, log: Log) -> None:
        document = rejected(traced.caller.get(ABSENT, headers=SAMPLED), 404, "TASK_NOT_FOUND")
        server = traced.span("GET /v1/tasks/<id:task_id>")
        assert server.parent is not None
        assert (format_trace_id(server.context.trace_id), format_span_id(server.parent.span_id)) == (TRACE, PARENT)
        assert {document["trace_id"], log.access[-1]["trace_id"], log.errors[-1]["trace_id"]} == {TRACE}

    def test_a_request_without_a_trace_gets_a_new_one(self, traced: Traced, log: Log) -> None:
        document = rejected(traced.caller.get(ABSENT), 404, "TASK_NOT_FOUND")
        begun = format_trace_id(traced.span("GET /v1/tasks/<id:task_id>").context.trace_id)
        assert (document["trace_id"], log.access[-1]["trace_id"]) == (begun, begun)

    def test_the_sampling_decision_of_the_caller_is_kept(self, traced: Traced) -> None:
        document = rejected(
            traced.caller.get(ABSENT, headers={"Traceparent": f"00-{TRACE}-{PARENT}-00"}), 404, ("TASK_NOT_FOUND")
        )
        assert (document["trace_id"], traced.spans()) == (TRACE, [])

    @pytest.mark.parametrize("sent", ["", "nonsense", f"00-{'0' * 32}-{PARENT}-01", f"ff-{TRACE}-{PARENT}-01"])
    def test_a_malformed_field_is_ignored(self, traced: Traced, sent: str) -> None:
        traced.caller.get(ABSENT, headers={"Traceparent": sent})
        assert traced.span("GET /v1/tasks/<id:task_id>").parent is None


class TestOff:
    def test_no_instrumentation_is_installed(self, app: Application) -> None:
        """Tracing that is off costs nothing: it has no hook, and no wrapper."""
        assert "app-tracing" not in app.extensions
        assert isinstance(app.wsgi_app, Middleware)
        assert "__wrapped__" not in vars(app.extensions["app-services"].tasks)
        assert app.extensions["app-services"].tasks.create.__func__ is TaskService.create
