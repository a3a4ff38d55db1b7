"""pytest-flask, as in its quick start: in this suite, and in a fork's first test file."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask, g

from app.config import ROOT, Settings
from app.rest.public_routes import public
from tests.idioms.kit import ON_FLASK

pytestmark = pytest.mark.slow


def test_client_and_config(app: Flask, client, config) -> None:
    config["OWN"] = "setting"
    app.add_url_rule("/own", "own", public(lambda: app.config["OWN"]))
    assert config is app.config
    assert client.get("/own").text == "setting"


def test_a_response_can_be_compared_with_a_status(client) -> None:
    assert client.get("/nowhere") == 404


def test_accept_json(app: Flask, client, accept_json) -> None:
    app.add_url_rule("/x", "x", public(lambda: {"a": 1}))
    assert client.get("/x", headers=accept_json).json == {"a": 1}


def test_accept_any(app: Flask, client, accept_any) -> None:
    app.add_url_rule("/x", "x", public(lambda: {"a": 1}))
    assert client.get("/x", headers=accept_any) == 200


@pytest.mark.options(debug=False, own="option")
def test_options(app: Flask) -> None:
    assert not app.debug
    assert app.config["OWN"] == "option"


@pytest.mark.usefixtures("client_class")
class TestClientClass:
    def test_client(self, app: Flask) -> None:
        app.add_url_rule("/x", "x", public(lambda: "x"))
        assert self.client.get("/x").text == "x"


def test_two_requests_share_no_g(app: Flask, client) -> None:
    """Within pytest-flask's own request context they would: this suite overrides that one fixture."""
    app.add_url_rule("/x", "x", public(lambda: str("kept" in g or setattr(g, "kept", True))))
    assert [client.get("/x").text for _ in range(2)] == ["None", "None"]


CONFTEST = f"""\
import pytest
from flask import Flask
from app import create_app
from app.rest.public_routes import public

@pytest.fixture
def app():
    app = {"Flask('fork')" if ON_FLASK else "create_app()"}
    app.config["TESTING"] = True

    @app.route("/ping")
    @public
    def ping():
        return {{"ping": "pong"}}

    return app
"""
SESSION = CONFTEST.replace("@pytest.fixture\n", '@pytest.fixture(scope="session")\n', 1)
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def fork(tmp_path: Path, settings: Settings) -> Run:
    """Return a function that runs a test file in its own project and returns the exit status and the output."""

    def run(tests: str, *arguments: str, conftest: str = CONFTEST) -> tuple[int, str]:
        (tmp_path / "conftest.py").write_text(conftest)
        (tmp_path / "test_first.py").write_text(tests)
        (tmp_path / "pytest.ini").write_text("[pytest]\n")
        here = {name: value for name, value in os.environ.items() if not name.startswith("FLASK_")}
        environment = {**here, "DATABASE_URL": settings.database_url, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        return done.returncode, done.stdout + done.stderr

    return run


FIRST = """\
import pytest
from flask import g, request, session, url_for

def test_ping(client):
    res = client.get(url_for("ping"))
    assert res.status_code == 200
    assert res.json == {"ping": "pong"}

def test_again(client):
    assert client.get("/ping") == 200

def test_unknown(client):
    assert client.get("/nowhere") == 404

def test_a_private_route(client):
    assert client.get("/v1/tasks") in (401, 404)

def test_config(config):
    assert config["TESTING"] is True

def test_accept(client, accept_json):
    assert client.get("/ping", headers=accept_json).mimetype == "application/json"

def test_request_context(app):
    assert request.path == "/"
    assert url_for("ping") == "/ping"

@pytest.mark.options(own="option")
def test_options(app):
    assert app.config["OWN"] == "option"

@pytest.mark.usefixtures("client_class")
class TestClass:
    def test_client(self):
        assert self.client.get(url_for("ping")).status_code == 200
"""
LIVE = """\
import urllib.request
from flask import url_for

def test_server_is_up_and_running(live_server):
    url = live_server.url("/ping")
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert answer.status == 200
        assert answer.read().strip() == b'{"ping":"pong"}'

def test_url_for_knows_its_port(live_server):
    assert url_for("ping", _external=True) == f"http://localhost.localdomain:{live_server.port}/ping"
"""


def test_a_forks_first_test_file(fork: Run) -> None:
    status, output = fork(FIRST)
    assert status == 0, output
    assert "9 passed" in output


@pytest.mark.nightly
def test_an_application_for_all_tests_of_a_fork(fork: Run) -> None:
    status, output = fork(FIRST, conftest=SESSION)
    assert status == 0, output


def test_the_live_server_of_a_fork(fork: Run) -> None:
    status, output = fork(LIVE, conftest=SESSION)
    assert status == 0, output
    assert "2 passed" in output


def test_the_live_server_here(make_application) -> None:
    """Its process is forked, with the application and its routes."""
    import multiprocessing
    import socket
    import urllib.request

    from pytest_flask.live_server import LiveServer

    if multiprocessing.get_start_method() != "fork":
        pytest.skip("live_server needs a platform that forks")
    app = make_application()
    app.add_url_rule("/ping", "ping", public(lambda: {"ping": "pong"}))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = LiveServer(app, "127.0.0.1", port, 20, clean_stop=True)
    server.start()
    try:
        with urllib.request.urlopen(server.url("/ping"), timeout=20) as answer:
            assert answer.read().strip() == b'{"ping":"pong"}'
    finally:
        server.stop()
