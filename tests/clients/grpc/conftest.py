"""Fixtures for clients that public tools generate from the protocol, and the gRPC service that they call."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import grpc
import pytest
from flask.testing import FlaskClient
from grpc_health.v1.health_pb2 import HealthCheckResponse
from sqlalchemy import create_engine, text

from app.config import ROOT, Settings
from app.rpc.generate import PROTO, describe
from deploy.local.free_ports import free_port
from tests.clients.grpc.declared_errors import declared_errors
from tests.conftest import TokenMaker
from tests.rpc.client import Client, health
from tests.stack.checkout import wait_until

HERE: Final = Path(__file__).parent
PYTHON: Final = ROOT / ".local" / "clients-grpc-venv" / "bin" / "python"
MODULES: Final = ROOT / ".local" / "clients-grpc-node" / "node_modules"
HEALTH: Final = Path("grpc-health-check", "proto")
SOURCES: Final = (
    "errors/v1/errors.proto",
    "todo/v1/todo.proto",
    "google/api/annotations.proto",
    "google/api/http.proto",
    "google/protobuf/struct.proto",
    "google/rpc/error_details.proto",
    "google/rpc/status.proto",
    "grpc/reflection/v1/reflection.proto",
    "grpc/reflection/v1alpha/reflection.proto",
    "health/v1/health.proto",
)
"""The sources for generated clients in TypeScript."""
LIMIT: Final = "100 per 10 second"
"""The rate limit: a driver stays below it until its last step, and exceeds it then, even on a slow machine."""
READY_WITHIN: Final = 120.0
STEPS: Final = 20


def run(*command: str | Path, cwd: Path, code: int = 0, environment: Mapping[str, str] | None = None) -> str:
    """Run a command of the tools' environment, and return its output, which is shown if the command fails."""
    path = f"{PYTHON.parent}{os.pathsep}{MODULES / '.bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [*map(str, command)],
        cwd=cwd,
        env={**os.environ, "PATH": path, **(environment or {})},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=300,
        check=False,
    )
    assert done.returncode == code, done.stdout
    return done.stdout


def google() -> Path:
    """Return the folder with the ``.proto`` files of googleapis-common-protos."""
    found = next(PYTHON.parents[1].glob("lib/python*/site-packages/google/rpc/status.proto"))
    return found.parents[2]


def steps(driver: Path, pattern: str) -> list[str]:
    """Return the names of the steps in a driver, which prints each that succeeded."""
    found = re.findall(pattern, driver.read_text(), re.MULTILINE)
    assert len(found) >= STEPS
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the protocol in ``proto`` and ``candor.binpb``, and its errors in ``errors.json``."""
    shutil.copytree(PROTO, tmp_path / "proto")
    (tmp_path / "errors.json").write_text(json.dumps([*declared_errors()]))
    describe(tmp_path / "candor.binpb")
    return tmp_path


def typescript(folder: Path, service: dict[str, str], *, driver: str, plugin: str, options: str) -> None:
    """Generate a client with a plugin of protoc, check a driver against its types, and run it."""
    for name in ("package.json", "tsconfig.json"):
        shutil.copy(HERE / name, folder)
    shutil.copy(HERE / driver, folder / "drive.ts")
    (folder / "node_modules").symlink_to(MODULES)
    known = ("proto", google(), MODULES / "@grpc" / "reflection" / "build" / "proto", MODULES / HEALTH)
    includes = [f"-I{path}" for path in known]
    paths = [f"--plugin=protoc-gen-{plugin}={MODULES / '.bin' / f'protoc-gen-{plugin}'}", f"--{plugin}_opt={options}"]
    assert run(PYTHON, "-m", "grpc_tools.protoc", *includes, *paths, f"--{plugin}_out=.", *SOURCES, cwd=folder) == ""
    assert run("tsc", "-p", ".", cwd=folder) == ""
    expected = steps(folder / "drive.ts", r"^  async (\w+)\(\) {")
    assert run("node", "dist/drive.js", cwd=folder, environment=service).split() == expected


def is_serving(client: Client, process: "subprocess.Popen[bytes]", log: Path) -> bool:
    """Return whether a process serves; it must not have ended."""
    assert process.poll() is None, log.read_text()
    try:
        return health(client.channel, within=1) == HealthCheckResponse.SERVING
    except grpc.RpcError:
        return False


@contextmanager
def serving(settings: Settings, log: Path, **environment: str) -> Iterator[int]:
    """Run ``flask rpc serve``, and return its port once it serves."""
    port = free_port()
    environ = {
        "DATABASE_URL": settings.database_url,
        "JWT_SECRET": settings.jwt_secret,
        "RPC_PORT": str(port),
        "RPC_METRICS_PORT": "0",
        "DRAIN_SECONDS": "0",
        **environment,
    }
    with log.open("wb") as output:
        command = [sys.executable, "-m", "flask", "rpc", "serve"]
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ | environ, stderr=output)
    try:
        with Client.of(port, None) as client:
            wait_until(lambda: is_serving(client, process, log), READY_WITHIN)
        yield port
    finally:
        process.kill()
        process.wait()


@contextmanager
def locked(settings: Settings, name: str) -> Iterator[None]:
    """Lock a task, so an update waits until its deadline."""
    engine = create_engine(settings.database_url)
    with engine.connect() as connection:
        connection.execute(text("SELECT FROM tasks WHERE id = :id FOR UPDATE"), {"id": name.removeprefix("tasks/")})
        yield
    engine.dispose()


@pytest.fixture
def service(
    settings: Settings, client: FlaskClient, token: TokenMaker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """Run the service, and return the environment of a driver: address, tokens, Bob's task, and a locked task."""
    log = tmp_path_factory.mktemp("service") / "log"
    alice = token("alice")
    with serving(settings, log, RATE_LIMIT=LIMIT) as port, Client.of(port, alice) as own:
        with Client.of(port, token("bob")) as other:
            name = other.create("Bob's").name
        held = own.create("locked").name
        with locked(settings, held):
            yield {
                "CANDOR_PORT": str(port),
                "CANDOR_ALICE": alice,
                "CANDOR_STRANGER": token("alice", "orders"),
                "CANDOR_OTHER": name,
                "CANDOR_LOCKED": held,
            }
