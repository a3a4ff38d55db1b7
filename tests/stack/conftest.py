"""A real gunicorn on a free port of loopback, serving the application on the tests' database."""

import itertools
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import create_engine, delete, insert

from app.config import Settings
from app.models.logger import ONLY_ID, Level, StoredLoggerSettings
from deploy.local.free_ports import free_port
from tests.stack.deployment import Deployment, deployed, received

ROOT: Final = Path(__file__).resolve().parents[2]
SERVES_WITHIN: Final = 30.0
IN_FORCE_WITHIN: Final = 5.0
"""Seconds after which a requested log level is in force in every process."""
ORIGIN: Final = "https://app.example"
"""Of pages that may read answers."""


@dataclass(frozen=True)
class Served:
    """The address of the service, and the file of its log."""

    port: int
    log: Path
    pid: int = 0

    @property
    def url(self) -> str:
        """Return the address to begin every URL with."""
        return f"http://127.0.0.1:{self.port}"

    def raw(self, request: bytes, *, half_close: bool = False, timeout: float = 10) -> bytes:
        """Send bytes, and return all bytes received until the server closes or the connection is silent for that time.

        Each call has another source address: errors of one address and second share a log entry.
        """
        source = (f"127.0.0.{2 + next(_CALLS) % 250}", 0)
        with closing(socket.create_connection(("127.0.0.1", self.port), timeout, source)) as connection:
            connection.sendall(request)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            return received(connection)


_CALLS: Final = itertools.count()


@pytest.fixture(scope="session")
def served(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve the application with two workers, as ``make run`` does."""
    with serving(settings, tmp_path_factory.mktemp("served") / "log") as served:
        yield served


def serving(
    settings: Settings, log: Path, *, application: str = "wsgi:app", **environment: str
) -> AbstractContextManager[Served]:
    """Serve an application with two workers and additional settings."""
    return serving_by((), settings, log, application=application, **environment)


@contextmanager
def serving_by(
    launcher: tuple[str, ...], settings: Settings, log: Path, /, *, application: str = "wsgi:app", **environment: str
) -> Iterator[Served]:
    """Serve an application by a command that runs the usual one."""
    served = Served(int(environment.get("PORT", 0)) or free_port(), log)
    environ = os.environ | {
        "APP_ENV": "development",
        "CORS_ORIGINS": ORIGIN,
        "DATABASE_URL": settings.database_url,
        "DRAIN_SECONDS": "0",
        "HOST": "127.0.0.1",
        "JWT_SECRET": settings.jwt_secret,
        "PORT": str(served.port),
        "PUBLIC_URL": "",
        "RATE_LIMIT": settings.rate_limit,
        **environment,
    }
    with served.log.open("w") as stream:
        command = [*launcher, sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", application]
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL, stderr=stream)
        try:
            _wait(served, process)
            yield replace(served, pid=process.pid)
        finally:
            process.terminate()
            process.wait(30)


def _wait(served: Served, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + SERVES_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"{served.url}/healthz", timeout=5).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"gunicorn does not serve: {served.log.read_text()}")


@pytest.fixture(scope="session")
def fronted(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Start two instances behind nginx, as ``make stack`` does, for tests that do not change them."""
    environment = {"CORS_ORIGINS": ORIGIN, "RATE_LIMIT": "1000000 per hour"}
    with deployed(settings, tmp_path_factory.mktemp("fronted"), environment) as deployment:
        yield deployment


@pytest.fixture
def set_log_level(settings: Settings) -> Iterator[Callable[[Level], None]]:
    """Return a function that sets the log level in the database, as ``PUT /v1/logger`` does. Afterwards none is set."""
    engine = create_engine(settings.database_url)
    nobody = delete(StoredLoggerSettings)

    def set_level(level: Level) -> None:
        row = {
            "id": ONLY_ID,
            "level": level,
            "log_error_stack": True,
            "updated_by": "root",
            "update_time": datetime.now(UTC),
        }
        with engine.begin() as connection:
            connection.execute(nobody)
            connection.execute(insert(StoredLoggerSettings).values(row))

    yield set_level
    with engine.begin() as connection:
        connection.execute(nobody)
    engine.dispose()
