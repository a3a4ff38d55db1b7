"""Compiled statements on libpq: the same statements as on a cursor of psycopg, in fewer messages."""

import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, cast

import psycopg
import pytest
from psycopg.pq import Format, PipelineStatus, Trace, TransactionStatus
from sqlalchemy import Connection, Double, Engine, Integer, Text, bindparam, func, literal, literal_column, select, text
from sqlalchemy.pool import PoolProxiedConnection

from app.errs import Error
from app.errs.platform import ServiceUnavailable
from app.errs.tasks import TaskTitleTaken
from app.repositories import listener_detection
from app.repositories.compiled_statement import CompiledStatement, ReadConnection
from tests.integration.conftest import Database
from tests.integration.task_collections import a_task
from tests.scrape import growth
from tests.sent_statements import seen

pytestmark = pytest.mark.slow

MakeDatabase = Callable[..., Database]
PREPARED: Final = 8
"""Repetitions after which psycopg has prepared a statement."""
ONE: Final = CompiledStatement(select(literal(1)))
A: Final = bindparam("a", type_=Text)
PERCENT: Final = CompiledStatement(select(literal_column("'100 %'"), A + bindparam("b", type_=Text) + A))
WRONG: Final = CompiledStatement(select(func.no_such_function()))
DYING: Final = CompiledStatement(select(func.pg_terminate_backend(func.pg_backend_pid())))
ISOLATION: Final = CompiledStatement(select(func.current_setting("transaction_isolation")))
TERMINATE: Final = text("SELECT pg_terminate_backend(:pid, 5000)")
DIVIDED: Final = CompiledStatement(select(literal_column("1") / bindparam("by", type_=Integer)))
ECHO: Final = CompiledStatement(select(bindparam("value", type_=Text)))
SLOW: Final = CompiledStatement(select(func.pg_sleep(10)))
SLEEP: Final = CompiledStatement(select(func.pg_sleep(bindparam("seconds", type_=Double))))
WORDS: Final = ["SELECT", "INSERT", *["BEGIN;", "SELECT", "COMMIT"], *["BEGIN;", "SELECT"]]
NAMES: Final = "SELECT name, statement FROM pg_prepared_statements ORDER BY prepare_time"


@pytest.fixture
def database(make_database_of: MakeDatabase) -> Database:
    """Return a database with one connection."""
    return make_database_of(database_pool_size=1)


@contextmanager
def raw(engine: Engine) -> Iterator["psycopg.Connection[Any]"]:
    """Return the only connection of the pool, as psycopg has it."""
    connection: PoolProxiedConnection = engine.raw_connection()
    try:
        yield cast("psycopg.Connection[Any]", connection.driver_connection)
    finally:
        connection.close()


@contextmanager
def preparing_after(database: Database, threshold: int | None) -> Iterator["psycopg.Connection[Any]"]:
    """Prepare statements after this number of repetitions."""
    with raw(database.engine) as connection:
        usual, connection.prepare_threshold = connection.prepare_threshold, threshold
    yield connection
    connection.prepare_threshold = usual


def names(database: Database) -> dict[str, str]:
    """Return the prepared statements of the only connection by name."""
    with raw(database.engine) as connection:
        connection.autocommit = True
        found = names_of(connection)
        connection.autocommit = False
    return found


@contextmanager
def messages(database: Database) -> Iterator["Counter[str]"]:
    """Count the messages of the only connection by direction and type."""
    counted: Counter[str] = Counter()
    with tempfile.TemporaryFile("w+") as file:
        with raw(database.engine) as connection:
            connection.pgconn.trace(file.fileno())
            connection.pgconn.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS)
        yield counted
        with raw(database.engine) as connection:
            connection.pgconn.untrace()
        file.seek(0)
        counted.update("\t".join(line.split("\t")[::2][:2]) for line in file)


