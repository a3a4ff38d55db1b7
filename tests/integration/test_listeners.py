"""Listeners of SQLAlchemy and Flask-SQLAlchemy receive every statement from their registration on."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from unittest.mock import patch

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_sqlalchemy.record_queries import get_recorded_queries
from sqlalchemy import Connection, Engine, ExceptionContext, event, func, literal, select, text
from sqlalchemy.orm import Session

from app.errs import Error
from app.errs.tasks import TaskTitleTaken
from app.extensions import db
from app.models.query import Comparison, ListQuery, Operator, Ordering
from app.repositories import listener_detection
from app.repositories.compiled_statement import CompiledStatement
from tests.integration.conftest import Database
from tests.integration.task_collections import a_task
from tests.sent_statements import sent_by

ONE: Final = CompiledStatement(select(literal(1)))
WRONG: Final = CompiledStatement(select(func.no_such_function()))


@contextmanager
def heard(target: Any, name: str, **options: Any) -> Iterator[list[tuple[Any, ...]]]:
    """Return the arguments of the calls of a listener."""
    calls: list[tuple[Any, ...]] = []

    def listen(*arguments: Any) -> None:
        calls.append(arguments)

    event.listen(target, name, listen, **options)
    try:
        yield calls
    finally:
        event.remove(target, name, listen)


OF_ALICE = Comparison("created_by", Operator.EQ, "alice")


def create(database: Database, title: str = "Buy milk") -> None:
    """Add a task."""
    with database.unit_of_work() as unit:
        unit.tasks.add(a_task(title))
        unit.commit()


class TestNothing:
    """Without listeners."""

    def test_statements_go_to_the_driver(self, database: Database) -> None:
        with patch.object(Connection, "execute", side_effect=AssertionError), sent_by(database.engine) as sent:
            assert database.reads.value(ONE) == 1
            create(database)
        assert [each.split()[0] for each in sent] == ["SELECT", "INSERT", "COMMIT"]

    @pytest.mark.parametrize("target", [None, Engine, Connection], ids=["engine", "Engine", "Connection"])
    def test_nor_are_those_heard_that_listened_once(self, database: Database, target: Any) -> None:
        with heard(target or database.engine, "before_cursor_execute"):
            assert listener_detection.on_engine(database.engine)
        assert not listener_detection.on_engine(database.engine)

    def test_listeners_of_the_application_itself_do_not_count(self, database: Database) -> None:
        assert not listener_detection.on_engine(database.engine)


class TestStatements:
    @pytest.mark.parametrize("target", [None, Engine, Connection], ids=["engine", "Engine", "Connection"])
    def test_reads_and_creations_are_heard(self, database: Database, target: Any) -> None:
        with heard(target or database.engine, "before_cursor_execute") as calls:
            assert database.reads.value(ONE) == 1
            create(database)
            assert database.task_reads.page(ListQuery((), (Ordering("title"),), 1)).rows
        assert [statement.split()[0] for _, _, statement, *_ in calls] == ["SELECT", "INSERT", "SELECT"]

    def test_with_all_arguments_of_the_manual(self, database: Database) -> None:
        with (
            heard(database.engine, "before_cursor_execute") as before,
            heard(database.engine, "after_cursor_execute") as after,
        ):
            create(database)
        ((connection, cursor, statement, parameters, context, executemany),) = before
        assert isinstance(connection, Connection)
        assert isinstance(cursor, psycopg.Cursor)
        assert statement == context.statement
        assert statement.startswith("INSERT INTO tasks ")
        assert parameters == context.parameters[0]
        assert parameters["title"] == "Buy milk"
        assert context.compiled.statement.is_insert
        assert executemany is False
        assert [*after] == [*before]

    def test_with_the_expression_and_its_values(self, database: Database) -> None:
        with heard(database.engine, "before_execute") as before, heard(database.engine, "after_execute") as after:
            task = a_task()
            create(database)
            with pytest.raises(Error):
                database.task_reads.get(task.id)
        assert [clause.is_select for _, clause, *_ in before] == [False, True]
        assert before[1][3] == {"of": task.id}
        assert [clause for _, clause, *_ in after] == [clause for _, clause, *_ in before]

    def test_a_comment_that_a_listener_adds_is_sent(self, database: Database) -> None:
        def comment(_conn: object, _cursor: object, statement: str, parameters: object, *_: object) -> tuple[Any, Any]:
            return f"{statement} /* route='/v1/tasks' */", parameters

        event.listen(database.engine, "before_cursor_execute", comment, retval=True)
        with sent_by(database.engine) as sent:
            assert database.reads.value(ONE) == 1
            create(database)
        event.remove(database.engine, "before_cursor_execute", comment)
        assert [each.endswith("/* route='/v1/tasks' */") for each in sent] == [True, True, False]

    def test_another_expression_is_sent_in_its_place(self, database: Database) -> None:
        def replace(_conn: object, _clause: object, multiparams: object, params: object, _: object) -> tuple[Any, ...]:
            return select(literal(2)), multiparams, params

        event.listen(database.engine, "before_execute", replace, retval=True)
        assert database.reads.value(ONE) == 2
        event.remove(database.engine, "before_execute", replace)

    def test_a_read_stays_one_statement(self, database: Database) -> None:
        with heard(database.engine, "before_cursor_execute"), sent_by(database.engine) as sent:
            assert database.reads.value(ONE) == 1
        assert sent == [ONE.text]

    def test_a_count_that_is_limited_is_heard_with_its_limit(self, database: Database) -> None:
        for title in "12":
            create(database, title)
        with heard(database.engine, "before_cursor_execute") as calls:
            assert database.task_reads.page(ListQuery((OF_ALICE,), (Ordering("title"),), 1)).total_size == 2
        words = [statement.split()[0] for _, _, statement, *_ in calls]
        assert words == ["SELECT", "BEGIN;", "SELECT", "COMMIT"]

    def test_a_replacement_of_do_execute_is_called(self, database: Database) -> None:
        with heard(database.engine, "do_execute") as calls:
            assert database.reads.value(ONE) == 1
        assert [statement for _, statement, *_ in calls] == [ONE.text]

    def test_a_listener_that_comes_within_a_unit_hears_the_rest_of_it(self, database: Database) -> None:
        with database.unit_of_work() as unit:
            unit.tasks.add(a_task("1"))
            with heard(database.engine, "before_cursor_execute") as calls, heard(database.engine, "commit") as commits:
                unit.tasks.add(a_task("2"))
                unit.commit()
        assert (len(calls), len(commits)) == (1, 1)
        assert database.task_reads.page(ListQuery((), (Ordering("title"),), 5)).total_size == 2

    def test_a_listener_of_one_connection_receives_its_statements(self, database: Database) -> None:
        with database.unit_of_work() as unit, heard(db.session.connection(), "before_cursor_execute") as calls:
            unit.tasks.add(a_task())
            unit.commit()
        assert len(calls) == 1

    def test_options_of_the_engine_are_followed(self, make_application: Callable[..., Flask]) -> None:
        application = make_application()
        with application.app_context():
            db.engine.update_execution_options(schema_translate_map={None: "no_such_schema"})
            with pytest.raises(Error) as caught:
                application.extensions["app-services"].tasks.get(a_task().id, by=None)
        assert isinstance(caught.value.__cause__, psycopg.errors.UndefinedTable)


class TestTransactions:
    def test_a_creation_is_begun_and_committed(self, database: Database) -> None:
        with (
            heard(database.engine, "begin") as begun,
            heard(database.engine, "commit") as committed,
            heard(database.engine, "rollback") as undone,
        ):
            create(database)
        assert (len(begun), len(committed), len(undone)) == (1, 1, 0)

    def test_an_uncommitted_unit_is_rolled_back(self, database: Database) -> None:
        with heard(database.engine, "rollback") as undone, heard(database.engine, "commit") as committed:
            with database.unit_of_work() as unit:
                unit.tasks.add(a_task())
            assert (len(undone), len(committed)) == (1, 0)

    def test_a_connection_is_checked_out_once_and_comes_back(self, database: Database) -> None:
        for listening in (False, True):
            with (
                heard(database.engine, "checkout") as out,
                heard(database.engine, "checkin") as back,
                heard(database.engine, "begin") if listening else heard(database.engine, "engine_disposed"),
            ):
                assert database.reads.value(ONE) == 1
                create(database, f"{listening}")
            assert (len(out), len(back)) == (2, 2)

    @pytest.mark.parametrize("target", [None, Session], ids=["db.session", "Session"])
    def test_the_session_s_listeners_hear_each_unit(self, database: Database, target: Any) -> None:
        with (
            heard(target or db.session, "after_begin") as begun,
            heard(target or db.session, "before_commit") as before,
            heard(target or db.session, "after_commit") as committed,
        ):
            create(database)
        assert (len(begun), len(before), len(committed)) == (1, 1, 1)


class TestErrors:
    def test_they_are_heard_and_translated(self, database: Database) -> None:
        create(database)
        with heard(database.engine, "handle_error") as calls:
            with pytest.raises(TaskTitleTaken):
                create(database)
            with pytest.raises(Error):
                database.reads.value(WRONG)
        contexts: list[ExceptionContext] = [context for (context,) in calls]
        assert [type(each.original_exception).__name__ for each in contexts] == ["UniqueViolation", "UndefinedFunction"]
        assert [(each.statement or "").split()[0] for each in contexts] == ["INSERT", "SELECT"]

    def test_a_listener_raises_another(self, database: Database) -> None:
        def turn(_context: ExceptionContext) -> None:
            raise LookupError

        event.listen(database.engine, "handle_error", turn)
        with pytest.raises(LookupError):
            database.reads.value(WRONG)
        event.remove(database.engine, "handle_error", turn)

    def test_a_connection_that_died_is_forgiven_all_the_same(
        self, database: Database, other_session: Connection
    ) -> None:
        with heard(database.engine, "handle_error") as calls:
            dead = database.backend()
            other_session.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": dead})
            assert database.backend() != dead
        assert [context.is_disconnect for (context,) in calls] == [True]

    def test_a_unit_whose_connection_is_lost_fails_alike(self, database: Database, other_session: Connection) -> None:
        backend = CompiledStatement(select(func.pg_backend_pid()))
        with heard(database.engine, "begin"), database.unit_of_work() as unit:
            dead = unit.transaction.use(lambda line: line.value(backend))
            other_session.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": dead})
            with pytest.raises(Error) as caught:
                unit.tasks.add(a_task())
        assert caught.value.facts["disconnected"]
        assert database.backend() != dead


class TestEcho:
    @pytest.fixture
    def logged(self, caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
        """Return the first words of the engine's log messages."""
        return lambda: [
            record.message.split()[0] for record in caplog.records if record.name == "sqlalchemy.engine.Engine"
        ]

    def test_echo_logs_every_statement(self, database: Database, logged: Callable[[], list[str]]) -> None:
        database.engine.echo = True
        assert database.reads.value(ONE) == 1
        create(database)
        database.engine.echo = False
        assert database.reads.value(ONE) == 1
        assert [word for word in logged() if word.isupper()] == [
            "BEGIN",
            "SELECT",
            "ROLLBACK",
            "BEGIN",
            "INSERT",
            "COMMIT",
        ]

    def test_so_does_the_logger_by_its_level(
        self, database: Database, caplog: pytest.LogCaptureFixture, logged: Callable[[], list[str]]
    ) -> None:
        with caplog.at_level(logging.INFO, "sqlalchemy.engine"):
            assert database.reads.value(ONE) == 1
        assert "SELECT" in logged()
        assert not listener_detection.on_engine(database.engine)


