"""Flask-SQLAlchemy, as in its quick start, on PostgreSQL; event listeners receive every statement."""

import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask, got_request_exception
from flask.testing import FlaskClient
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.record_queries import get_recorded_queries
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column
from werkzeug.test import TestResponse

from app.models.tasks import Task
from app.rest.public_routes import public
from tests.idioms.kit import candor_only, problem


@pytest.fixture
def note(app: Flask, db: SQLAlchemy) -> Iterator[Any]:
    """Return a model with three rows; its table exists for the time of the test."""

    class Note(db.Model):
        __tablename__ = "idioms_notes"

        id: Mapped[int] = mapped_column(primary_key=True)
        title: Mapped[str] = mapped_column(sa.Text, unique=True)
        stars: Mapped[int] = mapped_column(default=0)

    with app.app_context():
        Note.__table__.create(db.engine, checkfirst=True)
        db.session.add_all([Note(title=title, stars=stars) for stars, title in enumerate(("one", "two", "three"))])
        db.session.commit()
    yield Note
    with app.app_context(), db.engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL lock_timeout = '5s'")
        Note.__table__.drop(connection)
    Note.metadata.remove(Note.__table__)
    Note.registry._dispose_cls(Note)


@pytest.fixture
def context(app: Flask, note) -> Iterator[None]:
    """Push an application context, as the manual does in a shell; the session ends with it."""
    with app.app_context():
        yield


def test_select(db: SQLAlchemy, note, context) -> None:
    notes = db.session.execute(db.select(note).order_by(note.title)).scalars().all()
    assert [each.title for each in notes] == ["one", "three", "two"]
    assert db.session.scalar(db.select(db.func.count()).select_from(note)) == 3


def test_insert_update_and_delete(db: SQLAlchemy, note, context) -> None:
    new = note(title="four")
    db.session.add(new)
    db.session.commit()
    assert (new.id, new.stars) == (4, 0)
    new.title = "vier"
    db.session.commit()
    assert db.session.execute(db.select(note).filter_by(title="vier")).scalar_one() is new
    db.session.delete(new)
    db.session.commit()
    assert db.session.get(note, 4) is None


def test_rollback(db: SQLAlchemy, note, context) -> None:
    db.session.add(note(title="one"))
    with pytest.raises(IntegrityError):
        db.session.commit()
    db.session.rollback()
    assert db.session.scalar(db.select(db.func.count()).select_from(note)) == 3


class TestConflict:
    """A view that breaks a unique constraint through ``db.session``."""

    @pytest.fixture
    def add(self, app: Flask, db: SQLAlchemy, note) -> Callable[[], TestResponse]:
        """Return a function that sends a request whose view commits an existing note."""

        @app.post("/add")
        @public
        def add():
            db.session.add(note(title="one"))
            db.session.commit()
            return "added"

        return lambda: app.test_client().post("/add")

    def test_the_view_catches_it(self, app: Flask, db: SQLAlchemy, note) -> None:
        @app.post("/careful")
        @public
        def careful():
            db.session.add(note(title="one"))
            try:
                db.session.commit()
            except IntegrityError as error:
                db.session.rollback()
                return {"sqlstate": error.orig.sqlstate}, 409
            return "added"

        response = app.test_client().post("/careful")
        assert (response.status_code, response.json) == (409, {"sqlstate": "23505"})

    @pytest.mark.parametrize("kind", [IntegrityError, sa.exc.SQLAlchemyError, Exception])
    def test_an_error_handler_catches_it(self, app: Flask, add: Callable[[], TestResponse], kind) -> None:
        app.register_error_handler(kind, lambda error: (f"caught {type(error).__name__}", 409))
        response = add()
        assert (response.status_code, response.text) == (409, "caught IntegrityError")

    def test_an_unhandled_conflict(self, app: Flask, add: Callable[[], TestResponse]) -> None:
        signalled: list[Any] = []
        with got_request_exception.connected_to(lambda *_, exception, **__: signalled.append(exception), app):
            assert add().status_code == 500
        assert [type(each) for each in signalled] == [IntegrityError]

    @candor_only
    def test_a_conflict_that_a_model_declares_is_returned(self, app: Flask, db: SQLAlchemy, bearer) -> None:
        columns = [column.name for column in Task.__table__.columns if column.name != "id"]
        again = sa.select(sa.func.gen_random_uuid(), *(Task.__table__.c[name] for name in columns))

        @app.post("/copy")
        def copy():
            db.session.execute(sa.insert(Task).from_select(["id", *columns], again))
            return "copied"

        signalled: list[Any] = []
        create = app.test_client().post
        assert (
            create("/v1/tasks", json={"task": {"title": f"twice {id(app)}"}}, headers=bearer("idioms")).status_code
            == 201
        )
        with got_request_exception.connected_to(lambda *_, exception, **__: signalled.append(exception), app):
            problem(create("/copy", headers=bearer("idioms")), 409, code="TASK_TITLE_TAKEN")
        assert signalled == []