class TestMessages:
    def test_a_read_is_one_round_trip_without_a_transaction(self, database: Database) -> None:
        for _ in range(PREPARED):
            database.reads.value(ONE)
        with messages(database) as sent:
            database.reads.value(ONE)
        assert sent["B\tReadyForQuery"] == 1
        assert sent["F\tBind"] == 1
        assert not sent["F\tParse"] + sent["F\tQuery"]

    def test_a_unit_of_work_begins_with_its_first_statement(self, database: Database) -> None:
        for number in range(PREPARED):
            create(database, str(number))
        with messages(database) as sent:
            create(database)
        assert sent["B\tReadyForQuery"] == 2
        assert sent["F\tBind"] == 2
        assert sent["F\tQuery"] == 1, "the COMMIT"
        assert not sent["F\tParse"]

    def test_a_statement_with_a_timeout_is_one_round_trip(self, database: Database) -> None:
        def count() -> object:
            return database.reads.run(lambda connection: connection.all_with_timeout(50, ONE))

        for _ in range(PREPARED):
            count()
        with messages(database) as sent:
            assert count() == [(1,)]
        assert sent["B\tReadyForQuery"] == 1
        assert sent["F\tBind"] == 2

    def test_a_value_can_be_larger_than_the_buffers_of_the_socket(self, database: Database) -> None:
        large = "x" * 20_000_000
        with database.unit_of_work() as unit:
            assert unit.transaction.use(lambda line: line.value(ECHO, value=large)) == large
        assert database.reads.value(ECHO, value=large) == large

    def test_it_is_one_round_trip_when_it_is_prepared_too(self, database: Database) -> None:
        for _ in range(5):
            database.reads.value(ONE)
        with messages(database) as sent:
            database.reads.value(ONE)
        assert (sent["F\tParse"], sent["F\tBind"], sent["B\tReadyForQuery"]) == (1, 1, 1)


def create(database: Database, title: str = "Buy milk") -> None:
    """Add a task."""
    with database.unit_of_work() as unit:
        unit.tasks.add(a_task(title))
        unit.commit()


class TestPrepared:
    def test_a_cursor_of_psycopg_uses_the_same_statement(self, database: Database) -> None:
        values = {"a": "a", "b": "b"}
        for _ in range(PREPARED):
            assert database.reads.first(PERCENT, **values) == ("100 %", "aba")
        found = names(database)
        assert [*found.values()] == ["SELECT '100 %', $1::VARCHAR || $2::VARCHAR || $1::VARCHAR AS anon_1"]
        with raw(database.engine) as connection:
            connection.execute(PERCENT.text, PERCENT.parameters(values), binary=True)
            connection.rollback()
            assert psycopg_names(connection) == []
        assert names(database) == {}

    def test_statements_that_psycopg_drops_are_prepared_again(self, database: Database) -> None:
        for _ in range(PREPARED):
            database.reads.value(ONE)
        before = names(database)
        with raw(database.engine) as connection:
            connection.execute("SELECT 1")
            connection.execute("ROLLBACK")
        assert not names(database)
        with growth("db_retries_total") as retries:
            for _ in range(PREPARED):
                assert database.reads.value(ONE) == 1
        assert retries.by == 0
        assert before.keys().isdisjoint(names(database))

    def test_the_oldest_are_dropped(self, database: Database) -> None:
        with preparing_after(database, 0):
            for number in range(150):
                read = CompiledStatement(select(literal_column(str(number))))
                assert database.reads.value(read) == number
            assert 100 <= len(names(database)) <= 101

    def test_a_statement_that_always_fails_is_prepared_once(self, database: Database) -> None:
        for number in range(5):
            create(database, "Buy milk" if number == 0 else str(number))
            assert database.reads.value(DIVIDED, by=1) == 1
        for _ in range(5 * PREPARED):
            with pytest.raises(TaskTitleTaken):
                create(database)
            with pytest.raises(Error):
                database.reads.value(DIVIDED, by=0)
        found = Counter(names(database).values())
        assert {statement.split()[0] for statement in found} >= {"BEGIN", "INSERT", "SELECT"}
        assert set(found.values()) == {1}

    def test_a_connection_can_stop_preparing(self, database: Database) -> None:
        with preparing_after(database, None):
            for number in range(PREPARED):
                assert database.reads.value(ONE) == 1
                create(database, str(number))
            assert not names(database)


def psycopg_names(connection: "psycopg.Connection[Any]") -> list[str]:
    return [name for name, _ in connection.execute(NAMES, prepare=False).fetchall()]


