"""What every test stands on: a real PostgreSQL, the application on it, and a watch over undeclared errors.

``TEST_DATABASE_URL`` names a server to use instead; a database of its own is made there and dropped.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import flask_migrate
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import ProgrammingError

from app import create_app, errs
from app.cli import migrations
from app.config import Settings
from app.extensions import db
from app.models import Base
from deploy.local import postgres
from tests.oracle import CheckedClient

ROOT: Final = Path(__file__).resolve().parent.parent
FAST: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "300"}
TokenMaker = Callable[..., str]

PROVOKED: Final[set[tuple[str, str]]] = set()
"""Every operation and the code of every error that the tests have seen it end with."""
_undeclared: list[str] = []

EMPTY: Final = "; ".join(f"DELETE FROM {table}" for table in reversed(Base.metadata.sorted_tables))
"""Empties every table."""

os.environ |= dict.fromkeys(("METRICS_PORT", "RPC_PORT", "RPC_METRICS_PORT", "WORKER_METRICS_PORT"), "0")
# Of what tests start, only what they ask for takes a port.


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run what judges the whole run after everything else."""
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)
    is_full = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    if not is_full or config.option.keyword or config.option.markexpr or config.option.deselect:
        skip = pytest.mark.skip(reason="judges what all tests have seen; run them all")
        for item in items:
            if item.get_closest_marker("last"):
                item.add_marker(skip)


def _watch(operation: str, error: errs.Error, declared: bool) -> None:
    code = errs.definition(error).code
    PROVOKED.add((operation, code))
    if not declared:
        _undeclared.append(f"{operation} ended with {code}, which it does not declare")


errs.WATCHERS.append(_watch)


@pytest.fixture(autouse=True)
def no_undeclared_error() -> Iterator[None]:
    """Fail a test in which an operation ended with an error that it does not declare (C13)."""
    _undeclared.clear()
    yield
    assert not _undeclared


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """Return the URL of a PostgreSQL server."""
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield url
    else:
        with postgres.running(ROOT / ".local" / "test-postgres", settings=FAST) as url:
            yield url


@pytest.fixture(scope="session")
def make_database(server_url: str) -> Iterator[Callable[[str], str]]:
    """Return a maker of empty databases, which are dropped at the end."""
    admin = create_engine(server_url, isolation_level="AUTOCOMMIT")
    made = []

    def make(purpose: str) -> str:
        name = f"candor_test_{purpose}_{os.getpid()}"
        with admin.connect() as connection:
            connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
            connection.execute(text(f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'UTF8'"))
        made.append(name)
        return make_url(server_url).set(database=name).render_as_string(hide_password=False)

    yield make
    with admin.connect() as connection:
        for name in made:
            with suppress(ProgrammingError):  # autovacuum may be at work in it, which is not ours to end
                connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
    admin.dispose()


@pytest.fixture(scope="session")
def database_url(make_database: Callable[[str], str]) -> str:
    """Return the URL of the tests' own database, migrated to head."""
    url = make_database("main")
    migrating = create_app(Settings(database_url=url, jwt_secret="x" * 32, log_level="WARNING"))
    migrations.bind(migrating)
    with migrating.app_context():
        flask_migrate.upgrade()
        db.engine.dispose()
    return url


@pytest.fixture(scope="session")
def settings(database_url: str) -> Settings:
    """Return the settings of the application under test; ``dataclasses.replace`` makes others of them."""
    return Settings(
        database_url=database_url,
        jwt_secret="a-secret-of-the-tests-32-bytes-long!",
        public_url="http://candor.test",
        rate_limit="1000000 per second",
        token_rate_limit="1000000 per second",
        registration_rate_limit="1000000 per second",
    )


@pytest.fixture(scope="session")
def make_application(settings: Settings) -> Iterator[Callable[..., Flask]]:
    """Return a maker of applications: ``make_application(rate_limit="1 per hour")``."""
    made: list[Flask] = []

    def make(*, config: Mapping[str, object] | None = None, **changes: object) -> Flask:
        application = create_app(replace(settings, **changes), config=config)  # type: ignore[arg-type]  # names of settings
        application.test_client_class = CheckedClient
        migrations.bind(application)
        made.append(application)
        return application

    yield make
    for application in made:
        with application.app_context():
            db.engine.dispose()


@pytest.fixture(scope="session")
def application(make_application: Callable[..., Flask]) -> Flask:
    """Return the application under test."""
    return make_application()


@pytest.fixture
def client(application: Flask) -> Iterator[FlaskClient]:
    """Return a test client that checks every response; the tables are empty again after the test."""
    yield application.test_client()
    with application.app_context(), db.engine.begin() as connection:
        connection.exec_driver_sql(EMPTY)


@pytest.fixture(scope="session")
def token(application: Flask) -> TokenMaker:
    """Return a maker of bearer tokens: ``token("alice", "tasks")``."""

    def make(subject: str = "alice", scopes: str = "tasks") -> str:
        issued: str = application.extensions["candor-services"].tokens.issue(
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
