"""Repositories on a real PostgreSQL, wired as the application wires them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, cast

import pytest
from flask import Flask
from sqlalchemy import Connection, Engine, create_engine, func, select
from sqlalchemy.orm import Session, scoped_session

from app import create_app
from app.cli import migrations
from app.config import Settings
from app.extensions import db
from app.repositories.autocommit_reads import Reads
from app.repositories.compiled_statement import CompiledStatement
from app.repositories.error_translation import translating
from app.repositories.tasks import TaskReads
from app.repositories.unit_of_work import UnitOfWork
from tests.conftest import EMPTY
from tests.integration.task_collections import Collection, InMemory, InPostgres
from tests.sent_statements import sent_by

BACKEND: Final = CompiledStatement(select(func.pg_backend_pid()))


@dataclass(frozen=True, slots=True)
class Database:
    """The objects that the composition root creates for a database."""

    engine: Engine
    reads: Reads
    task_reads: TaskReads
    unit_of_work: Callable[[], UnitOfWork]

    def backend(self) -> int:
        """Return the process id of the backend that reads run on."""
        return int(self.reads.value(BACKEND))


@contextmanager
def opened(app: Flask) -> Iterator[Database]:
    """Return the database of an application, inside a request context, with its tables empty."""
    with app.app_context():
        engine = db.engine
        _empty(engine)
        session = cast("scoped_session[Session]", db.session)
        reads = Reads(lambda: engine, session)
        yield Database(engine, reads, TaskReads(reads), partial(UnitOfWork, session, lambda: engine))
        db.session.rollback()
        _empty(engine)


def _empty(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(EMPTY)


@pytest.fixture
def database(app: Flask) -> Iterator[Database]:
    """Return the application's database."""
    with opened(app) as database:
        yield database


@pytest.fixture
def make_database_of(make_application: Callable[..., Flask]) -> Iterator[Callable[..., Database]]:
    """Return a factory of databases by settings: ``make_database_of(database_pool_size=1)``."""
    with ExitStack() as stack:
        yield lambda **changes: stack.enter_context(opened(make_application(**changes)))


@pytest.fixture
def other_session(settings: Settings) -> Iterator[Connection]:
    """Return another session's connection."""
    engine = create_engine(settings.database_url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def statements(database: Database) -> Iterator[list[str]]:
    """Return the list of statements that are sent during the test."""
    with sent_by(database.engine) as statements:
        yield statements


@pytest.fixture(scope="module", params=["memory", "postgres"])
def every_collection(request: pytest.FixtureRequest) -> Iterator[Collection]:
    """Return one collection, then the other."""
    if request.param == "memory":
        yield InMemory()
    else:
        with opened(request.getfixturevalue("app")) as database:
            yield InPostgres(database)


@pytest.fixture
def collection(every_collection: Collection) -> Collection:
    """Return an empty collection."""
    every_collection.clear()
    return every_collection


@pytest.fixture
def by_repositories() -> Iterator[None]:
    """Use engines as repositories do, with their errors translated."""
    with translating():
        yield


@pytest.fixture
def bare(make_database: Callable[[str], str]) -> Iterator[Flask]:
    """Return an application on an empty database."""
    app = create_app(Settings(database_url=make_database("bare"), jwt_secret="x" * 32, log_level="WARNING"))
    migrations.bind(app)
    with app.app_context():
        yield app
        db.engine.dispose()
