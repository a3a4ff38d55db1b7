"""Both kinds of workers send the same bytes: to conforming, malformed, pipelined and split requests.

Only dates, identifiers and remaining numbers of requests differ. A difference counts if it is repeated with longer
timeouts, because a busy machine can delay a response.
"""

import random
import re
import socket
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from typing import Final

import pytest
from flask import Flask

from app.config import Settings
from app.extensions import db
from deploy.local.free_ports import free_port
from tests.conformance.conftest import profile
from tests.conformance.profile import Profile
from tests.conformance.run import judge
from tests.conformance.wire import Connection, Server
from tests.conftest import EMPTY
from tests.server.test_gunicorn import REFUSED
from tests.stack.conftest import Served, serving
from tests.stack.deployment import received
from tests.stack.test_connections import SAME
from tests.stack.test_debug_listener import TOKEN, look
from tests.stack.test_hostile_clients import CORPUS, mutated
from tests.stack.test_smuggling import AMBIGUOUS, BROKEN, MARKER, SWALLOWED

__all__ = ["profile"]
KINDS: Final = ("gthread", "polling")
Pair = tuple[Served, Served]
Parts = tuple[bytes, ...]
"""The segments that a client sends on a connection."""
PATIENCE: Final = (0.3, 3.0)
"""Seconds of silence that end a connection, at first, and to confirm a difference."""
PAUSE: Final = 0.02
"""Seconds between two segments: a server then receives them one by one."""
MUTATED: Final = 400
CLOSE: Final = b"Connection: close\r\n"
POST: Final = b"POST /v1/tasks HTTP/1.1\r\nHost: x\r\n" + CLOSE
SPLIT: Final = {
    "a plain request": b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + CLOSE + b"\r\n",
    "a body": POST + b"Content-Length: 5\r\n\r\nhello",
    "chunks": POST + b"Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nA: b\r\n\r\n",
    "an older version": b"GET /errors HTTP/1.0\r\nAccept: application/json\r\n\r\n",
    "a malformed field": b"GET /healthz HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n",
    "two requests": b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n" + CLOSE + b"\r\n",
}
VARYING: Final = (
    (
        re.compile(rb"(?m)^(Date|X-Request-Id|Request-Id|ETag|RateLimit[\w-]*|X-RateLimit[\w-]*|Retry-After): .*?\r$"),
        rb"\1",
    ),
    (re.compile(rb'"(request_id|timestamp|etag|next_page_token|create_time|update_time)":"[^"]*"'), rb'"\1"'),
    (re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), b"UUID"),
    (re.compile(rb"127\.0\.0\.1:\d+"), b"ADDRESS"),
)


