"""The log output of a flood of requests that no limit bounds, on a real gunicorn."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from app.config import Settings
from tests.stack.checkout import wait_until
from tests.stack.conftest import Served, serving
from tests.stack.deployment import received

COUNT = 400


@pytest.fixture(scope="module")
def limited(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve with one worker that allows one request per hour."""
    log = tmp_path_factory.mktemp("limited") / "log"
    with serving(settings, log, WEB_CONCURRENCY="1", RATE_LIMIT="1 per hour") as served:
        yield served


def entries(served: Served, code: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the log entries of errors with this code, and those of access."""
    found = [json.loads(line) for line in served.log.read_text().splitlines() if line.startswith("{")]
    errors = [each for each in found if each["logger"] == "candor.errors" and each["code"] == code]
    return errors, [
        each for each in found if each["logger"] == "candor.access" and each["status"] in {400, 404, 405, 429, 431}
    ]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "ROUTE_NOT_FOUND"),
        ("PUT", "/v1/tasks", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/v1/nothing#fragment", 400, "MALFORMED_REQUEST"),
        ("GET", "/v1/tasks", 429, "RATE_LIMIT_EXCEEDED"),
    ],
)
def test_those_of_a_second_and_an_address_share_an_entry(
    limited: Served, method: str, path: str, status: int, code: str
) -> None:
    if status == 429:
        with closing(HTTPConnection("127.0.0.1", limited.port, timeout=20)) as connection:
            connection.request("GET", "/")
            connection.getresponse().read()
    _, before = entries(limited, code)
    began, ids = time.monotonic(), []
    with closing(HTTPConnection("127.0.0.1", limited.port, timeout=20)) as connection:
        for _ in range(COUNT):
            connection.request(method, path)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == status
            ids.append(answer.headers["X-Request-Id"])
    shared(limited, code, ids, seconds=time.monotonic() - began, since=len(before))


@pytest.mark.parametrize(
    ("head", "status", "code"),
    [
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400, "MALFORMED_REQUEST"),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 16_384 + b"\r\n\r\n", 431, "HEADER_FIELDS_TOO_LARGE"),
    ],
)
def test_so_do_those_that_the_parser_rejects(
    head: bytes, status: int, code: str, settings: Settings, tmp_path: Path
) -> None:
    with serving(settings, tmp_path / "log", WEB_CONCURRENCY="1") as served:
        began, ids = time.monotonic(), []
        for _ in range(COUNT // 4):
            with closing(socket.create_connection(("127.0.0.1", served.port), timeout=20)) as connection:
                connection.sendall(head)
                answer = received(connection)
                assert answer.startswith(b"HTTP/1.1 %d " % status)
                ids.append(answer.partition(b"X-Request-Id: ")[2].partition(b"\r\n")[0].decode())
        shared(served, code, ids, seconds=time.monotonic() - began)


def shared(served: Served, code: str, ids: list[str], *, seconds: float, since: int = 0) -> None:
    """Assert that errors with this code share entries, and that each request has its access entry."""

    def accounted() -> int:
        return sum(each.get("count", 1) for each in entries(served, code)[0])

    wait_until(lambda: accounted() == len(ids), 10)
    errors, access = entries(served, code)
    access = access[since:]
    assert len(errors) <= 2 * (seconds + 2)
    assert [each["request_id"] for each in access] == ids, "each request has its access entry"
    own = {each["request_id"] for each in errors if "count" not in each}
    assert all(each.get("code") == (None if each["request_id"] in own else code) for each in access)
    for each in errors:
        if "count" in each:
            assert each["level"] == "WARNING"
            assert each["request_id"] in own, "the entry of the first has the cause"
            assert set(each["request_ids"]) < set(ids)
            assert len(each["request_ids"]) == min(5, each["count"])
        else:
            assert each["causes"]


def test_those_of_the_last_second_are_written_when_the_worker_ends(settings: Settings, tmp_path: Path) -> None:
    with (
        serving(settings, tmp_path / "log", WEB_CONCURRENCY="1") as served,
        closing(HTTPConnection("127.0.0.1", served.port, timeout=20)) as connection,
    ):
        for _ in range(50):
            connection.request("GET", "/v1/nothing")
            connection.getresponse().read()
    errors, _ = entries(served, "ROUTE_NOT_FOUND")
    assert sum(each.get("count", 1) for each in errors) == 50
