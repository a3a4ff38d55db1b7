"""Starts a reverse proxy with the configuration that ``flask edge`` prints."""

import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from app.config import Settings
from deploy.local import exec_child
from deploy.local.free_ports import free_port
from deploy.stack.program_paths import SYSTEM_FOLDERS
from tests.proxies.relay import relayed
from tests.stack.conftest import Served
from tests.stack.deployment import Deployment

ROOT: Final = Path(__file__).resolve().parents[2]
VENV: Final = ROOT / ".local" / "proxies-venv" / "bin"
STARTS_WITHIN: Final = 20.0
NAME: Final = os.environ.get("PROXY") or "haproxy"


@dataclass(frozen=True)
class Program:
    """A reverse proxy.

    Args:
        title: the name that people know.
        file: the name of its configuration.
        check: the arguments of the check of a configuration; ``{file}`` is its path.
        serve: the arguments that run it in the foreground; those in a comment of the configuration are added.
        version: the arguments that print its version.
        install: the source of the program.
        name: the executable, if it is not called like the proxy.
        has_unix_sockets: whether instances can be Unix sockets.
        environ: further variables.
    """

    title: str
    file: str
    check: tuple[str, ...]
    serve: tuple[str, ...]
    version: tuple[str, ...]
    install: str
    name: str = ""
    has_unix_sockets: bool = True
    environ: Mapping[str, str] = field(default_factory=dict)


APACHE: Final = (
    *("-c", "DefaultRuntimeDir {home}", "-c", "PidFile {home}/pid"),
    *("-c", "User nobody", "-c", "Group nogroup"),
)
"""The folder and the account of a test, instead of those of the system."""

OPTION: Final = re.compile(r"^#   (--[\w.]+=\S+)$", re.MULTILINE)
"""An option of the program, in a comment of its configuration."""
PROGRAMS: Final = {
    "apache": Program(
        title="Apache",
        file="apache.conf",
        check=("-t", "-f", "{file}", *APACHE),
        serve=("-D", "FOREGROUND", "-f", "{file}", *APACHE),
        version=("-v",),
        install="apt-get install apache2",
        name="apache2",
        environ={"TZ": "UTC"},
    ),
    "caddy": Program(
        title="Caddy",
        file="Caddyfile",
        check=("validate", "--adapter", "caddyfile", "--config", "{file}"),
        serve=("run", "--adapter", "caddyfile", "--config", "{file}"),
        version=("version",),
        install="make edge PROXY=caddy",
        environ={"CADDY_ADMIN": "unix//{home}/admin.sock", "XDG_DATA_HOME": "{home}", "XDG_CONFIG_HOME": "{home}"},
    ),
    "envoy": Program(
        title="Envoy",
        file="envoy.yaml",
        check=("--mode", "validate", "-l", "error", "-c", "{file}"),
        serve=("--use-dynamic-base-id", "--concurrency", "2", "-l", "error", "-c", "{file}"),
        version=("--version",),
        install="make edge PROXY=envoy",
    ),
    "haproxy": Program(
        title="HAProxy",
        file="haproxy.cfg",
        check=("-c", "-f", "{file}"),
        serve=("-db", "-f", "{file}"),
        version=("-v",),
        install="apt-get install haproxy",
    ),
    "traefik": Program(
        title="Traefik",
        file="traefik-dynamic.yaml",
        check=("version",),
        serve=(),
        version=("version",),
        install="make edge PROXY=traefik",
        has_unix_sockets=False,
    ),
}


@dataclass(frozen=True)
class RunningProxy(Served):
    """A proxy in front of two instances."""

    home: Path = Path()
    version: str = ""


def path_of(name: str) -> str:
    """Return the path of the executable; skip the test if it is not installed."""
    program = PROGRAMS[name]
    found = shutil.which(program.name or name, path=f"{VENV}:{os.environ['PATH']}:{SYSTEM_FOLDERS}")
    if found is None:
        pytest.skip(f"{program.title} is not installed ({program.install})")
    return found


def configuration(
    name: str, environ: dict[str, str], port: int, instances: list[str], certificate: Path | None = None
) -> str:
    """Return the output of ``flask edge``."""
    addresses = ["--listen", f"127.0.0.1:{port}", *(word for each in instances for word in ("--instance", each))]
    files = ["--certificate", str(certificate)] if certificate else []
    command = [sys.executable, "-m", "flask", "edge", name, *addresses, *files]
    return subprocess.run(command, cwd=ROOT, env=environ, check=True, stdout=subprocess.PIPE, text=True).stdout


@contextmanager
def proxied(
    name: str,
    deployment: Deployment,
    settings: Settings,
    home: Path,
    change: Callable[[str], str] = str,
    certificate: Path | None = None,
) -> Iterator[RunningProxy]:
    """Run a proxy in front of the instances of a deployment.

    Args:
        name: of the proxy.
        deployment: two instances.
        settings: of the tests.
        home: an empty folder for its files.
        change: a change of the configuration, as an operator could make it.
        certificate: for TLS; its key is in the same folder, with ``.key`` after the name.
    """
    program = PROGRAMS[name]
    with ExitStack() as stack:
        if program.has_unix_sockets:
            instances = [f"unix:{path}" for path in deployment.sockets]
        else:
            instances = [stack.enter_context(relayed(path)) for path in deployment.sockets]
        yield stack.enter_context(_running(name, deployment, settings, home, change, certificate, instances))


@contextmanager
def _running(
    name: str,
    deployment: Deployment,
    settings: Settings,
    home: Path,
    change: Callable[[str], str],
    certificate: Path | None,
    instances: list[str],
) -> Iterator[RunningProxy]:
    program, executable, port = PROGRAMS[name], path_of(name), free_port()
    environ = os.environ | {
        "APP_ENV": "production",
        "DATABASE_URL": settings.database_url,
        "JWT_SECRET": settings.jwt_secret,
        "PUBLIC_URL": deployment.url,
        "CORS_ORIGINS": "https://app.example",
    }
    home.mkdir(exist_ok=True)
    file, log = home / program.file, home / "log"
    text = change(configuration(name, environ, port, instances, certificate))
    file.write_text(text, encoding="utf-8")
    check, serve = ([word.format(file=file, home=home) for word in each] for each in (program.check, program.serve))
    variables = os.environ | {key: value.format(home=home) for key, value in program.environ.items()}
    checked = subprocess.run([executable, *check], env=variables, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    version = subprocess.run([executable, *program.version], capture_output=True, text=True, check=False).stdout
    with log.open("w") as words_of:
        command = exec_child.command(
            [executable, *serve, *OPTION.findall(text)], dies_by=signal.SIGTERM, account=None, sees_all=False
        )
        process = subprocess.Popen(command, cwd=home, env=variables, stdout=words_of, stderr=words_of)
    try:
        _wait(port, process, log, certificate)
        yield RunningProxy(port, log, process.pid, home, version.strip())
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()


def _wait(port: int, process: "subprocess.Popen[bytes]", log: Path, certificate: Path | None) -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    context = ssl.create_default_context(cafile=certificate) if certificate else None
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), ExitStack() as stack:
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=1))
            if context:
                connection = stack.enter_context(context.wrap_socket(connection, server_hostname="localhost"))
            connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            connection.settimeout(5)
            if connection.recv(64).startswith(b"HTTP/1.1 200"):
                return
        time.sleep(0.05)
    pytest.fail(f"the proxy does not serve: {log.read_text()}")
