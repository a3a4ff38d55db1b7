"""Reads: one statement in autocommit, a dead connection forgiven once, never two connections for one request."""

import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest
from sqlalchemy import Connection, text

from app.errs.platform import ServiceUnavailable
from app.models.query import ListQuery, Ordering
from tests.integration.conftest import Database
from tests.integration.task_collections import a_task

MakeDatabase = Callable[..., Database]
TERMINATE = text("SELECT pg_terminate_backend(:pid, 5000)")


def one(connection: Connection) -> object:
    """Return 1."""
    return connection.execute(text("SELECT 1")).scalar_one()


def slow(connection: Connection) -> object:
    """Return after ten seconds."""
    return connection.execute(text("SELECT pg_sleep(10)")).scalar_one()


def statement_timeout(connection: Connection) -> object:
    """Return the timeout in force."""
    return connection.execute(text("SHOW statement_timeout")).scalar_one()


class TestRun:
    def test_ok(self, database: Database, statements: list[str]) -> None:
        assert database.reads.run(one) == 1
        assert statements == ["SELECT 1"]

    def test_a_connection_that_died_between_two_reads_is_not_noticed(
        self, database: Database, stranger: Connection
    ) -> None:
        dead = database.backend()
        stranger.execute(TERMINATE, {"pid": dead})
        assert database.backend() != dead

    def test_nor_is_it_when_all_of_them_died(self, database: Database, stranger: Connection) -> None:
        with ExitStack() as stack:
            held = [stack.enter_context(database.engine.connect()) for _ in range(4)]
            dead = [connection.execute(text("SELECT pg_backend_pid()")).scalar_one() for connection in held]
        for backend in dead:
            stranger.execute(TERMINATE, {"pid": backend})
        assert {database.backend() for _ in range(4)}.isdisjoint(dead)

    def test_it_is_forgiven_once_only(self, database: Database) -> None:
        called = []

        def suicidal(connection: Connection) -> None:
            called.append(connection)
            connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

        with pytest.raises(ServiceUnavailable):
            database.reads.run(suicidal)
        assert len(called) == 2
        assert database.reads.run(one) == 1

    def test_what_failed_otherwise_is_not_tried_again(self, database: Database) -> None:
        called = []

        def too_slow(connection: Connection) -> None:
            called.append(connection)
            connection.execute(text("SET statement_timeout = 10"))
            try:
                slow(connection)
            finally:
                connection.execute(text("RESET statement_timeout"))

        with pytest.raises(ServiceUnavailable):
            database.reads.run(too_slow)
        assert len(called) == 1


class TestInsideAUnit:
    def test_a_read_sees_what_the_unit_did_so_far(self, database: Database) -> None:
        task = a_task()
        with database.unit_of_work() as unit:
            unit.tasks.add(task)
            assert database.task_reads.get(task.id).title == "Buy milk"

    def test_one_connection_is_enough(self, make_database_of: MakeDatabase) -> None:
        database = make_database_of(database_pool_size=1)
        began = time.monotonic()
        with database.unit_of_work() as unit:
            unit.tasks.add_all([a_task(title) for title in "abc"])
            assert database.reads.run(one) == 1
            page = database.task_reads.page(ListQuery((), (Ordering("title"),), 2))
            assert (page.total_size, len(page.rows)) == (3, 2)
            assert database.reads.within(20, slow) is None
            unit.commit()
        assert database.task_reads.page(ListQuery((), (Ordering("title"),), 2)).total_size == 3
        assert time.monotonic() - began < 0.9

    def test_a_dead_connection_is_not_forgiven_for_half_the_work_is_lost(
        self, database: Database, stranger: Connection
    ) -> None:
        with database.unit_of_work() as unit:
            unit.tasks.add(a_task())
            stranger.execute(TERMINATE, {"pid": database.backend()})
            with pytest.raises(ServiceUnavailable):
                database.reads.run(one)
        assert database.reads.run(one) == 1


class TestWithin:
    def test_ok(self, database: Database) -> None:
        assert database.reads.within(1000, one) == 1

    def test_what_takes_longer_is_given_up(self, database: Database) -> None:
        began = time.monotonic()
        assert database.reads.within(50, slow) is None
        assert time.monotonic() - began < 0.5

    def test_the_timeout_ends_with_it(self, make_database_of: MakeDatabase) -> None:
        database = make_database_of(database_pool_size=1)
        usual = database.reads.run(statement_timeout)
        assert database.reads.within(50, statement_timeout) == "50ms"
        assert database.reads.run(statement_timeout) == usual
        with database.unit_of_work() as unit:
            unit.tasks.add(a_task())
            assert database.reads.within(60, statement_timeout) == "60ms"
            assert database.reads.run(statement_timeout) == usual

    def test_another_error_is_told(self, database: Database, stranger: Connection) -> None:
        stranger.execute(text("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE"))

        def locked(connection: Connection) -> None:
            connection.execute(text("SET LOCAL lock_timeout = 10"))
            connection.execute(text("SELECT 1 FROM tasks"))

        with pytest.raises(ServiceUnavailable) as caught:
            database.reads.within(5000, locked)
        assert caught.value.sqlstate == "55P03"
