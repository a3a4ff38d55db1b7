"""Supervision of the exporter by gunicorn's master: it holds the port, and restarts an exporter that ends."""

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from app import product
from deploy.local import exec_child
from deploy.metering import metrics_folder

ROOT: Final = Path(__file__).resolve().parents[2]
PROGRAM: Final = [sys.executable, "-m", "deploy.metering.exporter"]
PAUSE: Final = 1.0
"""Seconds between two starts."""
BACKLOG: Final = 64
_LOG: Final = product.logger("metrics")


class ExporterSupervisor:
    """Runs an exporter for this instance; no failure here stops the service."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._listener: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = float("-inf")
        self._has_complained = False

    def attend(self, server: Any) -> None:
        """Check the exporter whenever the master checks its workers, if metrics are configured."""
        if not self._port:
            return
        manage = server.manage_workers

        def manage_all() -> None:
            manage()
            self.supervise()

        server.manage_workers = manage_all
        self.supervise()

    def supervise(self) -> None:
        """Open the port and start the exporter, as far as that is possible now."""
        if time.monotonic() - self._started_at < PAUSE or (self._process and self._process.poll() is None):
            return
        self._started_at = time.monotonic()
        try:
            self._listener = self._listener or self._listen()
            self._start(self._listener)
        except OSError as fault:
            self._warn(fault)

    def let_go(self) -> None:
        """Close the master's socket in a worker."""
        if self._listener is not None:
            self._listener.close()

    def end(self) -> None:
        """Kill the exporter, which has nothing to finish; a suspended one would not receive another signal."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self.let_go()

    def _listen(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.create_server((self._host, self._port), family=family, backlog=BACKLOG)
        if self._has_complained:
            _LOG.warning("metrics are served on %s, port %d, now that it is free", self._host, self._port)
        self._has_complained = False
        return listener

    def _start(self, listener: socket.socket) -> None:
        argv = exec_child.command(
            [*PROGRAM, str(metrics_folder.home())], dies_by=signal.SIGKILL, account=None, sees_all=False
        )
        self._process = subprocess.Popen(argv, stdin=listener.fileno(), cwd=ROOT, env={}, start_new_session=True)  # noqa: S603 -- fixed

    def _warn(self, fault: OSError) -> None:
        """Log once the reason that there are no metrics."""
        if not self._has_complained:
            message = "no metrics are served on METRICS_HOST=%s METRICS_PORT=%d until that is possible: %s"
            _LOG.warning(message, self._host, self._port, fault.strerror)
        self._has_complained = True
