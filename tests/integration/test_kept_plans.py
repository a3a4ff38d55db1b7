"""Prepared statements stay prepared: neither a count nor an uncommitted transaction drops them."""

from functools import partial

import pytest
from sqlalchemy import func, literal, select, text

from app.errs.platform import ServiceUnavailable
from app.models.query import ListQuery, Ordering
from app.repositories.compiled_statement import CompiledStatement, ReadConnection
from app.repositories.pool import BoundedPool
from tests.integration.conftest import Database
from tests.integration.task_collections import a_task

PREPARED = 8
"""Repetitions after which psycopg has prepared a statement."""
ONE = CompiledStatement(select(literal(1)))
SLOW = CompiledStatement(select(func.pg_sleep(10)))
NAMES = text("SELECT name FROM pg_prepared_statements ORDER BY prepare_time")
QUERY = ListQuery((), (Ordering("title"),), 2)


@pytest.fixture
def prepared(database: Database) -> set[str]:
    """Return the names of the statements that are prepared on the one connection in use, which is a new one.

    Other tests leave several connections, and some on which nothing is prepared.
    """
    database.engine.dispose()
    for _ in range(PREPARED):
        database.reads.value(ONE)
        database.task_reads.page(QUERY)
    found = names(database)
    assert len(found) >= 2
    return found


def names(database: Database) -> set[str]:
    """Return the names of the prepared statements."""
    with database.engine.connect() as connection:
        return set(connection.scalars(NAMES))


def test_a_count_keeps_it(database: Database, prepared: set[str]) -> None:
    for _ in range(3):
        assert database.task_reads.page(QUERY).total_size == 0
    assert names(database) >= prepared


def test_a_count_within_a_unit_keeps_it(database: Database, prepared: set[str]) -> None:
    with database.unit_of_work() as unit:
        unit.tasks.add(a_task())
        assert database.task_reads.page(QUERY).total_size == 1
        unit.commit()
    assert names(database) >= prepared


def test_a_count_that_takes_too_long_keeps_it(database: Database, prepared: set[str]) -> None:
    assert database.reads.run(lambda line: line.all_with_timeout(20, SLOW)) is None
    assert names(database) >= prepared


@pytest.mark.parametrize("is_failed", [False, True])
def test_a_unit_without_a_commit_keeps_it(database: Database, prepared: set[str], is_failed: bool) -> None:
    with database.unit_of_work() as unit:
        unit.tasks.add(a_task("undone"))
        if is_failed:
            with pytest.raises(ServiceUnavailable):
                database.reads.run(lambda line: line.all(SLOW)) if unit.transaction.use(_hurry) else None
    assert names(database) >= prepared
    assert database.task_reads.page(QUERY).total_size == 0, "it is undone all the same"


def _hurry(line: ReadConnection) -> bool:
    line._send("SET LOCAL statement_timeout = 20")
    return True


def _bounded(milliseconds: int, read: CompiledStatement, line: ReadConnection) -> object:
    return line.all_with_timeout(milliseconds, read)


def test_so_does_a_session_that_is_rolled_back(database: Database, prepared: set[str]) -> None:
    with database.engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        connection.rollback()
    assert names(database) >= prepared


def test_the_limit_of_a_count_ends_with_it(database: Database) -> None:
    shown = CompiledStatement(select(func.current_setting("statement_timeout")))
    usual = database.reads.value(shown)
    with database.unit_of_work() as unit:
        unit.tasks.add(a_task())
        for milliseconds, read in ((50, shown), (20, SLOW)):
            database.reads.run(partial(_bounded, milliseconds, read))
            assert database.reads.value(shown) == usual


def test_no_other_connection_has_the_same_names(database: Database) -> None:
    """Behind a pooler the name of one connection would otherwise execute the statement of another."""
    found = list[str]()
    with database.engine.connect() as one, database.engine.connect() as other:
        for connection in (one, other):
            for number in range(3):
                for _ in range(PREPARED):
                    connection.execute(text(f"SELECT {number} WHERE 1 = :one"), {"one": 1})
            found += connection.scalars(NAMES).all()
    assert len(found) >= 6
    assert len(set(found)) == len(found)


def test_a_write_that_finds_no_place_for_its_commit_keeps_it(database: Database, prepared: set[str]) -> None:
    pool = database.engine.pool
    assert isinstance(pool, BoundedPool)
    with database.unit_of_work() as unit:
        unit.tasks.add(a_task("undone"))
        for number in range(pool.writer_limit.most):
            pool.writer_limit.enter(number)
        with pytest.raises(ServiceUnavailable):
            unit.commit()
    for number in range(pool.writer_limit.most):
        pool.writer_limit.leave(number)
    assert names(database) >= prepared
    assert database.task_reads.page(QUERY).total_size == 0, "it is undone all the same"
