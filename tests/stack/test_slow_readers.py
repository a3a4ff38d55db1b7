"""Clients that read their responses slowly, or not at all, without nginx: they hold no thread for long."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

import pytest

from app.config import Settings
from deploy.local.free_ports import free_port
from deploy.serving.client_socket import SEND_SECONDS
from tests.stack.checkout import wait_until
from tests.stack.conftest import Served, serving
from tests.stack.deployment import is_established, received
from tests.stack.test_connections import send
from tests.stack.test_debug_listener import TOKEN
from tests.stack.test_polling_worker import connections, threads
from tests.stack.test_smuggling import statuses

THREADS: Final = 4
REQUESTS: Final = 100
"""Requests on a connection; the responses fit into no buffer of the kernel."""
FORMS: Final = {
    "plain": b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n",
    "not plain": b"GET http://x/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n",
}
KINDS: Final = (("polling", "plain"), ("polling", "not plain"), ("gthread", "plain"))
"""Kinds of workers, and the forms that they process differently."""
LAST: Final = b"GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
ROOM: Final = 8.0
"""Seconds for a busy machine."""
READ: Final = 1 << 18
"""Bytes that a slow client reads at most."""
PAUSE: Final = 0.1
"""Seconds between two reads."""


@pytest.fixture(scope="module")
def port() -> int:
    """Return the port of the worker's debug listener."""
    return free_port()


@pytest.fixture(scope="module")
def one(kind: str, settings: Settings, tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[Served]:
    """Serve with one worker."""
    environment = {
        "WEB_WORKER": kind,
        "WEB_CONCURRENCY": "1",
        "WEB_THREADS": str(THREADS),
        "RATE_LIMIT": "1000000 per hour",
    }
    environment |= {"DEBUG_TOKEN": TOKEN, "DEBUG_PORT": str(port)}
    with serving(settings, tmp_path_factory.mktemp(kind) / "log", **environment) as served:
        yield served


def opened(port: int, data: bytes) -> socket.socket:
    """Return a connection on which requests were sent, with a buffer for a small part of the responses."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, READ)
    connection.settimeout(2 * SEND_SECONDS)
    connection.connect(("127.0.0.1", port))
    connection.sendall(data)
    return connection


@pytest.mark.parametrize(("kind", "form"), KINDS, scope="module")
def test_those_that_do_not_read_hold_no_thread_for_long(one: Served, port: int, kind: str, form: str) -> None:
    """The gthread worker has as many threads as half of them; the polling worker serves others in the meantime."""
    with ExitStack() as stack:
        silent = [stack.enter_context(closing(opened(one.port, FORMS[form] * REQUESTS))) for _ in range(2 * THREADS)]
        if kind == "polling":
            wait_until(lambda: threads(port)["busy"] == 0, ROOM)
            assert statuses(send(one.port, LAST)) == [404]
            assert all(map(is_established, silent))
            wait_until(lambda: not any(map(is_established, silent)), SEND_SECONDS + ROOM)
        else:
            wait_until(lambda: threads(port)["busy"] == THREADS, ROOM)
        wait_until(lambda: threads(port)["busy"] == 0, 2 * SEND_SECONDS + ROOM)
        assert statuses(send(one.port, LAST)) == [404]


@pytest.mark.parametrize(
    ("kind", "form"),
    [KINDS[0], *(pytest.param(*each, marks=pytest.mark.nightly) for each in KINDS[1:])],
    scope="module",
)
def test_those_that_read_slowly_get_all_of_it(one: Served, kind: str, form: str) -> None:
    """It takes longer than SEND_SECONDS."""
    (expected,) = {send(one.port, FORMS[form], timeout=1).partition(b"\r\n\r\n")[2]}
    with closing(opened(one.port, FORMS[form] * REQUESTS + LAST)) as connection:
        parts, until = list[bytes](), time.monotonic() + SEND_SECONDS + 2
        while part := connection.recv(READ):
            parts.append(part)
            if time.monotonic() < until:
                time.sleep(PAUSE)
    found = b"".join(parts)
    assert found.count(expected) == REQUESTS
    assert statuses(found) == [200] * REQUESTS + [404]


def test_a_worker_that_stops_sends_whole_responses(settings: Settings, tmp_path: Path) -> None:
    """The requests behind the one in progress get one more response at most, which announces the close."""
    port = free_port()
    environment = {"WEB_CONCURRENCY": "1", "DEBUG_TOKEN": TOKEN, "DEBUG_PORT": str(port)}
    with serving(settings, tmp_path / "log", **environment) as served:
        (expected,) = {send(served.port, FORMS["plain"], timeout=1).partition(b"\r\n\r\n")[2]}
        with closing(opened(served.port, FORMS["plain"] * REQUESTS)) as connection:
            wait_until(lambda: connections(port) == 1, ROOM)
            time.sleep(1)
            os.kill(served.pid, signal.SIGTERM)
            time.sleep(1)
            found = received(connection)
    assert 0 < found.count(expected) < REQUESTS
    assert statuses(found) == [200] * found.count(expected)
    assert found.endswith(expected)
