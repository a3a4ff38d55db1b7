"""Fixtures for clients that public tools generate from the OpenAPI document, and the service that they call."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.config import Settings
from tests.api.accounts import PASSWORD, an_address, join
from tests.api.caller import Caller
from tests.api.orders.order import stock
from tests.clients.declared_errors import declared_errors
from tests.clients.recording import Answer, recorded
from tests.stack.conftest import ROOT, serving

HERE: Final = Path(__file__).parent
PYTHON: Final = ROOT / ".local" / "clients-venv" / "bin" / "python"
MODULES: Final = ROOT / ".local" / "clients-node" / "node_modules"
SCOPES: Final = "tasks orders"
LIMIT: Final = "6 per 5 second"


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Run a command of the tools' environment, and return its output, which is shown if the command fails."""
    path = f"{PYTHON.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [*map(str, command)],
        cwd=cwd,
        env={**os.environ, "PATH": path, **environment},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture
def folder(app: Flask, tmp_path: Path) -> Path:
    """Return a folder with the OpenAPI document in ``openapi.json``, and its errors in ``errors.json``."""
    document = app.extensions["flask-smorest"]["apis"][""]["ext_obj"].spec.to_dict()
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    (tmp_path / "errors.json").write_text(json.dumps([*declared_errors(document)]))
    return tmp_path


@pytest.fixture
def document(folder: Path) -> dict[str, Any]:
    """Return the OpenAPI document."""
    found: dict[str, Any] = json.loads((folder / "openapi.json").read_text())
    return found


def driven_in(folder: Path, url: str, service: dict[str, str]) -> None:
    """Generate the client of openapi-python-client, and run all its steps against the service at this address."""
    (folder / "configuration.yml").write_text("package_name_override: candor_client\npost_hooks: []\n")
    shutil.copy(HERE / "drive_python.py", folder)
    options = ("--path", "openapi.json", "--output-path", "candor_client", "--meta", "none")
    generator = PYTHON.parent / "openapi-python-client"
    run(generator, "generate", *options, "--config", "configuration.yml", cwd=folder)
    run(PYTHON, "drive_python.py", cwd=folder, **{**service, "CANDOR_URL": url})


@pytest.fixture
def answers(folder: Path, service: dict[str, str]) -> list[Answer]:
    """Return all JSON responses that the driver of openapi-python-client receives."""
    with recorded(service["CANDOR_URL"]) as (url, found):
        driven_in(folder, url, service)
    return [answer for answer in found if answer.body is not None]


@pytest.fixture
def node_folder(folder: Path) -> Path:
    """Return the responses of the driver in TypeScript, with the driver and its modules."""
    for name in ("package.json", "tsconfig.json", "drive_typescript.ts"):
        shutil.copy(HERE / name, folder)
    (folder / "node_modules").symlink_to(MODULES)
    return folder


@pytest.fixture
def service(
    settings: Settings,
    app: Flask,
    client: FlaskClient,
    bearer: Callable[..., dict[str, str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, str]]:
    """Run the service, and return the environment of a driver: address, tokens of two callers, and a user's login."""
    stock(app)
    email = an_address()
    join(Caller(client, {}), app, email)

    def token(*arguments: Any) -> str:
        return bearer(*arguments)["Authorization"].removeprefix("Bearer ")

    log = tmp_path_factory.mktemp("service") / "log"
    with serving(settings, log, REGISTRATION_RATE_LIMIT=LIMIT, TOKEN_RATE_LIMIT=settings.rate_limit) as served:
        yield {
            "CANDOR_URL": served.url,
            "CANDOR_ADMIN": token("root", "admin"),
            "CANDOR_ALICE": token("alice", SCOPES),
            "CANDOR_BOB": token("bob", "orders"),
            "CANDOR_EMAIL": email,
            "CANDOR_PASSWORD": PASSWORD,
        }