class TestAhead:
    """A statement and the probable next one, in one round trip."""

    @pytest.fixture(autouse=True)
    def prepared(self, database: Database) -> Iterator[None]:
        with preparing_after(database, 0):
            for _ in range(2):
                for read in (ONE, DIVIDED):
                    database.reads.run(partial(with_next, following=read, by=1))
            yield

    def test_both_are_one_round_trip(self, database: Database) -> None:
        with messages(database) as sent:
            assert database.reads.run(partial(with_next, following=ONE, by=1)) == ([(1,)], [(1,)])
        assert sent["B\tReadyForQuery"] == 1
        assert sent["F\tBind"] == 3, "the limit is the third one"
        assert not sent["F\tParse"]

    def test_a_tool_sees_both(self, database: Database) -> None:
        read: list[str] = []
        with seen(database.engine, lambda statement, _: read.append(statement)):
            database.reads.run(partial(with_next, following=ONE, by=1))
        assert read == [DIVIDED.text, ONE.text]

    @pytest.mark.parametrize(("milliseconds", "by"), [(60, 1), (50, 2)])
    def test_the_next_one_is_sent_again_with_another_limit_or_value(
        self, database: Database, milliseconds: int, by: int
    ) -> None:
        def work(line: ReadConnection) -> object:
            line.all_before(50, DIVIDED, ONE, by=1)
            return line.all_with_timeout(milliseconds, DIVIDED, by=by)

        for _ in range(2):
            database.reads.run(work)
        with messages(database) as sent:
            assert database.reads.run(work) == [(1 / by,)]
        assert sent["B\tReadyForQuery"] == 2

    def test_a_replaced_one_is_executed(self, database: Database) -> None:
        with seen(database.engine, lambda statement, _: "SELECT 7" if statement == ONE.text else None):
            assert database.reads.run(partial(with_next, following=ONE, by=1)) == ([(1,)], [(7,)])

    def test_its_limit_does_not_affect_the_first_one(self, database: Database) -> None:
        def work(line: ReadConnection, *, seconds: float) -> tuple[object, object]:
            rows = line.all_before(20, SLEEP, ONE, seconds=seconds)
            return rows, line.all_with_timeout(20, SLEEP, seconds=seconds)

        for _ in range(2):
            database.reads.run(partial(work, seconds=0.0))
        with messages(database) as sent:
            assert database.reads.run(partial(work, seconds=10.0)) == ([(1,)], None)
        assert sent["B\tReadyForQuery"] == 1
        shown = CompiledStatement(select(func.current_setting("statement_timeout")))
        assert database.reads.value(shown) != "20ms"

    @pytest.mark.parametrize("is_first", [True, False])
    def test_an_error_of_either_fails_the_read_only(self, database: Database, is_first: bool) -> None:
        work = partial(with_next, following=ONE if is_first else DIVIDED, by=0)
        with pytest.raises(Error) as caught:
            database.reads.run(work if is_first else lambda line: (line.all(ONE), before_division(line)))
        assert caught.value.facts["sqlstate"] == "22012"
        assert database.reads.run(partial(with_next, following=ONE, by=1)) == ([(1,)], [(1,)])

    def test_a_stale_plan_of_the_next_one_is_repeated(self, database: Database) -> None:
        with raw(database.engine) as connection:
            connection.autocommit = True
            name = next(key for key, text in names_of(connection).items() if text == ONE.numbered.query.decode())
            connection.pgconn.exec_(f'DEALLOCATE "{name}"'.encode())
            connection.autocommit = False
        with growth("db_retries_total") as retries:
            assert database.reads.run(partial(with_next, following=ONE, by=1)) == ([(1,)], [(1,)])
        assert retries.by == 1

    def test_a_backend_that_ends_in_the_next_one_is_a_lost_connection(self, make_database_of: MakeDatabase) -> None:
        database = make_database_of(database_pool_size=4)
        with pytest.raises(ServiceUnavailable) as caught:
            database.reads.run(lambda line: (line.all_before(5000, DYING, ONE), line.all_with_timeout(5000, DYING)))
        assert caught.value.facts["disconnected"]
        assert database.reads.value(ONE) == 1


def with_next(line: ReadConnection, *, following: CompiledStatement, by: int) -> tuple[object, object]:
    """Divide by a number, and execute the following statement, which is sent together with that."""
    return line.all_before(50, following, DIVIDED, by=by), line.all_with_timeout(50, following, by=by)


def before_division(line: ReadConnection) -> object:
    """Divide by 0, sent together with the statement before."""
    return line.all_before(50, DIVIDED, ONE, by=0), line.all_with_timeout(50, DIVIDED, by=0)


def names_of(connection: "psycopg.Connection[Any]") -> dict[str, str]:
    return dict(connection.execute(NAMES, prepare=False).fetchall())


