"""The whole deployment as ``make stack`` starts it, for tests: its ports, processes and logs."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from app import create_app
from app.config import Settings
from app.rest.proxy_config import nginx
from deploy.local.free_ports import free_port
from deploy.stack.program_paths import SYSTEM_FOLDERS
from deploy.stack.reverse_proxy import ReverseProxy
from tests.stack.checkout import command_of, descendants, process_table, wait_until

ROOT: Final = Path(__file__).resolve().parents[2]
STARTS_WITHIN: Final = 60.0
NGINX: Final = shutil.which("nginx", path=f"{os.environ['PATH']}:{SYSTEM_FOLDERS}")
needs_nginx: Final = pytest.mark.skipif(NGINX is None, reason="nginx is not installed (apt-get install nginx)")
ESTABLISHED: Final = 1
"""The state of a TCP connection in Linux."""
SCALE: Final = float(os.environ.get("EDGE_SCALE", "1"))
"""The factor by which load tests take longer than usual; ``make soak`` sets it."""


@dataclass(frozen=True)
class Deployment:
    """A running launcher, and the paths of everything that it started."""

    process: subprocess.Popen[str]
    port: int
    tls_port: int
    home: Path

    @property
    def url(self) -> str:
        """Return the address to begin every URL with."""
        return f"https://127.0.0.1:{self.tls_port}"

    @property
    def certificate(self) -> Path:
        """Return the certificate that a client has to trust."""
        return self.home / "tls.crt"

    @property
    def log(self) -> Path:
        """Return the log of the instances."""
        return self.home / "err"

    @property
    def rejections(self) -> Path:
        """Return the log of the requests that nginx answered by itself."""
        return self.home / "nginx.log"

    @property
    def masters(self) -> list[int]:
        """Return the process ids of the two gunicorn masters, by their sockets."""
        mine = [pid for pid, parent in process_table().items() if parent == self.process.pid]
        return sorted((pid for pid in mine if "gunicorn" in command_of(pid)), key=_socket)

    @property
    def workers(self) -> list[int]:
        """Return the process ids of the gunicorn workers of both instances, without the exporters of their metrics."""
        masters = set(self.masters)
        return [pid for pid, parent in process_table().items() if parent in masters and "gunicorn" in command_of(pid)]

    @property
    def everything(self) -> set[int]:
        """Return every process of the deployment."""
        return descendants(self.process.pid)

    @property
    def sockets(self) -> list[Path]:
        """Return the unix sockets of the instances, which stay the same."""
        return [
            Path(path) for path in re.findall(r"^  instance .* (/\S+)$", (self.home / "out").read_text(), re.MULTILINE)
        ]

    @property
    def metrics_ports(self) -> list[int]:
        """Return the ports of the instances' metrics."""
        told = re.findall(r"^  metrics .*:(\d+)/metrics$", (self.home / "out").read_text(), re.MULTILINE)
        return [int(port) for port in told]

    def raw(self, request: bytes, *, timeout: float = 10, port: int | None = None) -> bytes:
        """Send bytes through nginx, and return the bytes received until it closes or the time is up."""
        with closing(socket.create_connection(("127.0.0.1", port or self.port), timeout=timeout)) as connection:
            connection.sendall(request)
            return received(connection)

    def replace_all(self) -> None:
        """Have both instances replaced, one after the other, and wait until both are new and ready."""
        before = set(self.masters)
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: len(set(self.masters) - before) == 2 and all(map(is_ready, self.sockets)), STARTS_WITHIN)


def received(connection: socket.socket) -> bytes:
    """Return the bytes received until the peer closes, or is silent for the socket's timeout."""
    answer = b""
    with suppress(TimeoutError, ConnectionError):
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


def is_established(connection: socket.socket) -> bool:
    """Return True if both sides hold the connection, without reading from it (Linux)."""
    try:
        return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == ESTABLISHED
    except OSError:  # it is closed here
        return False


def is_ready(path: Path) -> bool:
    """Return True if the instance on a Unix socket accepts requests."""
    return fetch(path, "/readyz").startswith(b"HTTP/1.1 200")


def fetch(path: Path, target: str) -> bytes:
    """Return an instance's raw answer; nothing when it does not answer."""
    with closing(socket.socket(socket.AF_UNIX)) as connection, suppress(OSError):
        connection.settimeout(5)
        connection.connect(str(path))
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        return received(connection)
    return b""


@contextmanager
def deployed(settings: Settings, home: Path, environment: Mapping[str, str] | None = None) -> Iterator[Deployment]:
    """Start the deployment on the tests' database, and stop it afterwards."""
    home.mkdir(exist_ok=True)
    port, tls_port = free_port(), free_port()
    environ = os.environ | {
        "DATABASE_URL": settings.database_url,
        "DRAIN_SECONDS": "0.3",
        "HTTPS_PORT": str(tls_port),
        "HTTP_PORT": str(port),
        "JWT_SECRET": settings.jwt_secret,
        "RATE_LIMIT": settings.rate_limit,
        "STACK_HOME": str(home),
        "WEB_CONCURRENCY": "2",
        **(environment or {}),
    }
    with (home / "err").open("w") as err, (home / "out").open("w") as out:
        command = [sys.executable, "deploy/stack/run.py"]
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=out, stderr=err, text=True)
    deployment = Deployment(process, port, tls_port, home)
    try:
        _wait_until_greeted(deployment)
        yield deployment
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def reverse_proxy(folder: Path, settings: Settings, instances: tuple[str, str]) -> Iterator[int]:
    """Run nginx in front of two instances, given by their addresses, and yield its port without TLS."""
    (home := folder / "nginx").mkdir()
    proxy = ReverseProxy(
        home=home,
        log=folder / "nginx.log",
        certificate=folder / "tls.crt",
        key=folder / "tls.key",
        port=free_port(),
        plain_port=free_port(),
        instances=instances,
    )
    process = proxy.start(nginx.configuration(create_app(settings)))
    try:
        yield proxy.plain_port
    finally:
        process.terminate()
        process.wait()


def _wait_until_greeted(deployment: Deployment) -> None:
    def greets() -> bool:
        assert deployment.process.poll() is None, deployment.log.read_text()
        return "until Ctrl-C" in (deployment.home / "out").read_text()

    wait_until(greets, STARTS_WITHIN)


def repeat_for(seconds: float, act: Callable[[], None], *, every: float) -> int:
    """Repeat an action for some time; return the number of times."""
    until, times = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        act()
        times += 1
        time.sleep(every)
    return times


def _socket(pid: int) -> str:
    """Return the socket that a process serves; nothing when the process has ended."""
    with suppress(OSError):
        found = re.search(r"BIND=unix:([^\0]+)", Path(f"/proc/{pid}/environ").read_text())
        return found[1] if found else ""
    return ""