def test_the_legacy_query(db: SQLAlchemy, note, context) -> None:
    assert note.query.filter_by(title="two").first().stars == 1
    assert note.query.count() == 3


def test_pages(db: SQLAlchemy, note, context) -> None:
    page = db.paginate(db.select(note).order_by(note.id), page=2, per_page=2)
    assert ([each.title for each in page], page.total, page.pages, page.has_next) == (["three"], 3, 2, False)


@pytest.fixture
def looked_up(app: Flask, db: SQLAlchemy, note):
    """Return a function that routes ``/note`` to a look-up and returns the response."""

    def look_up(view, path: str = "/note"):
        app.add_url_rule("/note", "note", public(view))
        return app.test_client().get(path)

    return look_up


@pytest.mark.parametrize("way", ["get_or_404", "first_or_404", "one_or_404"])
def test_a_missing_row_is_404_and_not_a_missing_route(db: SQLAlchemy, note, looked_up, way: str) -> None:
    def view():
        if way == "get_or_404":
            return db.get_or_404(note, 99).title
        return getattr(db, way)(db.select(note).filter_by(title="none")).title

    document = problem(looked_up(view), 404)
    assert document.get("code") != "ROUTE_NOT_FOUND"


def test_it_can_have_a_description(db: SQLAlchemy, note, looked_up) -> None:
    response = looked_up(lambda: db.get_or_404(note, 99, description="No note 99.").title)
    problem(response, 404, detail="No note 99.")


def test_an_existing_row_is_found(db: SQLAlchemy, note, looked_up) -> None:
    assert looked_up(lambda: db.get_or_404(note, 1).title).text == "one"


def test_a_missing_page_is_404(db: SQLAlchemy, note, looked_up) -> None:
    view = public(lambda: [each.title for each in db.paginate(db.select(note).order_by(note.id), max_per_page=2)])
    problem(looked_up(view, "/note?page=9&per_page=2"), 404)


def test_a_view_that_leaves_the_session_open(app: Flask, db: SQLAlchemy, note) -> None:
    """The session ends with the context, and uncommitted changes are rolled back."""

    @app.post("/add")
    @public
    def add():
        db.session.add(note(title="lost"))
        db.session.flush()
        return "not committed"

    app.add_url_rule("/count", "count", public(lambda: str(db.session.scalar(db.select(db.func.count(note.id))))))
    client = app.test_client()
    assert client.post("/add").text == "not committed"
    assert client.get("/count").text == "3"


def test_each_request_has_its_own_session(app: Flask, db: SQLAlchemy, context) -> None:
    app.add_url_rule("/id", "id", public(lambda: str(id(db.session()))))
    mine = db.session()
    theirs = []
    thread = threading.Thread(target=lambda: theirs.append(app.test_client().get("/id").text))
    thread.start()
    thread.join()
    assert theirs != [str(id(mine))]


def test_a_driver_error_in_a_view_is_500_without_details(app: Flask, client: FlaskClient, db: SQLAlchemy) -> None:
    app.add_url_rule("/bad", "bad", public(lambda: db.session.execute(db.text("SELECT secret FROM nowhere"))))
    response = client.get("/bad")
    assert response.status_code == 500
    assert "nowhere" not in response.text


