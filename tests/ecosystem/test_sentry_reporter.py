"""``SENTRY_DSN``: real processes report unforeseen exceptions to an ingest server, without personal data."""

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, Queue

import brotli
import grpc
import pytest
from sqlalchemy import create_engine, text

from app import errs
from app.config import ROOT, VERSION
from app.errs import E, Kind
from app.errs.platform import ServiceUnavailable
from app.observability.sentry_reporter import PER_SECOND, SentryReporter
from app.observability.unforeseen_exceptions import UnforeseenException, is_unforeseen
from app.rpc.gen.todo.v1.todo_pb2 import GetTaskRequest
from app.rpc.gen.todo.v1.todo_pb2_grpc import TodoServiceStub
from deploy.local.free_ports import free_port

WITHIN = 30.0
TASK = "8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33"
SECRET = "personal-4711"
"""The personal data in the exceptions of sentry_app.py, which is imported only by other processes."""
REQUEST_ID = "sentry-request-1"
ADDRESS = "203.0.113.77"
USER = "alice-personal"


class Ingest:
    """A server that receives envelopes; while ``hangs`` is set, it sends no response."""

    def __init__(self):
        self.envelopes = Queue()
        self.hangs = threading.Event()
        ingest = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                body = {"gzip": gzip.decompress, "br": brotli.decompress}[self.headers["Content-Encoding"]](body)
                ingest.envelopes.put((self.path, body.decode()))
                while ingest.hangs.is_set():
                    time.sleep(0.05)
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                """Log nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.dsn = f"http://publickey@127.0.0.1:{self.server.server_port}/42"

    def event(self):
        """Return the next envelope as text, and its event."""
        path, envelope = self.envelopes.get(timeout=WITHIN)
        assert path == "/api/42/envelope/"
        (event,) = [
            json.loads(line) for line in envelope.splitlines() if line.startswith('{"') and '"exception"' in line
        ]
        return envelope, event

    def is_silent(self):
        """Return whether nothing arrives within a second."""
        try:
            self.envelopes.get(timeout=1)
        except Empty:
            return True
        return False


@pytest.fixture
def ingest():
    ingest = Ingest()
    yield ingest
    ingest.hangs.clear()
    ingest.server.shutdown()
    ingest.server.server_close()


@contextmanager
def process(settings, ingest, *command, **environment):
    """Run a process of the service that reports to the ingest server."""
    environ = os.environ | {
        "DATABASE_URL": settings.database_url,
        "JWT_SECRET": settings.jwt_secret,
        "SENTRY_DSN": ingest.dsn,
        "WEB_CONCURRENCY": "1",
        **environment,
    }
    running = subprocess.Popen([sys.executable, "-m", *command], cwd=ROOT, env=environ, stderr=subprocess.DEVNULL)
    try:
        yield running
    finally:
        running.kill()
        running.wait()


@contextmanager
def serving(settings, ingest):
    """Serve over HTTP; return the process and its port."""
    port = free_port()
    command = ("gunicorn", "-c", "gunicorn.conf.py", "tests.ecosystem.sentry_app:app")
    with process(settings, ingest, *command, PORT=str(port)) as running:
        until(lambda: send(port, "GET", "/healthz")[0] == 200)
        yield running, port


def send(port, method, path, headers=None, body=None):
    with closing(HTTPConnection("127.0.0.1", port, timeout=WITHIN)) as connection:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()


def until(holds):
    deadline = time.monotonic() + WITHIN
    while time.monotonic() < deadline:
        try:
            if holds():
                return
        except (OSError, grpc.RpcError):
            time.sleep(0.1)
    pytest.fail("it does not happen")


def has_nothing_personal(envelope, *more):
    for each in (SECRET, ADDRESS, USER, "Authorization", "Bearer", "eyJ", "User-Agent", "query-marker", *more):
        assert each not in envelope, each


class TestHttp:
    def test_an_unforeseen_exception_is_an_event_without_personal_data(self, settings, ingest, token):
        headers = {
            "Authorization": f"Bearer {token(USER, 'tasks')}",
            "X-Request-Id": REQUEST_ID,
            "X-Forwarded-For": ADDRESS,
            "User-Agent": f"{SECRET}-agent",
            "Cookie": f"session={SECRET}",
        }
        with serving(settings, ingest) as (running, port):
            assert send(port, "GET", f"/v1/tasks/{TASK}", headers)[0] == 500
            envelope, event = ingest.event()
            running.terminate()
            assert running.wait(WITHIN) == 0
        has_nothing_personal(envelope, TASK)
        route = "GET /v1/tasks/<id:task_id>"
        assert event["tags"] == {"request_id": REQUEST_ID, "code": "INTERNAL_ERROR", "operation": route}
        assert (event["transaction"], event["release"]) == (route, f"candor@{VERSION}")
        assert event["environment"] == "development"
        assert not {"request", "user", "breadcrumbs", "modules", "extra"} & event.keys()
        cause, outermost = event["exception"]["values"]
        assert (outermost["type"], outermost["value"]) == ("LookupError", "nothing found for …-variable")
        assert cause["value"] == "invalid literal for int() with base 10: '…'"
        *_, last = outermost["stacktrace"]["frames"]
        assert (last["filename"], last["function"]) == ("tests/ecosystem/sentry_app.py", "broken_get")
        assert last["context_line"].strip().startswith("raise LookupError(")
        assert all("vars" not in frame for frame in outermost["stacktrace"]["frames"])

    def test_errors_of_the_catalogue_are_not_reported(self, settings, ingest, token):
        headers = {"Authorization": f"Bearer {token(USER, 'tasks')}", "Content-Type": "application/json"}
        with serving(settings, ingest) as (_, port):
            assert send(port, "POST", "/v1/tasks", headers, '{"task": {}}')[0] == 400
            assert send(port, "GET", "/nowhere", headers)[0] == 404
            for code, status in (("SERVICE_UNAVAILABLE", 503), ("INTERNAL_ERROR", 500)):
                assert send(port, "GET", "/v1/tasks", headers | {"Simulate-Error": code})[0] == status
            assert ingest.is_silent()

    def test_a_server_that_hangs_slows_no_request_and_no_shutdown(self, settings, ingest, token):
        headers = {"Authorization": f"Bearer {token(USER, 'tasks')}"}
        ingest.hangs.set()
        with serving(settings, ingest) as (running, port):
            send(port, "GET", f"/v1/tasks/{TASK}", headers)
            durations = []
            for _ in range(30):
                began = time.monotonic()
                assert send(port, "GET", f"/v1/tasks/{TASK}", headers)[0] == 500
                durations.append(time.monotonic() - began)
            assert sorted(durations)[15] < 0.5
            began = time.monotonic()
            running.terminate()
            assert running.wait(WITHIN) == 0
            assert time.monotonic() - began < 10


class TestOtherProcesses:
    def test_a_job_that_raises_is_an_event_without_its_payload(self, settings, ingest):
        engine = create_engine(settings.database_url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            payload = json.dumps({"address": f"{SECRET}@example.com"})
            added = "INSERT INTO jobs (kind, payload, request_id) VALUES ('test.broken', CAST(:payload AS jsonb), :id)"
            connection.execute(text(added), {"payload": payload, "id": REQUEST_ID})
            try:
                command = ("flask", "--app", "tests.ecosystem.sentry_app", "worker")
                with process(settings, ingest, *command) as running:
                    envelope, event = ingest.event()
                    running.send_signal(signal.SIGTERM)
                    assert running.wait(WITHIN) == 0
            finally:
                connection.execute(text("DELETE FROM jobs WHERE kind = 'test.broken'"))
        engine.dispose()
        has_nothing_personal(envelope)
        assert event["tags"] == {"request_id": REQUEST_ID, "code": "INTERNAL_ERROR", "operation": "test.broken"}
        assert event["exception"]["values"][-1]["type"] == "KeyError"

    def test_a_grpc_call_that_raises_is_an_event(self, settings, ingest, token):
        port = free_port()
        command = ("flask", "--app", "tests.ecosystem.sentry_app", "rpc", "serve")
        metadata = (("authorization", f"Bearer {token(USER, 'tasks')}"), ("x-request-id", REQUEST_ID))
        with (
            process(settings, ingest, *command, RPC_PORT=str(port)) as running,
            grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
        ):
            grpc.channel_ready_future(channel).result(WITHIN)
            with pytest.raises(grpc.RpcError):
                TodoServiceStub(channel).GetTask(GetTaskRequest(name=f"tasks/{TASK}"), metadata=metadata)
            envelope, event = ingest.event()
            running.terminate()
            assert running.wait(WITHIN) == 0
        has_nothing_personal(envelope, TASK)
        assert event["tags"] == {
            "request_id": REQUEST_ID,
            "code": "INTERNAL_ERROR",
            "operation": "todo.v1.TodoService/GetTask",
        }


class TestReporter:
    def test_a_storm_of_exceptions_is_a_few_events(self, ingest):
        reporter = SentryReporter(ingest.dsn, environment="test", monotonic=lambda: 7.0)
        reporter.start()
        for _ in range(50):
            reporter.report(
                UnforeseenException(
                    exception=ValueError(), operation="GET /", code="INTERNAL_ERROR", request_id=None, trace_id=None
                )
            )
        reporter.stop(10)
        assert ingest.envelopes.qsize() == PER_SECOND

    @pytest.mark.parametrize(
        ("error", "expected"),
        [
            (ValueError(), True),
            (E("tasks.get", Kind.INTERNAL), False),
            (ServiceUnavailable(), False),
            (errs.E("tasks.get"), False),
        ],
    )
    def test_only_exceptions_outside_the_catalogue_are_unforeseen(self, error, expected):
        assert is_unforeseen(error) is expected

    def test_an_error_of_the_service_with_such_a_cause_is_unforeseen(self):
        error, unavailable = E("tasks.get", Kind.INTERNAL), ServiceUnavailable()
        error.__cause__ = unavailable.__cause__ = OSError()
        assert is_unforeseen(error)
        assert not is_unforeseen(unavailable)