class TestFailures:
    @pytest.mark.parametrize("threshold", [0, 5])
    def test_an_error_in_a_pipeline_fails_the_unit_only(self, database: Database, threshold: int) -> None:
        with preparing_after(database, threshold) as connection, database.unit_of_work() as unit:
            with pytest.raises(Error) as caught:
                unit.transaction.use(lambda line: line.all(WRONG))
            assert caught.value.facts["sqlstate"] == "42883"
            assert connection.pgconn.transaction_status == TransactionStatus.INERROR
            assert connection.pgconn.pipeline_status == PipelineStatus.OFF
            with pytest.raises(Error) as caught:
                unit.transaction.use(lambda line: line.all(ONE))
            assert caught.value.facts["sqlstate"] == "25P02"
        assert database.reads.value(ONE) == 1

    @pytest.mark.parametrize("is_first_of_a_unit", [True, False])
    def test_a_backend_that_ends_inside_a_pipeline_is_a_lost_connection(
        self, make_database_of: MakeDatabase, is_first_of_a_unit: bool
    ) -> None:
        database = make_database_of(database_pool_size=4)
        work = first_of_a_unit if is_first_of_a_unit else with_a_timeout
        with pytest.raises(ServiceUnavailable) as caught:
            work(database)
        assert caught.value.facts["disconnected"]
        assert database.reads.value(ONE) == 1

    def test_so_is_one_that_has_ended_before(self, database: Database, other_session: Connection) -> None:
        other_session.execute(TERMINATE, {"pid": database.backend()})
        with pytest.raises(ServiceUnavailable) as caught:
            create(database)
        assert (caught.value.facts["disconnected"], caught.value.facts["is_undone"]) == (True, True)
        create(database)

    def test_a_statement_that_a_test_replaces_is_executed(self, database: Database) -> None:
        replaced: list[object] = []

        def replace(statement: str, parameters: Any) -> str | None:
            replaced.append(parameters)
            return statement.replace("a title", "another") if "title" in statement else "SELECT 7"

        with seen(database.engine, replace):
            assert database.reads.value(ONE) == 7
            assert database.reads.run(lambda line: line.all_with_timeout(50, ONE)) == [(7,)]
        assert len(replaced) == 2


def first_of_a_unit(database: Database) -> None:
    """End the backend of a unit's first statement."""
    with database.unit_of_work() as unit:
        unit.transaction.use(lambda line: line.all(DYING))


def with_a_timeout(database: Database) -> None:
    """End the backend of a statement with a timeout."""
    database.reads.run(lambda line: line.all_with_timeout(5000, DYING))


class TestReplacedDriver:
    """Instrumentation that replaces parts of psycopg gets all statements."""

    @pytest.mark.parametrize("way", ["cursor_factory", "Cursor.execute", "connection", "libpq 13"])
    def test_its_cursors_execute_every_statement(
        self, database: Database, way: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        executed: list[object] = []

        def execute(cursor: Any, query: Any, *arguments: Any, **options: Any) -> Any:
            executed.append(query)
            return plain(cursor, query, *arguments, **options)

        def cursor(connection: Any, *, row_factory: Any = None, binary: bool = False) -> Any:
            made = traced(connection, row_factory=row_factory or connection.row_factory)
            made.format = Format.BINARY if binary else Format.TEXT
            return made

        plain, traced = psycopg.Cursor.execute, type("Traced", (psycopg.Cursor,), {"execute": execute})
        proxy = type("Proxy", (psycopg.Connection,), {"cursor": cursor})
        with raw(database.engine) as connection:
            if way == "libpq 13":
                monkeypatch.setattr(listener_detection, "HAS_PIPELINES", False)
            if way in ("Cursor.execute", "libpq 13"):
                monkeypatch.setattr(psycopg.Cursor, "execute", execute)
            elif way == "cursor_factory":
                monkeypatch.setattr(connection, "cursor_factory", traced)
            else:
                monkeypatch.setattr(connection, "__class__", proxy)
        assert database.reads.value(ONE) == 1
        create(database)
        assert database.reads.run(lambda line: line.all_with_timeout(50, ONE)) == [(1,)]
        assert database.reads.run(lambda line: line.all_with_timeout(50, SLOW)) is None
        assert [str(each).split()[0] for each in executed] == WORDS


class TestTransactions:
    def test_the_isolation_level_of_the_connection_holds(self, database: Database) -> None:
        with raw(database.engine) as connection:
            connection.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
        with database.unit_of_work() as unit:
            assert unit.transaction.use(lambda line: line.value(ISOLATION)) == "serializable"


@pytest.mark.parametrize("is_wrapped", [False, True])
def test_a_cursor_that_was_wrapped_before_the_import_is_noticed(is_wrapped: bool) -> None:
    """Automatic instrumentation replaces methods before the application is imported."""
    wrap = (
        "execute = psycopg.Cursor.execute\n"
        "psycopg.Cursor.execute = functools.wraps(execute)(lambda *args, **kwargs: execute(*args, **kwargs))\n"
    )
    program = (
        "import functools, psycopg\n"
        + wrap * is_wrapped
        + ("from app.repositories import listener_detection\nprint(listener_detection.IS_WRAPPED)")
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(is_wrapped)
