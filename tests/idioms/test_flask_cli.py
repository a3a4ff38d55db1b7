"""The ``flask`` command in a fork, and commands in tests."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path

import click
import pytest
from flask import Flask, current_app
from flask.cli import AppGroup, FlaskGroup, with_appcontext

from app.config import ROOT, Settings
from tests.idioms.kit import ON_FLASK

pytestmark = pytest.mark.slow

MAKE = "Flask(__name__)" if ON_FLASK else "create_app()"
FORK = f"""\
from flask import Flask
from app import create_app
from app.rest.public_routes import public

app = {MAKE}

@app.get("/hello")
@public
def hello():
    return "hello"

@app.shell_context_processor
def shell():
    return {{"answer": 42}}
"""
FACTORY = """\
from flask import Flask
from app import create_app

def create_application(name="x"):
    app = Flask(__name__) if ON_FLASK else create_app()
    app.add_url_rule(f"/of/{name}", "of", lambda: name)
    return app
""".replace("ON_FLASK", repr(ON_FLASK))


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    """Return the environment of a fork on the tests' database."""
    here = {name: value for name, value in os.environ.items() if not name.startswith("FLASK_")}
    return here | {
        "DATABASE_URL": settings.database_url,
        "JWT_SECRET": settings.jwt_secret,
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "default",
    }


@pytest.fixture
def flask(environment: dict[str, str], tmp_path: Path) -> Callable[..., str]:
    """Return a function that runs the ``flask`` command on a fork and returns its standard output."""
    (tmp_path / "fork.py").write_text(FORK)
    (tmp_path / "factory.py").write_text(FACTORY)

    def run(*arguments: str, app: str = "fork", given: str = "") -> str:
        command = [sys.executable, "-m", "flask", "--app", app, *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, input=given, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_a_factory_is_found_and_can_have_arguments(flask) -> None:
    assert "/of/shop" in flask("routes", app="factory:create_application('shop')")


def test_flask_shell_has_the_application_and_its_context(flask) -> None:
    output = flask("shell", given="print('answer', answer)\nprint('rule', app.url_map.bind('').match('/hello'))\n")
    assert "answer 42" in output
    assert "rule ('hello', {})" in output


@contextmanager
def running(environment: dict[str, str], folder: Path, *arguments: str) -> Iterator[str]:
    """Run ``flask run`` and yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "flask", "--app", "fork", "run", "--port", str(port), *arguments]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            for _ in range(300):
                with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                    break
                assert server.poll() is None, (folder / "log").read_text()
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(server.pid, 15)
            server.wait(20)


def test_flask_run(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "fork.py").write_text(FORK)
    with running(environment, tmp_path) as url, urllib.request.urlopen(f"{url}/hello", timeout=20) as answer:
        assert answer.read() == b"hello"
        assert ON_FLASK or answer.headers["X-Request-Id"]


@pytest.mark.nightly
def test_flask_run_debug_reloads(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "fork.py").write_text(FORK)
    with running(environment, tmp_path, "--debug") as url:
        urllib.request.urlopen(f"{url}/hello", timeout=20).close()
        (tmp_path / "fork.py").write_text(FORK.replace('return "hello"', 'return "changed"'))
        for _ in range(200):
            with suppress(OSError, HTTPException), urllib.request.urlopen(f"{url}/hello", timeout=20) as answer:
                if answer.read() == b"changed":
                    return
            time.sleep(0.1)
    pytest.fail((tmp_path / "log").read_text())


class TestRunner:
    def test_routes_are_listed(self, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FLASK_RUN_FROM_CLI", "true")  # the command sets it too, but does not undo it
        app.add_url_rule("/hello/<name>", "hello", lambda name: name, methods=["POST"])
        command = FlaskGroup(create_app=lambda: app)
        listed = app.test_cli_runner().invoke(command, ["routes", "--sort", "rule"]).output
        assert re.search(r"^hello +POST +/hello/<name> *$", listed, re.MULTILINE)

    def test_a_command(self, app: Flask) -> None:
        @app.cli.command("create-user")
        @click.argument("name")
        def create_user(name):
            click.echo(f"created {name} in {current_app.name}")

        result = app.test_cli_runner().invoke(args=["create-user", "ada"])
        assert (result.exit_code, result.output) == (0, f"created ada in {app.name}\n")

    def test_a_command_passed_as_an_object(self, app: Flask) -> None:
        @click.command()
        @with_appcontext
        def whose():
            click.echo(current_app.name)

        assert app.test_cli_runner().invoke(whose).output == f"{app.name}\n"

    def test_a_group(self, app: Flask) -> None:
        group = AppGroup("user")

        @group.command("create")
        @click.option("--admin", is_flag=True)
        def create(admin):
            click.echo(f"admin: {admin}")

        app.cli.add_command(group)
        assert app.test_cli_runner().invoke(args=["user", "create", "--admin"]).output == "admin: True\n"

    def test_a_command_that_fails(self, app: Flask) -> None:
        @app.cli.command("fail")
        def fail():
            raise click.ClickException("no")

        result = app.test_cli_runner().invoke(args=["fail"])
        assert (result.exit_code, result.output) == (1, "Error: no\n")

    def test_a_custom_runner_class(self, app: Flask) -> None:
        from flask.testing import FlaskCliRunner

        class Runner(FlaskCliRunner):
            pass

        app.test_cli_runner_class = Runner
        assert isinstance(app.test_cli_runner(), Runner)

    def test_shell_context_processors(self, app: Flask) -> None:
        app.shell_context_processor(lambda: {"answer": 42})
        with app.app_context():
            context = app.make_shell_context()
        assert (context["answer"], context["app"]) == (42, app)
