"""Behavior that needs a real server on a real socket."""

import json
import random
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import create_engine, text

from app.config import Settings
from tests import response_checks
from tests.stack.checkout import wait_until
from tests.stack.conftest import ORIGIN, Served

pytestmark = pytest.mark.slow


def parsed(answer: bytes) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Return status, header fields and JSON body of a raw response."""
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    return int(lines[0].split()[1]), headers, response_checks.strict(body)


REFUSED = {
    "a line that is not a request": (b"GARBAGE\r\n\r\n", 400, "MALFORMED_REQUEST"),
    "a space before the colon": (b"GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", 400, "MALFORMED_REQUEST"),
    "a folded header": (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", 400, "MALFORMED_REQUEST"),
    "two lengths": (
        b"POST /v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        400,
        "MALFORMED_REQUEST",
    ),
    "an unknown transfer coding": (
        b"POST /v1/tasks HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: foo, chunked\r\n\r\n0\r\n\r\n",
        501,
        "UNSUPPORTED_TRANSFER_CODING",
    ),
    "a long URI": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "URI_TOO_LONG"),
    "a long header": (
        b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 9000 + b"\r\n\r\n",
        431,
        "HEADER_FIELDS_TOO_LARGE",
    ),
    "too many headers": (
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 101 + b"\r\n",
        431,
        "HEADER_FIELDS_TOO_LARGE",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_error_of_gunicorn_is_a_problem_document_with_a_request_id(served: Served, name: str) -> None:
    """C1, C4, C5: the log contains its ID, in one error entry and one access entry."""
    logged = served.log.stat().st_size
    request, status, code = REFUSED[name]
    answered, headers, document = parsed(served.raw(request))
    assert (answered, document["code"], document["status"]) == (status, code, status)
    assert headers["Content-Type"] == "application/problem+json"
    assert headers["X-Request-Id"] == headers["Request-Id"] == document["request_id"]
    assert (headers["Cache-Control"], headers["X-Content-Type-Options"]) == ("no-store", "nosniff")
    assert "instance" not in document, "errors of the server have no instance"
    assert (headers["Vary"], headers["Connection"]) == ("Origin", "close")
    lines = [json.loads(line) for line in served.log.read_bytes()[logged:].splitlines()]
    assert [line["logger"] for line in lines] == ["candor.errors", "candor.access"]
    for line in lines:
        assert (line["request_id"], line["route"], line["status"]) == (document["request_id"], "unmatched", status)
    assert (lines[0]["code"], lines[0]["level"], "stack" in lines[0]) == (code, "WARNING", False)
    response_checks.PROBLEMS.setdefault(code, []).append(document)


def test_the_parsed_parts_of_a_rejected_request_are_used(served: Served) -> None:
    """C5, C16, C24: its ID is kept, its origin is allowed, its method and path are logged."""
    head = f"POST /v1/tasks HTTP/1.1\r\nHost: x\r\nOrigin: {ORIGIN}\r\nRequest-Id: kept-1234\r\n"
    rejected = served.raw(f"{head}Transfer-Encoding: foo\r\n\r\n".encode())
    answered, headers, document = parsed(rejected)
    assert (answered, document["request_id"], headers["X-Request-Id"]) == (501, "kept-1234", "kept-1234")
    assert headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "X-Request-Id" in headers["Access-Control-Expose-Headers"]
    lines = [json.loads(line) for line in served.log.read_text().splitlines() if "kept-1234" in line]
    assert [(line["method"], line["path"]) for line in lines] == [("POST", "/v1/tasks")] * 2
    elsewhere = served.raw(f"{head}Transfer-Encoding: foo\r\n\r\n".replace(ORIGIN, "https://evil.example").encode())
    assert b"Access-Control" not in elsewhere


def test_the_rejection_of_a_head_request_has_no_body(served: Served) -> None:
    """C1, RFC 9110, section 9.3.2."""
    rejected = served.raw(b"HEAD / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: foo\r\n\r\n")
    assert rejected.startswith(b"HTTP/1.1 501 ")
    assert rejected.endswith(b"\r\n\r\n")


class TestBodies:
    """Bodies that arrive in parts or incompletely."""

    def test_a_chunked_body_over_the_limit_is_413_and_nothing_is_written(
        self, served: Served, client: FlaskClient, bearer: Callable[..., dict[str, str]]
    ) -> None:
        """A valid beginning followed by padding does not count as the whole."""
        head = "POST /v1/tasks HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
        head += f"Authorization: {bearer()['Authorization']}\r\nTransfer-Encoding: chunked\r\n\r\n"
        body = b'{"task": {"title": "smuggled"}}' + b" " * 1048576
        answered, _, document = parsed(served.raw(head.encode() + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)))
        assert (answered, document["code"]) == (413, "BODY_TOO_LARGE")
        listed = client.get("/v1/tasks", headers=bearer()).json
        assert listed is not None
        assert listed["tasks"] == []

    @pytest.mark.parametrize("tail", [b"5\r\n{}", b"zz\r\n{}\r\n0\r\n\r\n"])
    def test_a_chunked_body_that_is_broken_is_400(
        self, served: Served, bearer: Callable[..., dict[str, str]], tail: bytes
    ) -> None:
        """Malformed HTTP, found while the body is read."""
        head = "POST /v1/tasks HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
        head += f"Authorization: {bearer()['Authorization']}\r\nTransfer-Encoding: chunked\r\n\r\n"
        answered, _, document = parsed(served.raw(head.encode() + tail, half_close=True))
        assert (answered, document["code"]) == (400, "MALFORMED_REQUEST")

    @pytest.mark.parametrize("sent", [b"Content-Length: 500\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n500\r\n{"])
    def test_an_incomplete_body_ends_at_the_deadline(
        self, served: Served, bearer: Callable[..., dict[str, str]], sent: bytes
    ) -> None:
        """C23: the wait for the body spends the budget, even while single bytes arrive."""
        head = "POST /v1/tasks HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
        head += f"Authorization: {bearer()['Authorization']}\r\nRequest-Timeout: 0.3\r\n"
        answered, _, document = parsed(served.raw(head.encode() + sent))
        assert (answered, document["code"], document["spent_in"]) == (504, "DEADLINE_EXCEEDED", "request_body")

    def test_a_client_that_disconnects_early_does_no_harm(
        self, served: Served, client: FlaskClient, bearer: Callable[..., dict[str, str]], settings: Settings
    ) -> None:
        """The write happened once or not at all, and no transaction stays open."""
        body = json.dumps({"task": {"title": "gone"}}).encode()
        head = "POST /v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        head += f"Authorization: {bearer()['Authorization']}\r\nContent-Length: {len(body)}\r\n\r\n"
        for _ in range(20):
            with closing(socket.create_connection(("127.0.0.1", served.port))) as connection:
                connection.sendall(head.encode() + body)
        assert _send(served, "POST", bearer(), {"task": {"title": "after"}})[0] == 201
        listed = client.get("/v1/tasks", headers=bearer()).json
        assert listed is not None
        assert sorted(task["title"] for task in listed["tasks"]) in (["after"], ["after", "gone"])
        wait_until(lambda: _open_transactions(settings) == 0, 3)


class TestRaces:
    """Many simultaneous clients, with two workers."""

    def test_of_200_creations_of_one_title_one_is_201_and_199_are_409(
        self, served: Served, client: FlaskClient, bearer: Callable[..., dict[str, str]]
    ) -> None:
        statuses = _at_once(200, lambda _: _send(served, "POST", bearer(), {"task": {"title": "one"}})[0])
        assert (statuses.count(201), statuses.count(409)) == (1, 199)

    def test_100_concurrent_requests_with_one_key_have_one_effect(
        self, served: Served, client: FlaskClient, bearer: Callable[..., dict[str, str]]
    ) -> None:
        """C21: the others get a replay, byte for byte, or a 409 with the time to wait."""
        headers = {**bearer(), "Idempotency-Key": "once"}
        answers = _at_once(100, lambda _: _send(served, "POST", headers, {"task": {"title": "once"}}))
        assert {status for status, _ in answers} <= {201, 409}
        assert len({body for status, body in answers if status == 201}) == 1

    def test_of_50_concurrent_patches_none_is_lost(
        self, served: Served, client: FlaskClient, bearer: Callable[..., dict[str, str]]
    ) -> None:
        """C20: they wait for each other, and the version counts all of them."""
        created = client.post("/v1/tasks", json={"task": {"title": "hot"}}, headers=bearer())
        path = created.headers["Location"]

        def patch(number: int) -> int:
            return _send(served, "PATCH", bearer(), {"description": str(number)}, path=path)[0]

        assert _at_once(50, patch) == [200] * 50
        assert client.get(path, headers=bearer()).headers["ETag"].startswith('"33-')


def _at_once(count: int, act: Callable[[int], Any]) -> list[Any]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(act, range(count)))


def _send(
    served: Served, method: str, headers: dict[str, str], body: object, *, path: str = "/v1/tasks"
) -> tuple[int, bytes]:
    """Return the status and the body; after a rejection for overload, which has no effect, send it again."""
    for _ in range(20):
        with closing(HTTPConnection("127.0.0.1", served.port, timeout=30)) as connection:
            sent = {**headers, "Content-Type": "application/json"}
            connection.request(method, path, json.dumps(body).encode(), sent)
            answer = connection.getresponse()
            status, content = answer.status, answer.read()
        if status != HTTPStatus.SERVICE_UNAVAILABLE:
            break
        time.sleep(random.random())
    return status, content


def _open_transactions(settings: Settings) -> int:
    engine = create_engine(settings.database_url)
    with engine.connect() as connection:
        counting = text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'"
        )
        found: int = connection.execute(counting).scalar_one()
    engine.dispose()
    return found


def test_each_log_entry_is_one_json_line_without_hostile_ids(served: Served) -> None:
    """C16."""
    hostile = ['"}\t{"level":', "x" * 10240, "${jndi:ldap://x}", "\x1b[31m", "a b c d e f g"]
    for each in hostile:
        with closing(HTTPConnection("127.0.0.1", served.port)) as connection:
            connection.request("GET", "/healthz", headers={"X-Request-Id": each})
            answer = connection.getresponse()
            answer.read()
            assert answer.headers["X-Request-Id"] != each if answer.status == 200 else answer.status in {400, 431}
    for line in served.log.read_text().splitlines():
        assert json.loads(line)["message"]
