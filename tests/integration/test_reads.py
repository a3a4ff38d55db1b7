"""Reads: one statement in autocommit, one retry after a lost connection, never two connections for one request."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from typing import Any, cast

import pytest
from sqlalchemy import Connection, bindparam, func, literal, select, text

from app.errs.platform import DeadlineExceeded, ServiceUnavailable
from app.models.query import ListQuery, Ordering
from app.models.tasks import Status, Task
from app.repositories.compiled_statement import CompiledStatement, ReadConnection
from app.resilience import deadline
from tests.integration.conftest import Database
from tests.integration.task_collections import a_task

MakeDatabase = Callable[..., Database]
TERMINATE = text("SELECT pg_terminate_backend(:pid, 5000)")
SET = CompiledStatement(select(func.set_config(bindparam("name"), bindparam("to"), literal(False))))
ONE = CompiledStatement(select(literal(1)))
SLOW = CompiledStatement(select(func.pg_sleep(10)))
SUICIDAL = CompiledStatement(select(func.pg_terminate_backend(func.pg_backend_pid())))
STATEMENT_TIMEOUT = CompiledStatement(select(func.current_setting("statement_timeout")))
COUNT = CompiledStatement(select(func.count()).select_from(Task))


class TestRun:
    def test_ok(self, database: Database, statements: list[str]) -> None:
        assert database.reads.value(ONE) == 1
        assert statements == [ONE.text]

    def test_a_connection_that_died_between_two_reads_is_not_noticed(
        self, database: Database, other_session: Connection
    ) -> None:
        dead = database.backend()
        other_session.execute(TERMINATE, {"pid": dead})
        assert database.backend() != dead

    def test_nor_is_it_when_all_of_them_died(self, database: Database, other_session: Connection) -> None:
        with ExitStack() as stack:
            held = [stack.enter_context(database.engine.connect()) for _ in range(4)]
            dead = [connection.execute(text("SELECT pg_backend_pid()")).scalar_one() for connection in held]
        for backend in dead:
            other_session.execute(TERMINATE, {"pid": backend})
        assert {database.backend() for _ in range(4)}.isdisjoint(dead)

    def test_it_is_forgiven_once_only(self, database: Database) -> None:
        called = []

        def suicidal(line: ReadConnection) -> None:
            called.append(line)
            line.all(SUICIDAL)

        with pytest.raises(ServiceUnavailable):
            database.reads.run(suicidal)
        assert len(called) == 2
        assert database.reads.value(ONE) == 1

    def test_what_failed_otherwise_is_not_tried_again(self, database: Database) -> None:
        called = []

        def too_slow(line: ReadConnection) -> None:
            called.append(line)
            usual = line.value(STATEMENT_TIMEOUT)
            line.all(SET, name="statement_timeout", to="10")
            try:
                line.all(SLOW)
            finally:
                line.all(SET, name="statement_timeout", to=usual)

        with pytest.raises(ServiceUnavailable):
            database.reads.run(too_slow)
        assert len(called) == 1


class TestInsideAUnit:
    def test_a_read_sees_the_earlier_changes_of_the_unit(self, database: Database) -> None:
        task = a_task()
        with database.unit_of_work() as unit:
            unit.tasks.add(task)
            assert database.task_reads.get(task.id).title == "Buy milk"

    def test_one_connection_is_enough(self, make_database_of: MakeDatabase) -> None:
        """The pool rejects a second one after a second."""
        database = make_database_of(database_pool_size=1)
        with database.unit_of_work() as unit:
            unit.tasks.add_all([a_task(title) for title in "abc"])
            assert database.reads.value(ONE) == 1
            page = database.task_reads.page(ListQuery((), (Ordering("title"),), 2))
            assert (page.total_size, len(page.rows)) == (3, 2)
            assert within(database, 20, SLOW) is None
            unit.commit()
        assert database.task_reads.page(ListQuery((), (Ordering("title"),), 2)).total_size == 3

    def test_a_dead_connection_is_not_forgiven_inside_a_unit(
        self, database: Database, other_session: Connection
    ) -> None:
        with database.unit_of_work() as unit:
            unit.tasks.add(a_task())
            other_session.execute(TERMINATE, {"pid": database.backend()})
            with pytest.raises(ServiceUnavailable):
                database.reads.value(ONE)
        assert database.reads.value(ONE) == 1


def within(database: Database, milliseconds: int, read: CompiledStatement) -> object:
    """Return the only column of the only row, or ``None``, if that took longer."""
    rows = database.reads.run(lambda line: line.all_with_timeout(milliseconds, read))
    return rows and rows[0][0]


class TestWithin:
    def test_ok(self, database: Database) -> None:
        assert within(database, 1000, ONE) == 1

    def test_what_takes_longer_is_given_up(self, database: Database) -> None:
        began = time.monotonic()
        assert within(database, 50, SLOW) is None
        assert time.monotonic() - began < 8, "it takes ten seconds"

    def test_the_timeout_ends_with_it(self, make_database_of: MakeDatabase) -> None:
        database = make_database_of(database_pool_size=1)
        usual = database.reads.value(STATEMENT_TIMEOUT)
        assert within(database, 50, STATEMENT_TIMEOUT) == "50ms"
        assert database.reads.value(STATEMENT_TIMEOUT) == usual
        with database.unit_of_work() as unit:
            unit.tasks.add(a_task())
            assert within(database, 60, STATEMENT_TIMEOUT) == "60ms"
            assert database.reads.value(STATEMENT_TIMEOUT) == usual

    def test_a_unit_goes_on_after_what_took_longer(self, database: Database) -> None:
        with database.unit_of_work() as unit:
            unit.tasks.add(a_task())
            assert within(database, 10, SLOW) is None
            unit.commit()
        assert database.reads.value(COUNT) == 1

    def test_a_deadline_that_passes_meanwhile_is_an_error(self, database: Database) -> None:
        with deadline.within(timedelta(milliseconds=100)), pytest.raises(DeadlineExceeded):
            within(database, 5000, SLOW)
        assert database.reads.value(ONE) == 1

    def test_another_error_is_raised(self, database: Database, other_session: Connection) -> None:
        other_session.execute(text("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE"))

        def locked(line: ReadConnection) -> None:
            line.all(SET, name="lock_timeout", to="10")
            try:
                line.all_with_timeout(5000, COUNT)
            finally:
                line.all(SET, name="lock_timeout", to="2s")

        with pytest.raises(ServiceUnavailable) as caught:
            database.reads.run(locked)
        assert caught.value.sqlstate == "55P03"


class TestRows:
    def test_a_member_has_its_python_type_and_a_position_the_driver_value(self, database: Database) -> None:
        with database.unit_of_work() as unit:
            unit.tasks.add(a_task())
            unit.commit()
        (row,) = database.task_reads.page(ListQuery((), (Ordering("title"),), 2)).rows
        at = cast("Any", row)._fields.index("status")
        assert (cast("Any", row).status, cast("Any", row)[at]) == (Status.PENDING, 1)
        assert isinstance(cast("Any", row).status, Status)

    def test_a_text_that_depends_on_its_values_is_rejected(self) -> None:
        with pytest.raises(TypeError):
            CompiledStatement(select(Task.id).where(Task.title.in_(["a", "b"])))
