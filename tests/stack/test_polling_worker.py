"""The polling worker, without nginx: slow bodies cost connections and no thread, and nothing is left behind."""

import json
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path
from socket import create_connection, socket
from typing import Final

import pytest

from app.config import Settings
from deploy.local.free_ports import free_port
from deploy.serving.admitting_worker import EARLY_THREADS
from tests import response_checks
from tests.stack.checkout import wait_until
from tests.stack.conftest import Served, serving
from tests.stack.deployment import received
from tests.stack.test_connections import JSON
from tests.stack.test_debug_listener import TOKEN, look
from tests.stack.test_smuggling import statuses

Bearer = Callable[..., dict[str, str]]
SLOW: Final = 150
BUDGET: Final = 6.0
BODY: Final = b'{"task": {"title": ""}}'
THREADS: Final = 4
MANY: Final = 40
STORM: Final = 4.0
"""Seconds of requests of all forms."""
LEAVES: Final = 0.05
"""The share of requests in whose middle the client leaves."""
FORMS: Final = (
    b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n",
    b"POST /v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
    b"POST /v1/tasks HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"GET http://x/healthz HTTP/1.1\r\nHost: x\r\n\r\n",
)


@pytest.fixture(scope="module")
def port() -> int:
    """Return the port of the worker's debug listener."""
    return free_port()


