"""More requests than threads (C23a), on a real gunicorn that has two of them."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from app.config import Settings
from tests import response_checks
from tests.stack.checkout import wait_until
from tests.stack.conftest import Served, serving

Bearer = Callable[..., dict[str, str]]
THREADS = 2
PROMPT = 1.0
"""Seconds for an immediate answer on a busy machine; a stuck request takes two."""


@pytest.fixture(scope="module", params=["polling", "gthread"])
def narrow(
    settings: Settings, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Served]:
    """Serve with one worker of each kind, which has two threads and two slots."""
    log = tmp_path_factory.mktemp("narrow") / "log"
    environment = {"WEB_CONCURRENCY": "1", "WEB_THREADS": str(THREADS), "WEB_WORKER": request.param}
    with serving(settings, log, **environment) as served:
        yield served


@pytest.fixture
def stuck(narrow: Served, settings: Settings, bearer: Bearer) -> Iterator[list[tuple[int, float]]]:
    """Make both threads wait for a lock for two seconds; return the outcomes of their requests."""
    engine = create_engine(settings.database_url)
    answers: list[tuple[int, float]] = []
    with engine.connect() as locker:
        locker.execute(text("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE"))
        senders = [
            threading.Thread(target=lambda: answers.append(request(narrow, bearer())[:2])) for _ in range(THREADS)
        ]
        for each in senders:
            each.start()
        waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as watching:
            wait_until(lambda: watching.execute(waiting).scalar_one() == THREADS, 5)
        yield answers
        locker.rollback()
    for each in senders:
        each.join(20)
    engine.dispose()


def request(served: Served, headers: dict[str, str], path: str = "/v1/tasks") -> tuple[int, float, Any, bytes]:
    """Send a request on a new connection; return the status, the seconds, the header fields and the body."""
    began = time.monotonic()
    with closing(HTTPConnection("127.0.0.1", served.port, timeout=20)) as connection:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        return answer.status, time.monotonic() - began, answer.headers, body


class TestStuckThreads:
    def test_health_and_readiness_answer_all_the_same(self, narrow: Served, stuck: list[tuple[int, float]]) -> None:
        """C23a: although every request thread is blocked."""
        for path in ("/healthz", "/readyz"):
            status, seconds, _, _ = request(narrow, {}, path)
            assert (status, seconds < PROMPT) == (200, True)
        assert stuck == []

    def test_others_are_rejected_in_time_and_served_again_afterwards(
        self, narrow: Served, stuck: list[tuple[int, float]], bearer: Bearer
    ) -> None:
        """C1, C16: the same problem document, with the caller's request id, in exactly one access log entry."""
        status, seconds, headers, body = request(narrow, {**bearer(), "X-Request-Id": "overloaded-1"})
        document = response_checks.strict(body)
        assert (status, document["code"], document["request_id"]) == (503, "SERVICE_UNAVAILABLE", "overloaded-1")
        assert (headers["Retry-After"], headers["X-Request-Id"]) == ("1", "overloaded-1")
        assert seconds < PROMPT + 0.5
        lines = [response_checks.strict(line) for line in narrow.log.read_bytes().splitlines()]
        mine = [line for line in lines if line.get("request_id") == "overloaded-1"]
        (access,) = [line for line in mine if line["logger"] == "candor.access"]
        assert access["duration_ms"] >= 0
        assert stuck == []

    def test_a_rejected_connection_serves_the_next_request(
        self, narrow: Served, stuck: list[tuple[int, float]], bearer: Bearer
    ) -> None:
        """The bytes behind the rejected request are not lost."""
        head = f"Host: x\r\nAuthorization: {bearer()['Authorization']}\r\n"
        first = f"POST /v1/tasks HTTP/1.1\r\n{head}Content-Length: 2\r\n\r\n{{}}"
        second = f"GET /healthz HTTP/1.1\r\n{head}Connection: close\r\n\r\n"
        answers = narrow.raw((first + second).encode())
        assert answers.startswith(b"HTTP/1.1 503 ")
        assert answers.count(b"HTTP/1.1 ") == 2
        assert answers.split(b"HTTP/1.1 ")[2].startswith(b"200 OK")

    def test_connections_without_a_complete_head_do_not_block_others(
        self, narrow: Served, stuck: list[tuple[int, float]]
    ) -> None:
        with ExitStack() as stack:
            for sent in (b"", b"GET / HTT") * 20:
                stack.enter_context(half_sent(narrow, sent))
            assert request(narrow, {}, "/healthz")[:1] == (200,)


@contextmanager
def half_sent(served: Served, sent: bytes) -> Iterator[socket.socket]:
    """Connect, and send these bytes only."""
    with closing(socket.create_connection(("127.0.0.1", served.port), timeout=10)) as connection:
        connection.sendall(sent)
        yield connection


def test_clients_that_do_not_close_after_the_last_response_do_not_block_others(narrow: Served) -> None:
    """gunicorn's own main loop would wait two seconds for each of them."""
    with ExitStack() as stack:
        for _ in range(10):
            connection = stack.enter_context(
                half_sent(narrow, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            )
            assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        status, seconds, _, _ = request(narrow, {}, "/healthz")
        assert (status, seconds < PROMPT) == (200, True)