def test_attributes_of_the_extension(app: Flask, db: SQLAlchemy, context) -> None:
    assert db.engine is db.engines[None]
    assert db.metadata is db.metadatas[None]
    assert app.extensions["sqlalchemy"] is db
    assert db.session.execute(db.text("SELECT 1")).scalar() == 1
    with db.engine.begin() as connection:
        assert connection.execute(db.text("SELECT 2")).scalar() == 2


@pytest.fixture
def heard(app: Flask, db: SQLAlchemy) -> Iterator[list[str]]:
    """Return a list that receives every statement of ``before_cursor_execute``."""
    statements: list[str] = []

    def hear(connection, cursor, statement, parameters, context, executemany):
        statements.append(statement)

    with app.app_context():
        engine = db.engine
    sa.event.listen(engine, "before_cursor_execute", hear)
    yield statements
    sa.event.remove(engine, "before_cursor_execute", hear)


@candor_only
class TestListeners:
    @pytest.fixture
    def created(self, client: FlaskClient, bearer):
        """Return a function that creates a task."""
        numbers = iter(range(100))

        def create():
            body = {"task": {"title": f"idiom {id(client)} {next(numbers)}"}}
            return client.post("/v1/tasks", json=body, headers=bearer("idioms")).headers["Location"]

        return create

    def test_an_insert_is_received(self, created, heard: list[str]) -> None:
        created()
        assert any("INSERT INTO tasks" in each for each in heard)

    @pytest.mark.parametrize("path", ["", "?page_size=1", "one"])
    def test_a_read_is_received(self, created, client: FlaskClient, bearer, heard: list[str], path: str) -> None:
        location = created()
        heard.clear()
        client.get(location if path == "one" else f"/v1/tasks{path}", headers=bearer("idioms"))
        assert any(each.startswith("SELECT") and "tasks" in each for each in heard)

    def test_a_listener_added_later_receives_the_next_statement(
        self, app, db, created, client: FlaskClient, bearer
    ) -> None:
        location, statements = created(), []
        client.get(location, headers=bearer("idioms"))
        with app.app_context():
            engine = db.engine

        def hear(*args):
            statements.append(args[2])

        sa.event.listen(engine, "after_cursor_execute", hear)
        client.get(location, headers=bearer("idioms"))
        sa.event.remove(engine, "after_cursor_execute", hear)
        client.get(location, headers=bearer("idioms"))
        assert len([each for each in statements if "tasks" in each]) == 1

    def test_a_listener_on_every_engine_receives_them_too(self, created, client: FlaskClient, bearer) -> None:
        location, statements = created(), []

        def hear(*args):
            statements.append(args[2])

        sa.event.listen(sa.Engine, "before_cursor_execute", hear)
        client.get(location, headers=bearer("idioms"))
        sa.event.remove(sa.Engine, "before_cursor_execute", hear)
        assert any("tasks" in each for each in statements)

    def test_echo_logs_every_statement(self, app, db, created, client, bearer, caplog) -> None:
        location = created()
        with app.app_context():
            db.engine.echo = True
        with caplog.at_level(logging.INFO, "sqlalchemy.engine"):
            client.get(location, headers=bearer("idioms"))
        with app.app_context():
            db.engine.echo = False
        assert any("FROM tasks" in record.getMessage() for record in caplog.records)

    def test_recorded_queries(self, settings, monkeypatch, bearer) -> None:
        """As in the manual: set before the extension is bound, read within the request."""
        monkeypatch.setenv("FLASK_SQLALCHEMY_RECORD_QUERIES", "true")
        from app import create_app

        app = create_app(settings)
        recorded = []
        app.after_request(lambda response: recorded.extend(get_recorded_queries()) or response)
        app.test_client().get("/v1/tasks", headers=bearer("idioms"))
        with app.app_context():
            app.extensions["sqlalchemy"].engine.dispose()
        assert any("tasks" in each.statement for each in recorded)
        assert all(each.duration >= 0 for each in recorded)
