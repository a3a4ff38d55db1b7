"""nginx in front answers as the service does, and passes on true values only (C4, C16, C20)."""

import json
import os
import signal
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any, Final

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import NullPool, create_engine, text

from app.config import Settings
from app.errs import Outcome
from app.rest.errors import ProblemContext, problem, status_of
from app.rest.hooks import cors
from app.rest.proxy_config import description
from tests import response_checks
from tests.server.test_gunicorn import parsed
from tests.stack.checkout import wait_until
from tests.stack.conftest import ORIGIN
from tests.stack.deployment import Deployment, deployed, is_ready, needs_nginx

pytestmark = needs_nginx
Bearer = Callable[..., dict[str, str]]

REFUSED = {
    "an invalid request line": (b"GARBAGE\r\n\r\n", 400),
    "a version to come": (b"GET / HTTP/3.0\r\nHost: x\r\n\r\n", 400),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    "an invalid host": (b"GET / HTTP/1.1\r\nHost: a b/../\r\n\r\n", 400),
    "a path out of the root": (b"GET /../ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "an unknown transfer coding": (b"POST /v1/tasks HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: foo\r\n\r\n", 501),
    "a doubtful transfer coding": (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, foo\r\n\r\n", 400),
    "a long URI": (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    "a long header": (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 40_000 + b"\r\n\r\n", 431),
    "a long body": (b"POST /v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n", 413),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_rejection_by_nginx_has_the_document_of_the_service(fronted: Deployment, app: Flask, name: str) -> None:
    """C1, C4: the same members with the same values, and a log entry."""
    request, status = REFUSED[name]
    answered, headers, document = parsed(fronted.raw(request, timeout=1))
    same = {status_of(error).value: error for error in description.rejections(max_body_bytes=16384, request_timeout=10)}
    occasion = ProblemContext(
        public_url=f"https://127.0.0.1:{fronted.tls_port}",
        instance=None,
        timestamp=document["timestamp"],
        request_id=headers["X-Request-Id"],
    )
    assert answered == status
    assert document == problem(same[status], occasion)
    assert headers["Content-Type"] == "application/problem+json"
    assert headers["Request-Id"] == headers["X-Request-Id"]
    assert (headers["Cache-Control"], headers["X-Content-Type-Options"]) == ("no-store", "nosniff")
    assert headers["Server"] == "nginx"
    assert document["timestamp"].endswith("Z")
    wait_until(lambda: document["request_id"] in fronted.rejections.read_text(), 10)
    lines = [json.loads(line) for line in fronted.rejections.read_text().splitlines()]
    assert [line["code"] for line in lines if line["request_id"] == document["request_id"]] == [document["code"]]
    response_checks.PROBLEMS.setdefault(document["code"], []).append(document | {"instance": "/"})


def test_an_allowed_origin_may_read_a_rejection_by_nginx(fronted: Deployment) -> None:
    """C24."""
    head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\nOrigin: {ORIGIN}"
    _, headers, _ = parsed(fronted.raw(f"{head}\r\n\r\n".encode(), timeout=1))
    assert (headers["Access-Control-Allow-Origin"], headers["Vary"]) == (ORIGIN, "Origin")
    assert headers["Access-Control-Expose-Headers"] == cors.EXPOSED
    _, headers, _ = parsed(fronted.raw(f"{head}.evil\r\n\r\n".encode(), timeout=1))
    assert ("Access-Control-Allow-Origin" in headers, headers["Vary"]) == (False, "Origin")


def test_http_0_9_is_not_supported(fronted: Deployment) -> None:
    """HTTP/0.9 cannot express an error."""
    assert fronted.raw(b"GET /healthz\r\n") == b""


def test_plain_http_on_the_tls_port_is_rejected_with_a_document(fronted: Deployment) -> None:
    """nginx's status 497."""
    answer = fronted.raw(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", port=fronted.tls_port)
    answered, _, document = parsed(answer)
    assert (answered, document["code"]) == (400, "MALFORMED_REQUEST")


def test_an_oversize_is_rejected_before_it_is_sent(fronted: Deployment) -> None:
    """Without 100 Continue."""
    head = b"POST /v1/tasks HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9999999\r\n\r\n"
    assert fronted.raw(head, timeout=1).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("size", [16_385, 100_000, 1_048_576, 1_048_577])
@pytest.mark.parametrize("target", ["/v1/tokens:revoke", "/v1/tokens:revoke?a=b"])
def test_a_body_over_the_limit_of_the_operation_is_413_with_that_limit(
    fronted: Deployment, size: int, target: str
) -> None:
    """By nginx, or by the service, which has not read it: the document is the same, and never a 502."""
    head = f"POST {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
    for _ in range(10):
        answer = fronted.raw(f"{head}Content-Length: {size}\r\n\r\n".encode() + b" " * size)
        status, _, document = parsed(answer)
        assert (status, document["code"], document["limit"]) == (413, "BODY_TOO_LARGE", 16384)


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("TRACE /healthz", 405),
        ("GET /.problem", 404),
        ("GET /healthz/", 404),
        ("FOO /healthz", 405),
    ],
)
def test_the_service_answers_where_nginx_lacks_the_facts(fronted: Deployment, request_line: str, status: int) -> None:
    """405, with the methods of the path."""
    request = f"{request_line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answered, headers, document = parsed(fronted.raw(request.encode()))
    assert (answered, document["status"]) == (status, status)
    assert ("Allow" in headers) == (status == 405)


def test_connect_without_an_authority_is_rejected(fronted: Deployment) -> None:
    """RFC 9112, section 3.2.3. nginx 1.30 rejects it by 400; older ones pass it on to the service."""
    status, headers, document = parsed(fronted.raw(b"CONNECT / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
    assert (status, document["code"], "Allow" in headers) in [
        (400, "MALFORMED_REQUEST", False),
        (405, "METHOD_NOT_ALLOWED", True),
    ]


@contextmanager
def requested(
    deployment: Deployment, path: str, headers: dict[str, str] | None = None, method: str = "GET", body: Any = None
) -> Iterator[tuple[HTTPResponse, bytes]]:
    """Send a request through nginx, and yield the response and its body."""
    with closing(HTTPConnection("127.0.0.1", deployment.port, timeout=10)) as connection:
        sent = {"Content-Type": "application/json", **(headers or {})} if body else headers or {}
        connection.request(method, path, json.dumps(body) if body else None, sent)
        answer = connection.getresponse()
        yield answer, answer.read()


class TestRequestIds:
    """C16, in nginx and in the service."""

    @pytest.mark.parametrize("name", ["X-Request-Id", "Request-Id", "X-Trace-Id"])
    def test_a_valid_one_is_kept(self, fronted: Deployment, name: str) -> None:
        with requested(fronted, "/healthz", {name: "mine-1234"}) as (answer, _):
            assert answer.headers["X-Request-Id"] == answer.headers["Request-Id"] == "mine-1234"
        rejected = fronted.raw(f"GET / HTTP/1.1\r\n{name}: mine-1234\r\nHost: x\r\nHost: y\r\n\r\n".encode())
        assert parsed(rejected)[1]["X-Request-Id"] == "mine-1234"

    @pytest.mark.parametrize("sent", ["short", "x" * 129, 'a"}\t{"b": 1', "ümläut-id", "${jndi:x}-id"])
    def test_another_is_replaced(self, fronted: Deployment, sent: str) -> None:
        with requested(fronted, "/healthz", {"X-Request-Id": sent, "Request-Id": "the-second-one"}) as (answer, _):
            assert answer.headers["X-Request-Id"] == "the-second-one"
        with requested(fronted, "/healthz", {"X-Request-Id": sent}) as (answer, _):
            assert len(answer.headers["X-Request-Id"]) == 32

    def test_there_is_one_log_entry(self, fronted: Deployment) -> None:
        """The service logs the requests that reach it, and nginx does not log them again."""
        with requested(fronted, "/v1/tasks", {"X-Request-Id": "exactly-one-line"}) as (answer, _):
            assert answer.status == 401
        lines = [
            json.loads(line)
            for line in fronted.log.read_text(errors="replace").splitlines()
            if "exactly-one-line" in line
        ]
        assert [line["logger"] for line in lines].count("candor.access") == 1
        assert "exactly-one-line" not in fronted.rejections.read_text()

    def test_a_log_entry_of_nginx_has_the_fields_of_the_service(self, fronted: Deployment) -> None:
        """Readers of one log understand the other."""
        fronted.raw(b"PUT /v1/tasks?secret=1 HTTP/1.1\r\nX-Request-Id: rejected-by-nginx\r\nHost: x\r\nHost: y\r\n\r\n")
        fronted.raw(b"HACK /v1 HTTP/1.1\r\nX-Request-Id: made-up-method\r\nHost: x\r\nHost: y\r\n\r\n")
        wait_until(lambda: "made-up-method" in fronted.rejections.read_text(), 10)
        written = fronted.rejections.read_text().splitlines()
        (line,) = [json.loads(line) for line in written if "rejected-by-nginx" in line]
        assert line["message"] == "PUT /v1/tasks 400"
        assert {name: line[name] for name in ("level", "severity", "kind", "code", "method", "route", "path")} == {
            **dict.fromkeys(("level", "severity"), "WARNING"),
            "kind": "invalid_request_error",
            "code": "MALFORMED_REQUEST",
            "method": "PUT",
            "route": "unmatched",
            "path": "/v1/tasks",
        }
        assert isinstance(line["duration_ms"], int)
        assert [json.loads(line)["method"] for line in written if "made-up-method" in line] == ["other"]


class TestClientAddress:
    """C22."""

    def test_a_claimed_address_does_not_give_a_separate_limit(self, fronted: Deployment) -> None:
        """The limit counts the connecting address, whatever a header field claims: four workers count 200 requests."""
        left = []
        for number in range(200):
            claim = f"203.0.113.{number}"
            claims = {
                "X-Forwarded-For": claim,
                "X-Real-IP": claim,
                "Forwarded": f"for={claim}",
                "X_Forwarded_For": claim,
            }
            with requested(fronted, "/v1/tasks", claims) as (answer, _):
                left.append(int(answer.headers["RateLimit"].partition("r=")[2].partition(";")[0]))
        assert min(left) <= 1_000_000 - 200 / 4

    def test_the_instances_cannot_be_reached_around_nginx(self, fronted: Deployment) -> None:
        """They listen on Unix sockets in a folder that is closed to other users."""
        for path in fronted.sockets:
            assert path.is_socket()
            assert path.parent.stat().st_mode & 0o007 == 0


class TestConditionalRequests:
    """C20: an ETag passes unchanged."""

    def test_an_etag_stays_strong_though_gzip_is_accepted(
        self, fronted: Deployment, client: FlaskClient, bearer: Bearer
    ) -> None:
        created = client.post("/v1/tasks", json={"task": {"title": "x", "description": "y" * 900}}, headers=bearer())
        path, headers = created.headers["Location"], {**bearer(), "Accept-Encoding": "gzip, br"}
        with requested(fronted, path, headers) as (answer, body):
            tag = answer.headers["ETag"]
            assert tag.startswith('"')
            assert answer.headers["Content-Encoding"] is None
            assert json.loads(body)["title"] == "x"
        with requested(fronted, path, {**headers, "If-None-Match": tag}) as (answer, body):
            assert (answer.status, body) == (304, b"")
        changed = {**bearer(), "If-Match": tag}
        with requested(fronted, path, changed, "PATCH", {"status": "STATUS_IN_PROGRESS"}) as (answer, _):
            assert answer.status == 200


class TestUnreachableInstances:
    """An unreachable worker gives 503, for reads and for writes."""

    @pytest.mark.parametrize("method", ["POST", "DELETE", "PATCH"])  # a GET may find an open connection
    def test_the_document_has_the_reason_and_retry_after(self, fronted: Deployment, method: str) -> None:
        for path in fronted.sockets:
            path.chmod(0)
        try:
            with requested(fronted, "/v1/tasks", method=method) as (answer, body):
                document = response_checks.strict(body)
                assert (answer.status, document["code"]) == (503, "SERVICE_UNAVAILABLE")
                assert answer.headers["Retry-After"] == str(document["retry_after"]) == "1"
                assert document["retry"]["max_attempts"] == 3
        finally:
            for path in fronted.sockets:
                path.chmod(0o777)

    @pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PATCH"])
    def test_while_one_instance_is_reachable_no_request_is_rejected(self, fronted: Deployment, method: str) -> None:
        for path in fronted.sockets:
            path.chmod(0)
            try:
                for _ in range(5):
                    with requested(fronted, "/v1/tasks/x", method=method) as (answer, _):
                        assert answer.status in {401, 405}
            finally:
                path.chmod(0o777)


def test_over_tls_it_is_the_same_service(fronted: Deployment) -> None:
    context = ssl.create_default_context(cafile=str(fronted.home / "tls.crt"))
    with closing(HTTPSConnection("127.0.0.1", fronted.tls_port, timeout=10, context=context)) as connection:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        assert response_checks.strict(answer.read())["checks"]["draining"] == "ok"
        assert answer.headers["Strict-Transport-Security"] == "max-age=63072000"


LOCKED: Final = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)
"""Counts the sessions that wait for a lock."""


class TestLostWorkers:
    """When a worker dies during a request, nginx answers, and its document states whether a retry is safe."""

    @pytest.fixture
    def lost(self, settings: Settings, tmp_path: Path, bearer: Bearer) -> Iterator[Callable[..., dict[str, Any]]]:
        """Return a function that sends a request whose workers die, and returns the document."""
        engine = create_engine(settings.database_url)
        observer = create_engine(settings.database_url, poolclass=NullPool)
        with deployed(settings, tmp_path, {}) as deployment, engine.connect() as locker, ThreadPoolExecutor(1) as aside:

            def is_locked() -> bool:
                with observer.connect() as connection:
                    return bool(connection.execute(LOCKED).scalar_one())

            def send(method: str, path: str, body: Any, **headers: str) -> dict[str, Any]:
                def wait_for_the_answer() -> tuple[int, bytes]:
                    with requested(deployment, path, {**bearer(), **headers}, method, body) as (answer, body_text):
                        return answer.status, body_text

                locker.execute(text("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE"))
                waiting = aside.submit(wait_for_the_answer)
                wait_until(is_locked, 10)
                for pid in deployment.workers:
                    os.kill(pid, signal.SIGKILL)
                status, body_text = waiting.result(15)
                locker.rollback()
                wait_until(lambda: all(map(is_ready, deployment.sockets)), 20)
                document = dict(response_checks.strict(body_text))
                # nginx repeats a keyed creation; a new worker can find that the first attempt still runs.
                assert status == 503 or document["code"] == "IDEMPOTENCY_IN_PROGRESS", document
                return document

            yield send
        engine.dispose()

    def test_only_idempotent_requests_are_retryable(self, lost: Callable[..., dict[str, Any]]) -> None:
        body = {"task": {"title": "lost"}}
        document = lost("POST", "/v1/tasks", body)
        assert (document["retryable"], "retry" in document) == (False, False)
        assert document["detail"].endswith(Outcome.DOUBTFUL.value)
        document = lost("POST", "/v1/tasks", body, **{"Idempotency-Key": "lost-1"})
        is_running = document["code"] == "IDEMPOTENCY_IN_PROGRESS"
        assert document["retry_after"] == 1 if is_running else (document["retryable"] and "retry" in document)
        document = lost("PATCH", "/v1/tasks/8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33", {"title": "x"})
        assert document["retryable"] is False
        assert lost("DELETE", "/v1/tasks/8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33", None)["retryable"]
