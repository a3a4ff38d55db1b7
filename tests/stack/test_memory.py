"""What hostile bodies and logins cost a worker and everybody else, on a real gunicorn."""

import json
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

import pytest

from app.config import Settings
from app.resilience import allocator
from tests.stack.conftest import Served, serving
from tests.stack.test_scarcity import worker_of

Bearer = Callable[..., dict[str, str]]
MEBIBYTE: Final = 1 << 20
MOST: Final = 250
"""MB of a worker, whatever anybody sends."""
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


@pytest.fixture
def lone(settings: Settings, tmp_path: Path) -> Iterator[Served]:
    """Serve with one worker and limits that keep nobody out."""
    plenty = "1000000 per hour"
    limits = {"RATE_LIMIT": plenty, "TOKEN_RATE_LIMIT": plenty, "REGISTRATION_RATE_LIMIT": plenty}
    with serving(settings, tmp_path / "log", WEB_CONCURRENCY="1", WEB_THREADS="16", **limits) as served:
        yield served


def resident(pid: int, field: str = "VmRSS") -> float:
    """Return the MB of a process that are in memory now, or have been at once (``VmHWM``)."""
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


@pytest.mark.skipif(not allocator.settle(), reason="the C library is not glibc")
def test_a_burst_of_logins_leaves_nothing_in_a_worker(lone: Served, bearer: Bearer) -> None:
    """Each of 16 threads has computed 19 MiB of hashes; then bodies of 1 MiB find room as before."""
    worker = worker_of(lone)

    def log_in(client: int) -> None:
        with closing(HTTPConnection("127.0.0.1", lone.port, timeout=60)) as connection:
            for attempt in range(LOGINS):
                sent = {"email": f"c{client}-{attempt}@example.com", "password": "wrong horse battery"}
                assert post(connection, "/v1/tokens", json.dumps(sent).encode()) in {401, 503}

    def greet(_client: int) -> None:
        with closing(HTTPConnection("127.0.0.1", lone.port, timeout=60)) as connection:
            assert post(connection, "/v1/tokens:revoke", b'{"token": "x"}') == 200

    each_at_once(CONNECTIONS, greet)
    before = resident(worker)
    each_at_once(CONNECTIONS, log_in)
    time.sleep(0.5)
    assert resident(worker) - before < 40

    large, headers = b'{"requests":[' + b"{}," * (MEBIBYTE // 3 - 10) + b"{}]}", bearer()

    def create(_client: int) -> None:
        with closing(HTTPConnection("127.0.0.1", lone.port, timeout=60)) as connection:
            assert post(connection, "/v1/tasks:batchCreate", large, headers) in {400, 503, 504}

    each_at_once(CONNECTIONS, create)
    assert resident(worker, "VmHWM") < MOST
    assert worker_of(lone) == worker
