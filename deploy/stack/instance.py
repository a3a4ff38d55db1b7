"""The processes behind nginx, supervised as by systemd: a process that ends unexpectedly is started again."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import IO, Final

from deploy.local import exec_child

GUNICORN: Final = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
ASK: Final = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
READY_WITHIN: Final = timedelta(seconds=60)
ENDS_WITHIN: Final = timedelta(seconds=60)
PAUSE: Final = timedelta(seconds=1)
"""Seconds after its start during which an ended process is not started again."""


class InstanceError(RuntimeError):
    """An instance does not serve; the message is one line."""


class Program:
    """A command that runs until it is stopped."""

    def __init__(self, command: list[str], environment: Mapping[str, str], words: IO[bytes] | None = None) -> None:
        """Store the command, and the file for its output, if that is separate."""
        self._command, self._environment, self._words = command, environment, words
        self._started_at = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Return the process id of the master."""
        return self._process.pid if self._process else 0

    @property
    def is_alive(self) -> bool:
        """True if it runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process; it ends with this process."""
        command = exec_child.command(self._command, dies_by=signal.SIGTERM, account=None, sees_all=False)
        self._started_at = time.monotonic()
        self._process = subprocess.Popen(  # noqa: S603 - a fixed program
            command, env=self._environment, stdout=self._words, stderr=self._words, start_new_session=True
        )

    def revive(self) -> bool:
        """Start the process again when it has ended, and return True if that was necessary."""
        if self.is_alive or time.monotonic() - self._started_at < PAUSE.total_seconds():
            return False
        self.start()
        return True

    def signal(self, signum: signal.Signals) -> None:
        """Send the process a signal, if it lives."""
        if self._process is not None and self.is_alive:
            self._process.send_signal(signum)

    def wait(self) -> None:
        """Wait until it has ended; kill it when it does not end."""
        if self._process is None:
            return
        try:
            self._process.wait(ENDS_WITHIN.total_seconds())
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Instance(Program):
    """A gunicorn, by the socket that it serves."""

    def __init__(self, path: Path, environment: Mapping[str, str]) -> None:
        super().__init__(GUNICORN, {**environment, "BIND": f"unix:{path}"})
        self.path = path
        self.metrics_port = int(environment["METRICS_PORT"])

    def wait_until_ready(self) -> None:
        """Return when the instance accepts requests. Raises: InstanceError."""
        deadline = time.monotonic() + READY_WITHIN.total_seconds()
        while not self.is_ready():
            if self._process is None or self._process.poll() is not None:
                raise InstanceError(f"the instance on {self.path} does not start; see its log")
            if time.monotonic() > deadline:
                raise InstanceError(f"the instance on {self.path} is not ready within {READY_WITHIN.seconds} seconds")
            time.sleep(0.05)

    def is_ready(self) -> bool:
        """Request the readiness of the instance."""
        with socket.socket(socket.AF_UNIX) as connection, suppress(OSError):
            connection.settimeout(5)
            connection.connect(os.fspath(self.path))
            connection.sendall(ASK)
            return connection.recv(32).startswith(b"HTTP/1.1 200")
        return False
