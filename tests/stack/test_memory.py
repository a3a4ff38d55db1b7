"""The memory of a worker under hostile bodies and logins, and the effect on other clients, on a real gunicorn."""

import json
import os
import platform
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final

import pytest

from app.config import Settings
from tests.stack.checkout import process_table, wait_until
from tests.stack.conftest import Served, serving
from tests.stack.test_scarcity import worker_of

Bearer = Callable[..., dict[str, str]]
SCALE: Final = int(os.environ.get("EDGE_SCALE", "1"))
MEBIBYTE: Final = 1 << 20
MOST: Final = 250
"""MB of a worker, with any requests."""
CONNECTIONS: Final = 16
LOGINS: Final = 12
PUBLIC: Final = (
    "/v1/tokens",
    "/v1/tokens:refresh",
    "/v1/tokens:revoke",
    "/v1/users",
    "/v1/users:activate",
    "/v1/users:requestPasswordReset",
    "/v1/users:resetPassword",
)


PLENTY: Final = "1000000 per hour"
LIMITS: Final = {"RATE_LIMIT": PLENTY, "TOKEN_RATE_LIMIT": PLENTY, "REGISTRATION_RATE_LIMIT": PLENTY}
"""Limits that no client of the test reaches."""


@pytest.fixture
def lone(settings: Settings, tmp_path: Path) -> Iterator[Served]:
    """Serve with one worker."""
    with serving(settings, tmp_path / "log", WEB_CONCURRENCY="1", WEB_THREADS="16", **LIMITS) as served:
        yield served


@pytest.fixture
def usual(settings: Settings, tmp_path: Path) -> Iterator[Served]:
    """Serve with two workers, as ``make run`` does."""
    with serving(settings, tmp_path / "log", WEB_CONCURRENCY="2", WEB_THREADS="16", **LIMITS) as served:
        wait_until(lambda: len(workers_of(served)) == 2, 30)  # the first one responds before the second one is started
        yield served


def workers_of(served: Served) -> set[int]:
    """Return the process ids of the workers."""
    return {pid for pid, parent in process_table().items() if parent == served.pid}


def resident(pid: int, field: str = "VmRSS") -> float:
    """Return the MB of a process that are in memory now, or the peak (``VmHWM``)."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1000


def post(connection: HTTPConnection, path: str, body: bytes, headers: dict[str, str] | None = None) -> int:
    """Send a body and return the status; the connection is usable afterwards."""
    connection.request("POST", path, body, {"Content-Type": "application/json", **(headers or {})})
    answer = connection.getresponse()
    answer.read()
    return answer.status


def each_at_once(count: int, do: Callable[[int], object]) -> None:
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(do, range(count)))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_a_burst_of_logins_leaves_nothing_in_a_worker(lone: Served, bearer: Bearer) -> None:
    """Each of 16 threads has computed hashes of 19 MiB; afterwards bodies of 1 MiB fit as before."""
    worker, statuses = worker_of(lone), Counter[int]()

    def log_in(client: int) -> None:
        with closing(HTTPConnection("127.0.0.1", lone.port, timeout=60)) as connection:
            for attempt in range(LOGINS):
                sent = {"email": f"c{client}-{attempt}@example.com", "password": "wrong horse battery"}
                statuses[post(connection, "/v1/tokens", json.dumps(sent).encode())] += 1

    def greet(_client: int) -> None:
        with closing(HTTPConnection("127.0.0.1", lone.port, timeout=60)) as connection:
            assert post(connection, "/v1/tokens:revoke", b'{"token": "x"}') == 200

    each_at_once(CONNECTIONS, greet)
    before = resident(worker)
    each_at_once(CONNECTIONS, log_in)
    time.sleep(0.5)
    assert set(statuses) <= {401, 503}, statuses
    assert statuses[401] > 0, "no login has computed a hash"
    assert resident(worker) - before < 40

    large, headers = b'{"requests":[' + b"{}," * (MEBIBYTE // 3 - 10) + b"{}]}", bearer()

    def create(_client: int) -> None:
        with closing(HTTPConnection("127.0.0.1", lone.port, timeout=60)) as connection:
            assert post(connection, "/v1/tasks:batchCreate", large, headers) in {400, 503, 504}

    each_at_once(CONNECTIONS, create)
    assert resident(worker, "VmHWM") < MOST
    assert worker_of(lone) == worker


ROUNDS: Final = 3
"""Runs, of which one has to succeed: other load on the machine only lowers the number of answers."""


def share() -> float:
    """Return the share of other clients' requests that succeeds; lower where other programs keep the cores busy."""
    return 0.99 if os.getloadavg()[0] < 2 * len(os.sched_getaffinity(0)) else 0.9


