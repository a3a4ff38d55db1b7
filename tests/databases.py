"""PostgreSQL for a test run: one server, one migrated template, and the databases that are copied from it.

``TEST_DATABASE_URL`` names a server to use. Without it, a run starts its own server on the first cluster below
``.local`` that no other run uses. The cluster is kept for the next run. Every run, and every worker of pytest-xdist in
it, names its databases differently, therefore runs in one checkout or on one server don't meet.
"""

import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Final

import flask_migrate
import pytest
from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.exc import ProgrammingError

from app import create_app
from app.cli import migrations
from app.config import Settings
from app.extensions import db
from deploy.local import embedded_postgres

LOCAL: Final = Path(__file__).resolve().parent.parent / ".local"
FAST: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "300"}
PREFIX: Final = "candor_test_"
SHARED: Final = pytest.StashKey[dict[str, str]]()
"""The server and the template that the controller of pytest-xdist shares with the workers."""


def shared(config: pytest.Config) -> Mapping[str, str]:
    """Return the server and template that this process shares with others; empty in a single process."""
    return config.stash.get(SHARED, None) or getattr(config, "workerinput", {})


@contextmanager
def server() -> Iterator[str]:
    """Yield the URL of the server of this run; a server that the run has started stops at the end."""
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield url
        return
    started = _started()
    try:
        _drop_leftovers(started.url)
        yield started.url
    finally:
        started.stop()


def _started() -> embedded_postgres.Server:
    for number in count(1):
        folder = LOCAL / ("test-postgres" if number == 1 else f"test-postgres-{number}")
        with suppress(embedded_postgres.AlreadyRunningError):
            return embedded_postgres.start(folder, settings=FAST, disposable=True)
    raise AssertionError("unreachable")


def _drop_leftovers(server_url: str) -> None:
    """Drop the databases of a run that was killed. The lock on the cluster proves that no other run uses them."""
    admin = create_engine(server_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        names = text("SELECT datname FROM pg_database WHERE starts_with(datname, :prefix)")
        for name in connection.scalars(names, {"prefix": PREFIX}).all():
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    admin.dispose()


def _drop(connection: Connection, name: str) -> None:
    """Drop a database; autovacuum, which the role can't end, may be at work in it for a moment."""
    for pause in (0.2, 0.5, 1.0, 2.0, None):
        try:
            connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
        except ProgrammingError:
            if pause is None:
                raise
            time.sleep(pause)
        else:
            return


class Databases:
    """Databases on one server, named after the worker and the run; ``close`` drops them."""

    def __init__(self, server_url: str, worker: str) -> None:
        self._url = make_url(server_url)
        self._names = f"{PREFIX}{secrets.token_hex(4)}_{worker}"
        self._admin = create_engine(server_url, isolation_level="AUTOCOMMIT")
        self._made: list[str] = []

    def make(self, purpose: str, *, template: str = "template0") -> str:
        """Create a database, in place of the earlier one for the same purpose, and return its URL."""
        name = f"{self._names}_{purpose}"
        with self._admin.connect() as connection:
            _drop(connection, name)
            connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{template}" ENCODING \'UTF8\''))
        self._made.append(name)
        return self._url.set(database=name).render_as_string(hide_password=False)

    def make_template(self) -> str:
        """Create a database at the newest migration, and return its name."""
        url = self.make("template")
        app = create_app(Settings(database_url=url, jwt_secret="x" * 32, log_level="WARNING"))
        migrations.bind(app)
        with app.app_context():
            flask_migrate.upgrade()
            db.engine.dispose()
        return self._made[-1]

    def close(self) -> None:
        """Drop all databases."""
        with self._admin.connect() as connection:
            for name in self._made:
                with suppress(ProgrammingError):  # autovacuum, which the role can't end, may be at work in it
                    connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
        self.disconnect()

    def disconnect(self) -> None:
        """Close the connection, and keep the databases."""
        self._admin.dispose()