class TestSettings:
    """Settings of Flask-SQLAlchemy, on an application that already exists."""

    def recorded(self, client: FlaskClient, headers: Mapping[str, str], path: str = "/v1/tasks") -> list[str]:
        """Return the first words of the queries that were recorded for a request."""
        with client:
            assert client.get(path, headers=headers).status_code == 200
            return [each.statement.split()[0] for each in get_recorded_queries() if each.statement]

    def test_queries_are_recorded(self, make_application: Callable[..., Flask], bearer: Callable[..., Any]) -> None:
        application = make_application()
        application.config["SQLALCHEMY_RECORD_QUERIES"] = True
        with application.app_context():
            assert db.session.scalar(select(literal(1))) == 1
            (query,) = get_recorded_queries()
            assert query.statement == "SELECT %(param_1)s::INTEGER AS anon_1"
            assert query.parameters == [{"param_1": 1}]
            assert query.duration > 0
        assert self.recorded(application.test_client(), bearer()) == ["SELECT"]

    def test_they_are_not_without(self, make_application: Callable[..., Flask], bearer: Callable[..., Any]) -> None:
        assert self.recorded(make_application().test_client(), bearer()) == []

    def test_echo_is_switched_on_and_off(self, make_application: Callable[..., Flask]) -> None:
        application = make_application()
        with application.app_context():
            application.config["SQLALCHEMY_ECHO"] = True
            assert db.engine.logger.isEnabledFor(logging.INFO)
            application.config["SQLALCHEMY_ECHO"] = False
            assert not db.engine.logger.isEnabledFor(logging.INFO)
            application.config["SQLALCHEMY_RECORD_QUERIES"] = True
            assert listener_detection.on_engine(db.engine)
            application.config["SQLALCHEMY_RECORD_QUERIES"] = False
            assert not listener_detection.on_engine(db.engine)

    def test_late_settings_are_rejected(self, make_application: Callable[..., Flask]) -> None:
        application = make_application()
        with application.app_context():
            application.config["SQLALCHEMY_BINDS"]["other"] = "sqlite://"
            with pytest.raises(RuntimeError, match="SQLALCHEMY_BINDS"):
                assert db.engine
            del application.config["SQLALCHEMY_BINDS"]["other"]
