"""The health check of the image: ``python -m deploy.containers.health_check [PATH]`` sends one request to the process.

Of the web server, it requests ``/healthz``, or the PATH; of a worker or gRPC, the metrics. A container with another
command, such as a migration, is healthy as long as it runs.
"""

import http.client
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from http import HTTPStatus
from pathlib import Path
from typing import Final

TIMEOUT: Final = 5.0
METRICS: Final = {"worker": ("WORKER_METRICS_PORT", "9094"), "rpc": ("RPC_METRICS_PORT", "9093")}
"""The setting and its default for each command without HTTP."""
EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- addresses to connect to instead


class UnixConnection(http.client.HTTPConnection):
    """HTTP on a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=TIMEOUT)
        self._path = path

    def connect(self) -> None:
        """Connect to the path."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def connection_for(command: Sequence[str], environ: Mapping[str, str]) -> http.client.HTTPConnection | None:
    """Return a connection to the listener of a command; None if it has none.

    Args:
        command: the arguments of the container's first process.
        environ: the settings.
    """
    for name, (port, default) in METRICS.items():
        if name in command:
            return _tcp(environ.get("METRICS_HOST") or "127.0.0.1", environ.get(port) or default)
    if "gunicorn" not in command and "web" not in command:
        return None
    if bind := environ.get("BIND"):
        return UnixConnection(bind.removeprefix("unix:"))
    return _tcp(environ.get("HOST") or "127.0.0.1", environ.get("PORT") or "8000")


def _tcp(host: str, port: str) -> http.client.HTTPConnection | None:
    return http.client.HTTPConnection(EVERYWHERE.get(host, host), int(port), timeout=TIMEOUT) if int(port) else None


def failure(connection: http.client.HTTPConnection, path: str) -> str:
    """Request the path, and return why it failed, or an empty text."""
    with closing(connection):
        try:
            connection.request("GET", path)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            return f"{path}: {error}"
    return "" if status == HTTPStatus.OK else f"{path}: {status}"


def main(path: str = "") -> int:
    """Check the process; print and return 1 if it is not healthy."""
    command = Path("/proc/1/cmdline").read_text(encoding="utf-8", errors="replace").split("\0")
    connection = connection_for(command, os.environ)
    if connection is None:
        return 0
    default = "/metrics" if METRICS.keys() & {*command} else "/healthz"
    reason = failure(connection, path or default)
    sys.stdout.write(f"{reason}\n" if reason else "")
    return int(bool(reason))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