WORST: Final = {
    "trailing comma": (b"[", b"1,", b"]"),
    "nested": (b"[", b"[" * 60 + b"]" * 60 + b",", b"]"),
    "mixed": (b"[", b'{"a":[1,{"b":""}]},', b"]"),
    "escapes": (b'["', b"\\u0041", b'\\ud800"]'),
    "unknown members": (b"{", b'"%d":1,', b'"z":1}'),
    "one long number": (b"[1.", b"1", b"e999]"),
}


def worst(size: int) -> list[bytes]:
    """Return bodies of this size, each expensive in a different way."""
    bodies = []
    for head, piece, tail in WORST.values():
        count = (size - len(head) - len(tail)) // (len(piece) + 4 if b"%d" in piece else len(piece))
        pieces = b"".join(piece % number for number in range(count)) if b"%d" in piece else piece * count
        bodies.append(head + pieces + tail)
    return bodies


def test_anonymous_connections_with_the_worst_bodies_do_not_stop_others(usual: Served, bearer: Bearer) -> None:
    """32 connections send bodies, some of which are read to the end; a client with a token still reads."""
    wanted = share()
    workers, headers, over = workers_of(usual), bearer(), threading.Event()
    bodies = [*worst(16_384), *worst(MEBIBYTE)]

    def attack(number: int) -> Counter[int]:
        statuses = Counter[int]()
        while not over.is_set():
            with closing(HTTPConnection("127.0.0.1", usual.port, timeout=30)) as connection:
                try:
                    sent = sum(statuses.values()) + number
                    statuses[post(connection, PUBLIC[sent % len(PUBLIC)], bodies[sent % len(bodies)])] += 1
                except (OSError, HTTPException):  # rejected while the client was still sending
                    statuses[0] += 1
        return statuses

    def read(_client: int) -> Counter[int]:
        statuses, until = Counter[int](), time.monotonic() + 5 * SCALE
        while time.monotonic() < until:
            with closing(HTTPConnection("127.0.0.1", usual.port, timeout=30)) as connection:
                connection.request("GET", "/v1/tasks?page_size=1", headers=headers)
                answer = connection.getresponse()
                answer.read()
                statuses[answer.status] += 1
            time.sleep(0.01)
        return statuses

    with ThreadPoolExecutor(36) as pool:
        attacks = [pool.submit(attack, number) for number in range(32)]
        rounds = list[Counter[int]]()
        while len(rounds) < ROUNDS and not any(seen[200] > wanted * seen.total() for seen in rounds):
            reads = [pool.submit(read, number) for number in range(4)]
            rounds.append(sum((each.result() for each in reads), Counter[int]()))
        over.set()
        attacked = sum((each.result() for each in attacks), Counter[int]())
    assert attacked[413] > 0 < attacked[400], attacked
    assert set(attacked) <= {0, 400, 413, 503}, attacked
    assert any(seen[200] > wanted * seen.total() and seen[200] > 20 * SCALE for seen in rounds), (rounds, attacked)
    assert max(resident(worker, "VmHWM") for worker in workers) < MOST
    assert workers_of(usual) == workers
