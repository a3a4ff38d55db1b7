"""``db.session`` as in Flask-SQLAlchemy's manual, outside and inside units of work."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from flask import Flask
from sqlalchemy import func, literal, select, text
from sqlalchemy.orm import Mapped, mapped_column

from app.config import Settings
from app.extensions import db
from app.models.tasks import Task
from app.repositories.compiled_statement import CompiledStatement
from app.repositories.tasks import MEMBERS
from app.repositories.unit_of_work import UnitOfWork
from tests.integration.conftest import Database
from tests.integration.task_collections import a_task

ONE: Final = CompiledStatement(select(literal(1)))


@pytest.fixture(scope="module")
def model() -> Iterator[type[Any]]:
    """Return a model of a second database."""

    class NoteOnTheSide(db.Model):  # type: ignore[name-defined, misc] # as Flask-SQLAlchemy's manual writes it
        __bind_key__ = "side"
        id: Mapped[int] = mapped_column(primary_key=True)
        text: Mapped[str]

    yield NoteOnTheSide
    del db.metadatas["side"]


class TestOutside:
    """The session is used outside of any unit of work, for example in a view."""

    def test_a_unit_joins_a_transaction_that_the_session_has_begun(self, database: Database) -> None:
        db.session.execute(text("SELECT set_config('candor.here', 'yes', true)"))
        with database.unit_of_work() as unit:
            task = a_task()
            unit.tasks.add(task)
            assert unit.tasks.get(task.id).title == task.title
            here = CompiledStatement(select(func.current_setting("candor.here")))
            assert unit.transaction.use(lambda line: line.value(here)) == "yes"
            unit.commit()
        assert not db.session().in_transaction()
        assert database.task_reads.get(task.id).title == task.title

    def test_so_does_a_read(self, database: Database) -> None:
        backend = db.session.scalar(select(func.pg_backend_pid()))
        assert database.backend() == backend
        db.session.rollback()

    def test_and_a_read_in_a_unit_that_has_not_begun_yet(self, database: Database) -> None:
        backend = db.session.scalar(select(func.pg_backend_pid()))
        with database.unit_of_work():
            assert database.backend() == backend

    def test_a_request_never_holds_two_connections(self, make_database_of: Callable[..., Database]) -> None:
        database = make_database_of(database_pool_size=1)
        assert db.session.scalar(select(literal(1))) == 1
        assert database.reads.value(ONE) == 1
        with database.unit_of_work() as unit:
            unit.tasks.add(a_task())
            unit.commit()
        assert database.reads.value(ONE) == 1

    def test_it_is_rolled_back_with_the_context(self, app: Flask, database: Database) -> None:
        with app.app_context():
            session = db.session()
            db.session.execute(text("SELECT 1"))
            assert session.in_transaction()
        assert not session.in_transaction()
        assert database.backend()


class TestInside:
    """The session is used inside a unit of work."""

    def test_added_entities_are_committed_with_the_unit(self, database: Database) -> None:
        with database.unit_of_work() as unit:
            db.session.add(Task(**{name: getattr(a_task(), name) for name in MEMBERS}))
            unit.commit()
        assert db.session.scalar(select(func.count()).select_from(Task)) == 1
        db.session.rollback()

    def test_or_rolled_back_with_it(self, database: Database) -> None:
        with database.unit_of_work():
            db.session.add(Task(**{name: getattr(a_task(), name) for name in MEMBERS}))
        assert not db.session.new
        assert db.session.scalar(select(func.count()).select_from(Task)) == 0
        db.session.rollback()

    def test_changes_after_a_rollback_are_committed(self, database: Database) -> None:
        with database.unit_of_work() as unit:
            db.session.execute(text("SELECT 1"))
            db.session.rollback()
            unit.tasks.add(a_task())
            unit.commit()
        assert db.session.scalar(select(func.count()).select_from(Task)) == 1
        db.session.rollback()


class TestBinds:
    """A second database, ``SQLALCHEMY_BINDS``."""

    @pytest.fixture
    def note(self, model: type[Any], settings: Settings, tmp_path: Path) -> Iterator[type[Any]]:
        """Return the model, in the context of an application that has its database."""
        application = Flask(__name__)
        application.config["SQLALCHEMY_DATABASE_URI"] = settings.database_url
        application.config["SQLALCHEMY_BINDS"] = {"side": f"sqlite:///{tmp_path}/side.db"}
        db.init_app(application)
        with application.app_context():
            db.create_all("side")
            yield model
            db.session.rollback()
            with db.engine.begin() as connection:
                connection.execute(text("DELETE FROM tasks"))
            for engine in db.engines.values():
                engine.dispose()

    @pytest.fixture
    def unit_of_work(self, note: object) -> Callable[[], UnitOfWork]:
        """Return a maker of units of work."""
        return partial(UnitOfWork, db.session, lambda: db.engine)  # type: ignore[arg-type] # of Flask-SQLAlchemy's kind

    def test_a_model_has_its_name_by_its_class(self, note: type[Any]) -> None:
        assert note.__tablename__ == "note_on_the_side"

    def test_ok(self, note: type[Any]) -> None:
        db.session.add(note(text="x"))
        db.session.commit()
        assert [each.text for each in db.session.scalars(select(note))] == ["x"]
        assert note.query.count() == 1

    def test_inside_a_unit_it_goes_to_its_own_database(
        self, note: type[Any], unit_of_work: Callable[[], UnitOfWork]
    ) -> None:
        with unit_of_work() as unit:
            unit.tasks.add(a_task())
            db.session.add(note(text="x"))
            unit.commit()
        assert [each.text for each in db.session.scalars(select(note))] == ["x"]
        assert db.session.scalar(select(func.count()).select_from(Task)) == 1

    def test_and_is_rolled_back_with_it(self, note: type[Any], unit_of_work: Callable[[], UnitOfWork]) -> None:
        with unit_of_work() as unit:
            unit.tasks.add(a_task())
            db.session.add(note(text="x"))
            db.session.flush()
        assert db.session.scalars(select(note)).all() == []
        assert db.session.scalar(select(func.count()).select_from(Task)) == 0