@pytest.fixture(scope="module")
def pair(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Serve the application with both kinds of workers."""
    home, port = tmp_path_factory.mktemp("kinds"), free_port()
    environment = {"WEB_CONCURRENCY": "1", "PUBLIC_URL": "http://candor.test", "DEBUG_TOKEN": TOKEN}
    with ExitStack() as stack:
        one, other = (
            stack.enter_context(
                serving(settings, home / kind, **environment, WEB_WORKER=kind, DEBUG_PORT=str(port if number else 6060))
            )
            for number, kind in enumerate(KINDS)
        )
        assert "serve-0" in look(port, "/debug/stacks")[2], "the second server is not of the other kind"
        yield one, other


def normal(answer: bytes) -> bytes:
    """Return the bytes without the parts that vary."""
    for pattern, instead in VARYING:
        answer = pattern.sub(instead, answer)
    return answer


def exchange(served: Served, parts: Parts, silence: float, *, is_ending: bool = False) -> bytes:
    """Send segments on a new connection, and return all that is received."""
    with closing(socket.create_connection(("127.0.0.1", served.port), timeout=silence)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(ConnectionError):
            for number, part in enumerate(parts):
                if number:
                    time.sleep(PAUSE)
                connection.sendall(part)
            if is_ending:
                connection.shutdown(socket.SHUT_WR)
        return normal(received(connection))


def differences(pair: Pair, connections: Iterable[Parts], *, is_ending: bool = False) -> list[object]:
    """Return the segments and both responses, where the servers differ."""

    def compare(parts: Parts) -> object:
        for silence in PATIENCE:
            answers = [exchange(served, parts, silence, is_ending=is_ending) for served in pair]
            if answers[0] == answers[1]:
                return None
        return parts, *answers

    with ThreadPoolExecutor(8) as pool:
        return [found for found in pool.map(compare, connections) if found is not None]


MALFORMED: Final = {
    **{name: data + MARKER for name, data in (AMBIGUOUS | BROKEN | SWALLOWED).items()},
    **{f"SAME: {name}": data for name, (data, _) in SAME.items()},
    **{f"REFUSED: {name}": data for name, (data, *_) in REFUSED.items()},
}


def test_malformed_requests_get_the_same_bytes(pair: Pair) -> None:
    assert differences(pair, [(data,) for data in (*MALFORMED.values(), *CORPUS)]) == []


def test_requests_that_end_early_get_the_same_bytes(pair: Pair) -> None:
    """The client closes its side behind them, and in their middle."""
    cut = [data[: len(data) * part // 4] for data in (*CORPUS, *SPLIT.values()) for part in (1, 2, 3, 4)]
    assert differences(pair, [(data,) for data in cut], is_ending=True) == []


def test_mutated_requests_get_the_same_bytes(pair: Pair) -> None:
    chance = random.Random(20261130)
    assert differences(pair, [(mutated(chance),) for _ in range(MUTATED)], is_ending=True) == []


def test_pipelined_requests_get_the_same_bytes(pair: Pair) -> None:
    """Any of them can follow any other one, also a malformed one."""
    chance = random.Random(20261130)
    choices = [*CORPUS, *SPLIT.values(), *MALFORMED.values()]
    sequences = [b"".join(chance.choices(CORPUS, k=3)) + chance.choice(choices) for _ in range(120)]
    assert differences(pair, [(data,) for data in sequences], is_ending=True) == []


@pytest.mark.parametrize("name", SPLIT)
def test_requests_that_are_split_at_each_byte_get_the_same_bytes(pair: Pair, name: str) -> None:
    data = SPLIT[name]
    assert differences(pair, [(data[:at], data[at:]) for at in range(1, len(data))]) == []


def test_single_bytes_get_the_same_bytes(pair: Pair) -> None:
    parts = [tuple(data[at : at + 1] for at in range(len(data))) for data in SPLIT.values()]
    assert differences(pair, parts) == []


class Recorded(Connection):
    """Keeps the sent bytes, together with the end of the client's side."""

    def __init__(self, connected: socket.socket, kept: list[list[bytes]]) -> None:
        super().__init__(connected)
        self._kept = list[bytes]()
        kept.append(self._kept)

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self._kept.append(data)
        super().send(data)


def test_the_requests_of_the_conformance_suite_get_the_same_bytes(
    pair: Pair, profile: Profile, app: Flask, request: pytest.FixtureRequest
) -> None:
    """They are recorded from one server, and sent to both, each time with empty tables."""
    kept: list[list[bytes]] = []

    class Recording(Server):
        def wrap(self, connected: socket.socket) -> Connection:
            return Recorded(connected, kept)

    assert judge(pair[0].url, profile, server=Recording)
    connections = [tuple(parts) for parts in kept if parts]
    assert len(connections) > 200

    def replayed(served: Served, silence: float, chosen: Iterable[Parts]) -> list[bytes]:
        with app.app_context(), db.engine.begin() as connection:
            connection.exec_driver_sql(EMPTY)
        return [exchange(served, parts, silence) for parts in chosen]

    one, other = (replayed(served, PATIENCE[0], connections) for served in pair)
    unlike = [parts for parts, *answers in zip(connections, one, other, strict=True) if answers[0] != answers[1]]
    one, other = (replayed(served, PATIENCE[1], unlike) for served in pair)
    assert [each for each in zip(unlike, one, other, strict=True) if each[1] != each[2]] == []
