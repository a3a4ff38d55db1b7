"""Shutdown: readiness fails, the listener closes, in-flight requests finish; and all other signals that end it."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import create_engine, text

from app.config import Settings
from tests.stack.checkout import descendants, process_table, wait_until
from tests.stack.deployment import ROOT, SCALE, fetch, received

KINDS: Final = ("polling", "gthread")
"""The kinds of workers."""
Bearer = Callable[..., dict[str, str]]
ENDS_WITHIN: Final = 30.0
"""Seconds until a stopped service has ended: 15, after which a worker that missed the signal during its start
is killed, and a margin for a busy machine."""
AT_ONCE: Final = 10.0
"""Seconds, with the same margin, for a service that does not wait until a worker is killed."""
GONE_WITHIN: Final = 10.0
"""Seconds, with the same margin, until the children of an ended process are gone."""


class Service:
    """A gunicorn on a Unix socket, as systemd starts it."""

    def __init__(self, settings: Settings, home: Path, name: str) -> None:
        self.path, self.log = home / f"{name}.sock", home / f"{name}.log"
        self._settings = settings

    def start(self, *, drain: float = 0.0, **environment: str) -> "subprocess.Popen[bytes]":
        """Start, without waiting."""
        environ = os.environ | {
            "APP_ENV": "production",
            "BIND": f"unix:{self.path}",
            "DATABASE_URL": self._settings.database_url,
            "DRAIN_SECONDS": str(drain),
            "JWT_SECRET": self._settings.jwt_secret,
            "PUBLIC_URL": "http://candor.test",
            **environment,
        }
        command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=log, stderr=log)
        return self.process

    def serve(self, *, drain: float = 0.0, **environment: str) -> set[int]:
        """Start, and return all its processes when it is ready."""
        self.start(drain=drain, **environment)
        wait_until(lambda: fetch(self.path, "/readyz").startswith(b"HTTP/1.1 200"), 30)
        return descendants(self.process.pid)

    def leaves_nothing(self, processes: set[int]) -> None:
        """Assert that only a log without a traceback remains."""
        wait_until(lambda: not processes & set(process_table()), GONE_WITHIN)
        assert not self.path.exists()
        assert "Traceback" not in self.log.read_text()


@pytest.fixture
def service(settings: Settings, tmp_path: Path) -> Iterator[Service]:
    """Return a service that has not started."""
    service = Service(settings, tmp_path, "a")
    yield service
    with suppress(AttributeError):
        service.process.kill()
        service.process.wait()


@pytest.mark.parametrize("kind", KINDS)
def test_readiness_fails_then_the_listener_closes_and_in_flight_requests_finish(
    service: Service, settings: Settings, bearer: Bearer, kind: str
) -> None:
    drain = 2.0
    processes = service.serve(drain=drain, WEB_WORKER=kind)
    body = b'{"task": {"title": "in hand"}}'
    head = f"POST /v1/tasks HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer('leaving')['Authorization']}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
    with closing(socket.socket(socket.AF_UNIX)) as connection, closing(socket.socket(socket.AF_UNIX)) as kept:
        for each in (connection, kept):
            each.settimeout(15)
            each.connect(str(service.path))
        connection.sendall(head.encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 100")  # therefore a handler processes it
        began = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        wait_until(lambda: b'"draining":"failed"' in fetch(service.path, "/readyz"), drain)
        kept.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = received(kept)
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"\r\nConnection: close\r\n" in answer
        wait_until(lambda: not fetch(service.path, "/healthz"), GONE_WITHIN)
        assert time.monotonic() - began >= drain
        connection.sendall(body)
        assert received(connection).startswith(b"HTTP/1.1 201")
    assert service.process.wait(ENDS_WITHIN) == 0
    service.leaves_nothing(processes)
    engine = create_engine(settings.database_url)
    with engine.begin() as database:
        assert database.execute(text("DELETE FROM tasks WHERE title = 'in hand'")).rowcount == 1
    engine.dispose()


@pytest.mark.parametrize("pause", [0.05, 0.3])
@pytest.mark.parametrize("signals", [[signal.SIGTERM, signal.SIGTERM], [signal.SIGINT], [signal.SIGQUIT]])
def test_a_second_sigterm_a_sigint_and_a_sigquit_end_it_at_once(
    service: Service, signals: list[signal.Signals], pause: float
) -> None:
    """Regardless of the time left for draining."""
    processes = service.serve(drain=60)
    for signum in signals:
        service.process.send_signal(signum)
        time.sleep(pause)
    assert service.process.wait(ENDS_WITHIN) == 0
    service.leaves_nothing(processes)


@pytest.mark.nightly
def test_ctrl_c_reaches_each_process_and_ends_them_at_once(service: Service) -> None:
    """A terminal sends the signal to the workers too, therefore they receive it twice; here during requests."""
    for _ in range(round(4 * SCALE)):
        processes = service.serve(drain=60)
        with ThreadPoolExecutor(4) as crowd:
            pending = [crowd.submit(fetch, service.path, "/healthz") for _ in range(200)]
            pending[50].result()
            for pid in processes:
                os.kill(pid, signal.SIGINT)
            assert service.process.wait(AT_ONCE) == 0
        service.leaves_nothing(processes)


def catches(pid: int, signum: signal.Signals) -> bool:
    """Return True if a process has a handler for a signal."""
    found = re.search(r"^SigCgt:\s*([0-9a-f]+)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found
    return bool(int(found[1], 16) >> (signum - 1) & 1)


def test_a_signal_during_the_start_stops_it(settings: Settings, tmp_path: Path) -> None:
    """At any stage of the start."""
    tries = round(3 * SCALE)
    for number in range(tries):
        signum = (signal.SIGTERM, signal.SIGINT)[number % 2]
        service = Service(settings, tmp_path, str(number))
        process = service.start()
        time.sleep(2.0 * (number + 0.5) / tries)
        processes = descendants(process.pid)
        is_early = not catches(process.pid, signal.SIGTERM)  # Python itself is starting, and the default action ends it
        process.send_signal(signum)
        status = process.wait(ENDS_WITHIN)
        assert status == 0 or (is_early and status in {-signum, 1, 130})
        wait_until(lambda processes=processes: not processes & set(process_table()), GONE_WITHIN)  # type: ignore[misc]
        assert not service.path.exists()
        if not is_early:
            assert "Traceback" not in service.log.read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_workers_do_not_outlive_their_master(service: Service, kind: str) -> None:
    processes = service.serve(WEB_WORKER=kind)
    service.process.kill()
    wait_until(lambda: not processes & set(process_table()), GONE_WITHIN)
