"""Too few file descriptors or too little memory: further clients wait, and no process ends."""

import os
import re
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

import pytest

from app.config import Settings
from tests import response_checks
from tests.stack.checkout import process_table, wait_until
from tests.stack.conftest import ROOT, Served, serving_by

ASK: Final = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
ALLOWED: Final = 256
ROOM: Final = 160
"""Descriptors that remain for connections, after 64 for the worker and two for each of 16 threads."""


@pytest.fixture(scope="module")
def scarce(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve with one worker that may open 256 files."""
    log = tmp_path_factory.mktemp("scarce") / "log"
    with serving_by(allowed(ALLOWED), settings, log, WEB_CONCURRENCY="1") as served:
        yield served


def allowed(files: int) -> tuple[str, ...]:
    """Return the prefix of a command that may open that many files."""
    return "sh", "-c", f'ulimit -n {files}; exec "$@"', "sh"


def worker_of(served: Served) -> int:
    """Return the process id of the only worker."""
    (worker,) = (pid for pid, parent in process_table().items() if parent == served.pid)
    return worker


def connect(served: Served, stack: ExitStack, count: int) -> list[socket.socket]:
    """Open that many connections, and send a request on each."""
    made = [
        stack.enter_context(closing(socket.create_connection(("127.0.0.1", served.port), timeout=10)))
        for _ in range(count)
    ]
    for each in made:
        each.sendall(ASK)
    return made


def answered(connections: list[socket.socket]) -> int:
    """Return the number of connections with a response."""
    count = 0
    for each in connections:
        each.settimeout(0)
        with suppress(BlockingIOError):
            count += each.recv(65536, socket.MSG_PEEK).startswith(b"HTTP/1.1 200")
    return count


def share_of_a_core(pid: int, over: float = 1.5) -> float:
    """Watch a process for that many seconds, and return its share of a core."""

    def seconds() -> float:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    began, before = time.monotonic(), seconds()
    time.sleep(over)
    return (seconds() - before) / (time.monotonic() - began)


class TestFileDescriptors:
    def test_a_client_that_connects_when_all_are_taken_is_served_when_others_leave(self, scarce: Served) -> None:
        worker = worker_of(scarce)
        with ExitStack() as later, ExitStack() as sooner:
            first = connect(scarce, sooner, ROOM)
            wait_until(lambda: answered(first) == ROOM, 20)
            second = connect(scarce, later, ROOM // 2)
            assert share_of_a_core(worker) < 0.5
            assert answered(second) == 0
            sooner.close()
            wait_until(lambda: answered(second) == ROOM // 2, 20)
        assert worker_of(scarce) == worker

    def test_a_worker_without_free_descriptors_stops_accepting_and_lives(self, scarce: Served) -> None:
        """Because another part of the worker has used them up, or because the machine has no more."""
        worker = worker_of(scarce)
        in_use = {int(each.name) for each in Path(f"/proc/{worker}/fd").iterdir()}
        next_one = min(set(range(ALLOWED)) - in_use)
        before = resource.prlimit(worker, resource.RLIMIT_NOFILE, (next_one, ALLOWED))
        with ExitStack() as stack:
            waiting = connect(scarce, stack, 8)
            wait_until(lambda: "no connection can be accepted" in scarce.log.read_text(), 10)
            assert share_of_a_core(worker) < 0.5
            resource.prlimit(worker, resource.RLIMIT_NOFILE, before)
            wait_until(lambda: answered(waiting) == 8, 10)
        assert worker_of(scarce) == worker
        assert scarce.log.read_text().count("no connection can be accepted") == 1, "logged once, not each time"

    def test_a_worker_with_too_few_descriptors_reports_it_and_does_not_start(self, settings: Settings) -> None:
        command = [*allowed(100), sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
        environ = os.environ | {"DATABASE_URL": settings.database_url, "JWT_SECRET": settings.jwt_secret}
        ended = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
        assert ended.returncode != 0
        assert ended.stderr.splitlines() == [
            "Candor does not start:",
            "  - 113 open files are needed, and 100 allowed: see `ulimit -n`, or LimitNOFILE.",
        ]


MEBIBYTE: Final = 1 << 20
PEAK: Final = 450
"""MiB that a worker uses at most, as docs/operate/install-debian.md states; 100 at rest, here 160 to 250."""
HOSTILE: Final = {
    "many": b"[" * 9 + b'{"a":1},' * ((MEBIBYTE - 200) // 8) + b"1" + b"]" * 9,
    "long": b'{"requests":[{"task":{"title":"x","tags":[' + b'"a",' * ((MEBIBYTE - 60) // 4) + b'"b"]}}]}',
    "wide": b'{"requests":[{"task":{' + b",".join(b'"k%d":1' % number for number in range(90_000)) + b"}}]}",
}


class TestMemory:
    @pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
    def test_the_largest_bodies_in_every_thread_at_once_fit(
        self, scarce: Served, body: bytes, bearer: Callable[..., dict[str, str]]
    ) -> None:
        assert len(body) <= MEBIBYTE
        worker, head = worker_of(scarce), {**bearer(), "Content-Type": "application/json", "Connection": "close"}

        def send(_: int) -> tuple[int, str]:
            with closing(HTTPConnection("127.0.0.1", scarce.port, timeout=60)) as connection:
                connection.request("POST", "/v1/tasks:batchCreate", body, head)
                answer = connection.getresponse()
                return answer.status, response_checks.strict(answer.read())["code"]

        with ThreadPoolExecutor(16) as pool:
            told = set(pool.map(send, range(16)))
        assert told <= {(400, "VALIDATION_FAILED"), (503, "SERVICE_UNAVAILABLE"), (504, "DEADLINE_EXCEEDED")}
        assert (400, "VALIDATION_FAILED") in told
        assert worker_of(scarce) == worker
        peak = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{worker}/status").read_text())
        assert peak is not None
        assert int(peak[1]) / 1024 < PEAK
