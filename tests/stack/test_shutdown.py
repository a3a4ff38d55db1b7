"""Leaving: readiness first, then the door, then the work in hand; and every other way to be told (F24, F26)."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from threading import Thread
from typing import Final

import pytest
from sqlalchemy import create_engine, text

from app.config import Settings
from tests.stack.checkout import descendants, process_table, wait_until
from tests.stack.deployment import ROOT, SCALE, ask, received

Bearer = Callable[..., dict[str, str]]
NO_GRACE: Final = 4.0
GRACE: Final = 15.0
"""Seconds after which a worker that missed the signal, because it was just starting, is killed."""
"""Seconds in which a service with nothing in hand has to end; two of them keep idle connections open."""


class Service:
    """A gunicorn on a unix socket, as systemd would start it."""

    def __init__(self, settings: Settings, home: Path, name: str) -> None:
        self.path, self.log = home / f"{name}.sock", home / f"{name}.log"
        self._settings = settings

    def start(self, *, drain: float = 0.0) -> "subprocess.Popen[bytes]":
        """Start, and do not wait."""
        environ = os.environ | {
            "APP_ENV": "production",
            "BIND": f"unix:{self.path}",
            "DATABASE_URL": self._settings.database_url,
            "DRAIN_SECONDS": str(drain),
            "JWT_SECRET": self._settings.jwt_secret,
            "PUBLIC_URL": "http://candor.test",
        }
        command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=log, stderr=log)
        return self.process

    def serve(self, *, drain: float = 0.0) -> set[int]:
        """Start, and return all its processes once it is ready."""
        self.start(drain=drain)
        wait_until(lambda: ask(self.path, "/readyz").startswith(b"HTTP/1.1 200"), 30)
        return descendants(self.process.pid)

    def leaves_nothing(self, processes: set[int]) -> None:
        """Hold that nothing is left of it but a log without a traceback."""
        wait_until(lambda: not processes & set(process_table()), 3)
        assert not self.path.exists()
        assert "Traceback" not in self.log.read_text()


@pytest.fixture
def service(settings: Settings, tmp_path: Path) -> Iterator[Service]:
    """Return a service that is not running yet."""
    service = Service(settings, tmp_path, "a")
    yield service
    with suppress(AttributeError):
        service.process.kill()
        service.process.wait()


def test_readiness_fails_first_then_the_door_closes_and_work_in_hand_is_finished(
    service: Service, settings: Settings, bearer: Bearer
) -> None:
    """F24."""
    processes = service.serve(drain=1.0)
    engine = create_engine(settings.database_url)
    answers: list[bytes] = []
    body = b'{"task": {"title": "in hand"}}'
    head = f"POST /v1/tasks HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer('leaving')['Authorization']}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"

    def post() -> None:
        with closing(socket.socket(socket.AF_UNIX)) as connection:
            connection.settimeout(15)
            connection.connect(str(service.path))
            connection.sendall(head.encode() + body)
            answers.append(received(connection))

    with engine.connect() as holding, closing(socket.socket(socket.AF_UNIX)) as kept:
        kept.settimeout(5)
        kept.connect(str(service.path))
        holding.execute(text("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE"))
        began = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        slow = Thread(target=post)
        slow.start()
        wait_until(lambda: b'"draining":"failed"' in ask(service.path, "/readyz"), 1.0)
        assert time.monotonic() - began < 0.5  # 0.2 on a quiet machine
        kept.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = received(kept)
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"\r\nConnection: close\r\n" in answer
        wait_until(lambda: not ask(service.path, "/healthz"), 3)
        assert time.monotonic() - began >= 1.0
        holding.rollback()
    slow.join(15)
    assert answers
    assert answers[0].startswith(b"HTTP/1.1 201")
    assert service.process.wait(10) == 0
    service.leaves_nothing(processes)
    with engine.begin() as connection:
        assert connection.execute(text("DELETE FROM tasks WHERE title = 'in hand'")).rowcount == 1
    engine.dispose()


@pytest.mark.parametrize("pause", [0.05, 0.3])
@pytest.mark.parametrize("signals", [[signal.SIGTERM, signal.SIGTERM], [signal.SIGINT], [signal.SIGQUIT]])
def test_a_second_sigterm_a_sigint_and_a_sigquit_end_it_at_once(
    service: Service, signals: list[signal.Signals], pause: float
) -> None:
    """F26: whatever is left of the drain."""
    processes = service.serve(drain=60)
    for signum in signals:
        service.process.send_signal(signum)
        time.sleep(pause)
    assert service.process.wait(GRACE + 4) == 0
    service.leaves_nothing(processes)


def test_told_to_stop_while_starting_it_stops(settings: Settings, tmp_path: Path) -> None:
    """F26: wherever it is on its way."""
    tries = round(3 * SCALE)
    for number in range(tries):
        signum = (signal.SIGTERM, signal.SIGINT)[number % 2]
        service = Service(settings, tmp_path, str(number))
        process = service.start()
        since_start = 2.0 * (number + 0.5) / tries
        time.sleep(since_start)
        processes = descendants(process.pid)
        process.send_signal(signum)
        status = process.wait(NO_GRACE + 4)
        # In the first moments Python itself is starting, and dies as any program does.
        is_early = since_start < 0.6
        assert status == 0 or (is_early and status in {-signum, 1, 130})
        wait_until(lambda processes=processes: not processes & set(process_table()), 3)  # type: ignore[misc]
        assert not service.path.exists()
        if not is_early:
            assert "Traceback" not in service.log.read_text()


def test_workers_do_not_outlive_their_master(service: Service) -> None:
    """F27."""
    processes = service.serve()
    service.process.kill()
    wait_until(lambda: not processes & set(process_table()), 6)
