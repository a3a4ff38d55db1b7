"""``make run`` for a newcomer: the real application, in its own folder, with nothing else running."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckResponse

from deploy.local.free_ports import free_port
from tests.rpc.client import health
from tests.stack.checkout import wait_until
from tests.stack.conftest import ROOT

CHECKOUT_PATHS: Final = ("app", "deploy", "migrations", "gunicorn.conf.py", "wsgi.py")
ENVIRON: Final = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of the repository in a path with a space."""
    folder = tmp_path / "a house"
    folder.mkdir()
    for name in CHECKOUT_PATHS:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name)  # with the compiled modules
        else:
            shutil.copy(source, folder / name)
    return folder


@pytest.fixture
def start(folder: Path) -> Iterator["Start"]:
    """Return a starter of services, which end with the test."""
    starter = Start(folder)
    yield starter
    starter.stop()


class Start:
    """Starts the launcher, and reads its messages to the developer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.environ = {**ENVIRON, "PORT": str(self.port), "DRAIN_SECONDS": "0"}
        self.environ |= dict.fromkeys(("METRICS_PORT", "RPC_PORT", "RPC_METRICS_PORT", "WORKER_METRICS_PORT"), "0")
        self.process: subprocess.Popen[str] | None = None

    def __call__(self) -> str:
        """Start, and return the greeting when it is complete."""
        command = [sys.executable, "deploy/local/run.py"]
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(
                command, cwd=self.folder, env=self.environ, stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self.process.stdout is not None
        greeting = ""
        for line in self.process.stdout:
            greeting += line
            if "Content-Type" in greeting and not line.strip():
                return greeting
        pytest.fail(f"no greeting: {greeting}{(self.folder / 'log').read_text()}")

    def stop(self) -> int:
        """Stop as a supervisor does, and return the exit status."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        assert self.process.stdout is not None
        self.process.stdout.close()
        status = self.process.wait(30)
        self.process = None
        return status

    @property
    def output(self) -> str:
        """The launcher's standard error."""
        return (self.folder / "log").read_text()

    def shell(self, command: str) -> str:
        """Run a pasted command line."""
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.folder, env=self.environ, capture_output=True, text=True, check=False
        )
        return done.stdout + done.stderr


def test_the_line_it_prints_can_be_pasted_and_the_data_is_there_after_a_second_start(start: Start) -> None:
    """The two commands of the README."""
    greeting = start()
    assert f"http://127.0.0.1:{start.port}/docs" in greeting
    assert f"http://127.0.0.1:{start.port}/errors" in greeting
    curl = greeting[greeting.index("curl -i") :].strip()
    assert "HTTP/1.1 201" in start.shell(curl)
    assert start.stop() == 0
    again = start()
    assert "HTTP/1.1 409" in start.shell(again[again.index("curl -i") :].strip())


@pytest.mark.nightly
def test_a_token_of_the_command_line_is_one_that_the_service_accepts(start: Start) -> None:
    """The same settings, and the same secret below .local/."""
    start()
    token = start.shell(f"'{sys.executable}' -m flask tokens issue --subject alice --scope tasks 2>/dev/null").strip()
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", token)
    url = f"http://127.0.0.1:{start.port}/v1/tasks"
    assert '"tasks":[]' in start.shell(f"curl -s {url} -H 'Authorization: Bearer {token}'")
    assert (start.folder / ".local" / "jwt-secret").stat().st_mode & 0o777 == 0o600


@pytest.mark.nightly
def test_it_serves_grpc_as_well_until_it_ends(start: Start) -> None:
    """With the gRPC requirements installed, in a separate process."""
    port = free_port()
    start.environ["RPC_PORT"] = str(port)
    start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        assert health(channel, within=30) in {HealthCheckResponse.SERVING, HealthCheckResponse.NOT_SERVING}
        assert start.stop() == 0
        wait_until(lambda: not is_listening(port), 30)


@pytest.mark.nightly
def test_a_taken_port_disables_grpc_only(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        start.environ["RPC_PORT"] = str(port)
        greeting = start()
        wait_until(lambda: f"RPC_HOST=127.0.0.1 RPC_PORT={port} cannot be bound" in start.output, 30)
        assert "Traceback" not in start.output
        curl = greeting[greeting.index("curl -i") :].strip()
        assert "HTTP/1.1 201" in start.shell(curl)


def is_listening(port: int) -> bool:
    """Return True if a process accepts connections there."""
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_invalid_settings_are_rejected_all_at_once(start: Start) -> None:
    """Unsafe configuration does not start."""
    start.environ |= {"APP_ENV": "production", "JWT_SECRET": "short", "DEBUG": "true"}
    output = start.shell(f"'{sys.executable}' -m gunicorn -c gunicorn.conf.py wsgi:app; echo status $?")
    for name in ("DATABASE_URL", "PUBLIC_URL", "JWT_SECRET", "DEBUG"):
        assert f"  - {name} " in output
    assert "status 1" in output
    assert "Traceback" not in output