@pytest.fixture(scope="module")
def polling(settings: Settings, tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[Served]:
    """Serve with one worker of the polling kind."""
    environment = {"WEB_WORKER": "polling", "WEB_CONCURRENCY": "1", "WEB_THREADS": str(THREADS)}
    environment |= {"DEBUG_TOKEN": TOKEN, "DEBUG_PORT": str(port), "REQUEST_TIMEOUT": str(BUDGET)}
    with serving(settings, tmp_path_factory.mktemp("polling") / "log", **environment) as served:
        yield served


@pytest.fixture
def slow(polling: Served, bearer: Bearer) -> Iterator[list[socket]]:
    """Return connections on which an authorized POST has begun."""
    head = f"POST /v1/tasks HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer('slow')['Authorization']}\r\n{JSON}"
    head += f"Content-Length: {len(BODY)}\r\n\r\n"
    with ExitStack() as stack:
        opened = []
        for _ in range(SLOW):
            opened.append(stack.enter_context(closing(create_connection(("127.0.0.1", polling.port), timeout=20))))
            opened[-1].sendall(head.encode() + BODY[:1])
        yield opened


def threads(port: int) -> dict[str, int]:
    """Return the numbers of the worker's threads."""
    found: dict[str, int] = json.loads(look(port, "/debug/vars")[2])["threads"]
    return found


def get(served: Served, headers: dict[str, str], path: str) -> int:
    """Return the status of an ordinary request."""
    with closing(HTTPConnection("127.0.0.1", served.port, timeout=20)) as connection:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status


def test_they_occupy_no_thread_and_all_others_are_served(
    polling: Served, slow: list[socket], port: int, bearer: Bearer
) -> None:
    began, sent = time.monotonic(), 1
    with ThreadPoolExecutor(THREADS) as pool:
        while time.monotonic() - began < BUDGET / 3 and sent < len(BODY) - 1:
            for each in slow:
                each.sendall(BODY[sent : sent + 1])
            sent += 1
            wait_until(lambda: threads(port) == {"size": THREADS, "busy": 0, "waiting": 0}, 5)
            answers = pool.map(lambda _: get(polling, bearer(), "/v1/tasks?page_size=1"), range(THREADS))
            assert list(answers) == [200] * THREADS
    assert json.loads(look(port, "/debug/vars")[2])["worker"]["connections"] >= SLOW
    for each in slow:
        each.sendall(BODY[sent:])
    assert [statuses(each.recv(65536)) for each in slow] == [[400]] * SLOW


def test_those_that_never_finish_get_504_and_the_connection_ends(
    polling: Served, slow: list[socket], port: int
) -> None:
    """C23: the budget begins when the head has arrived, also for those that no reserved thread has served before."""
    began = time.monotonic()
    for each in slow:
        document = response_checks.strict(received(each).partition(b"\r\n\r\n")[2])
        assert (document["code"], document["spent_in"]) == ("DEADLINE_EXCEEDED", "request_body")
    assert time.monotonic() - began < BUDGET + 10
    wait_until(lambda: threads(port)["busy"] == 0, 5)
    assert get(polling, {}, "/healthz") == 200


def test_rejections_that_do_not_need_the_body_do_not_wait_for_it(polling: Served, port: int) -> None:
    head = f"POST /v1/tasks HTTP/1.1\r\nHost: x\r\n{JSON}Content-Length: {len(BODY)}\r\n\r\n".encode()
    with ExitStack() as stack:
        opened = [
            stack.enter_context(closing(create_connection(("127.0.0.1", polling.port), timeout=BUDGET)))
            for _ in range(2 * EARLY_THREADS)
        ]
        for each in opened:
            each.sendall(head)
        assert [statuses(each.recv(65536)) for each in opened] == [[401]] * len(opened)


def test_a_large_body_is_read_by_a_reserved_thread(polling: Served, bearer: Bearer) -> None:
    """It is larger than the part that a connection keeps in memory."""
    body = json.dumps({"requests": [{"task": {"title": "x" * 200_000}}]})
    with closing(HTTPConnection("127.0.0.1", polling.port, timeout=20)) as connection:
        for _ in range(3):
            head = {**bearer(), "Content-Type": "application/json"}
            connection.request("POST", "/v1/tasks:batchCreate", body, head)
            answer = connection.getresponse()
            assert (answer.status, response_checks.strict(answer.read())["code"]) == (400, "VALIDATION_FAILED")


def storm(served: Served, seed: int) -> list[int]:
    """Send requests of all forms on kept connections, in segments, and sometimes leave in the middle."""
    chance, found = random.Random(seed), list[int]()
    until = time.monotonic() + STORM
    while time.monotonic() < until:
        with closing(create_connection(("127.0.0.1", served.port), timeout=20)) as connection:
            for _ in range(chance.randint(1, 8)):
                form = chance.choice(FORMS)
                at = chance.randrange(len(form))
                connection.sendall(form[:at])
                if chance.random() < LEAVES:
                    break
                connection.sendall(form[at:])
                found += statuses(connection.recv(65536))
    return found


def test_after_a_storm_of_requests_nothing_is_left_behind(polling: Served, port: int) -> None:
    """Every connection is closed, every thread is free, and every request had its response."""
    with ThreadPoolExecutor(16) as pool:
        found = [status for each in pool.map(lambda seed: storm(polling, seed), range(16)) for status in each]
    assert len(found) > 100
    assert set(found) <= {200, 401, 404, 503}

    def is_empty() -> bool:
        state = json.loads(look(port, "/debug/vars")[2])
        return bool(
            state["worker"]["connections"] == 0 and state["threads"]["busy"] == state["threads"]["waiting"] == 0
        )

    wait_until(is_empty, 20)
    assert get(polling, {}, "/healthz") == 200


def test_connections_are_spread_over_the_workers(settings: Settings, tmp_path: Path) -> None:
    """Clients that connect at the same time would otherwise all get the worker that was woken first."""
    port = free_port(followed_by=2)
    environment = {"WEB_WORKER": "polling", "WEB_CONCURRENCY": "2", "DEBUG_TOKEN": TOKEN, "DEBUG_PORT": str(port + 1)}
    with serving(settings, tmp_path / "log", **environment) as served, ExitStack() as stack:
        wait_until(lambda: all(connections(port + 1 + worker) == 0 for worker in range(2)), 20)
        for _ in range(MANY):
            stack.enter_context(closing(create_connection(("127.0.0.1", served.port), timeout=20)))
        wait_until(lambda: sum(connections(port + 1 + worker) for worker in range(2)) == MANY, 20)
        assert min(connections(port + 1 + worker) for worker in range(2)) > MANY / 8


def connections(port: int) -> int:
    """Return the number of a worker's connections; -1 if it has not started."""
    try:
        return int(json.loads(look(port, "/debug/vars")[2])["worker"]["connections"])
    except OSError:
        return -1
