"""Under systemd the socket outlives the process: clients that come before the start or after the end are served."""

import os
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from app.config import Settings
from tests.stack.checkout import wait_until
from tests.stack.deployment import ROOT, fetch, received

UNITS: Final = ROOT / "deploy" / "systemd"
ACTIVATE: Final = """
import os, sys
os.dup2(int(sys.argv[1]), 3, inheritable=True)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"])
"""
"""The work of systemd: the listening socket is descriptor 3 of the process that the variable names."""


class Activated:
    """A socket of the test, and the instances that serve it one after the other."""

    def __init__(self, settings: Settings, path: Path) -> None:
        self.path = path
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(64)
        path.chmod(0o660)
        self._log = path.with_suffix(".log")
        self._environ = os.environ | {
            "APP_ENV": "production",
            "DATABASE_URL": settings.database_url,
            "DRAIN_SECONDS": "0",
            "JWT_SECRET": settings.jwt_secret,
            "PUBLIC_URL": "http://candor.test",
        }

    @property
    def mode(self) -> int:
        """Return the permissions for connecting."""
        return stat.S_IMODE(self.path.stat().st_mode)

    def start(self) -> "subprocess.Popen[bytes]":
        """Start an instance."""
        number = self.listener.fileno()
        with self._log.open("a") as log:
            return subprocess.Popen(
                [sys.executable, "-c", ACTIVATE, str(number)],
                cwd=ROOT, env=self._environ, stdout=log, stderr=log, pass_fds=[number],
            )  # fmt: skip


@pytest.fixture
def activated(settings: Settings, tmp_path: Path) -> Iterator[Activated]:
    """Return a socket without a process that serves it."""
    activated = Activated(settings, tmp_path / "1.sock")
    with closing(activated.listener):
        yield activated


def early(path: Path) -> socket.socket:
    """Connect and send a request although no process serves."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(20)
    connection.connect(str(path))
    connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    return connection


def test_early_clients_wait_and_clients_during_the_shutdown_get_the_other_instance(activated: Activated) -> None:
    with closing(early(activated.path)) as first:
        process = activated.start()
        assert received(first).startswith(b"HTTP/1.1 200")
    process.terminate()
    wait_until(lambda: activated.mode == 0, 2)  # closed for nginx, which then uses the other instance
    assert process.wait(10) == 0
    activated.path.chmod(0o660)
    with closing(early(activated.path)) as between:
        activated.path.chmod(0)
        process = activated.start()
        assert received(between).startswith(b"HTTP/1.1 200")
    assert activated.mode == 0o660
    assert fetch(activated.path, "/readyz").startswith(b"HTTP/1.1 200")
    process.terminate()
    assert process.wait(10) == 0
    assert activated.path.exists()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    python, home = tmp_path / "venv", tmp_path / "home"  # systemd accepts no spaces, which the real folders may have
    python.symlink_to(Path(sys.executable).parent.parent)
    home.symlink_to(ROOT)
    for unit in UNITS.glob("candor*"):
        text = unit.read_text().replace("/opt/candor/.venv", str(python)).replace("/opt/candor", str(home))
        (tmp_path / unit.name).write_text(text)
    units = [str(tmp_path / name) for name in ("candor@1.service", "candor@1.socket", "candor.target")]
    verified = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")
