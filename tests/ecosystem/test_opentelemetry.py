"""OpenTelemetry's instrumentations of Flask, psycopg and SQLAlchemy."""

import json
import os
import subprocess
import sys

import pytest
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from app.extensions import db
from tests.stack.conftest import ROOT


@pytest.fixture
def exporter():
    return InMemorySpanExporter()


@pytest.fixture
def provider(exporter):
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider


@pytest.fixture
def traced(app, provider):
    FlaskInstrumentor().instrument_app(app, tracer_provider=provider)
    return app


@pytest.mark.parametrize(
    ("method", "path", "status", "route"),
    [
        ("GET", "/healthz", 200, "/healthz"),
        ("GET", "/errors/nothing", 404, "/errors/<slug>"),
        ("GET", "/nowhere", 404, None),
        ("GET", "/v1/tasks", 401, "/v1/tasks"),
        ("DELETE", "/healthz", 405, None),
        ("OPTIONS", "/v1/tasks", 204, "/v1/tasks"),
    ],
)
def test_every_request_is_one_span_with_the_name_of_its_route(traced, client, exporter, method, path, status, route):
    assert client.open(path, method=method).status_code == status
    (span,) = exporter.get_finished_spans()
    assert span.attributes.get("http.route") == route
    assert span.attributes["http.status_code"] == status
    assert span.name == f"{method} {route}" if route else span.name.startswith(method)


@pytest.fixture
def traced_psycopg(provider):
    PsycopgInstrumentor().instrument(tracer_provider=provider)
    yield
    PsycopgInstrumentor().uninstrument()


def test_statements_of_reads_and_inserts_are_spans(traced_psycopg, app, client, bearer, exporter, empty_tables):
    created = client.post("/v1/tasks", json={"task": {"title": "traced"}}, headers=bearer())
    assert created.status_code == 201
    assert "INSERT" in {span.name for span in exporter.get_finished_spans()}
    exporter.clear()
    assert client.get(created.headers["Location"], headers=bearer()).status_code == 200
    (span,) = (span for span in exporter.get_finished_spans() if "FROM tasks" in span.attributes["db.statement"])
    assert span.name == "SELECT"


def test_the_instrumentation_of_sqlalchemy_rejects_this_version(app, provider, caplog):
    """It requires a version below 2.1. If this test fails, it supports 2.1: assert its spans instead."""
    with app.app_context():
        SQLAlchemyInstrumentor().instrument(engine=db.engine, tracer_provider=provider)
    assert "nothing can be instrumented" in caplog.text


SCRIPT = """
import json
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
exporter, reader, provider = InMemorySpanExporter(), InMemoryMetricReader(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
FlaskInstrumentor().instrument(tracer_provider=provider, meter_provider=MeterProvider([reader]))
from app import create_app
client = create_app().test_client()
for path in ("/healthz", "/v1/tasks", "/nowhere"):
    client.get(path)
spans = [[span.name, span.attributes["http.status_code"]] for span in exporter.get_finished_spans()]
metrics = json.loads(reader.get_metrics_data().to_json())["resource_metrics"][0]["scope_metrics"][0]["metrics"]
print(json.dumps([spans, [each["name"] for each in metrics]]))
"""


def test_instrumentation_before_the_application_is_imported(settings):
    """``opentelemetry-instrument`` does the same; then, its duration metrics exist too."""
    environ = os.environ | {"DATABASE_URL": settings.database_url, "JWT_SECRET": settings.jwt_secret}
    printed = subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, env=environ, stdout=subprocess.PIPE, check=True)
    spans, metrics = json.loads(printed.stdout)
    assert spans == [["GET /healthz", 200], ["GET /v1/tasks", 401], ["GET /nowhere", 404]]
    assert "http.server.duration" in metrics
