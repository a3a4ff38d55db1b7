"""Translation of errors that PostgreSQL and its driver really report, provoked one by one."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import Connection, Engine, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, ProgrammingError

from app.errs import E, Error, Kind, match
from app.errs.platform import DeadlineExceeded, InsufficientStorage, ServiceUnavailable
from app.errs.tasks import TaskTitleTaken
from app.repositories import engine as engines
from app.repositories import error_translation
from app.repositories.error_translation import of, translated, translating
from app.resilience.deadline import Deadline, current, within
from tests.integration.conftest import Database

pytestmark = [pytest.mark.usefixtures("by_repositories"), pytest.mark.slow]
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
INSERT = text(
    "INSERT INTO tasks (id, title, status, priority, create_time, update_time, created_by, tags, version) "
    "VALUES (:id, :title, 1, 1, now(), now(), 'alice', '{}', 1)"
)


def insert(connection: Connection, title: object = "Buy milk", task_id: object = None) -> None:
    """Insert a task by SQL."""
    connection.execute(INSERT, {"id": task_id or uuid4(), "title": title})


def ended(database: Database, *statements: str | Callable[[Connection], object]) -> Error:
    """Return the error of the last of these statements, in one transaction."""
    *first, last = [(lambda c, s=each: c.execute(text(s))) if isinstance(each, str) else each for each in statements]
    with database.engine.connect() as connection:
        for each in first:
            each(connection)
        with pytest.raises(Error) as caught:
            last(connection)
    return caught.value


def translated_error(error: DBAPIError) -> Error:
    """Return the error of the catalogue for an error of SQLAlchemy."""
    found = of(error)
    assert found is not None
    return found


class TestSessionsOfOthers:
    """Outside of repositories, SQLAlchemy raises its own errors, which can be translated afterwards."""

    @pytest.fixture
    def by_repositories(self) -> None:
        """Use the engine without a repository."""

    def test_a_violation(self, database: Database) -> None:
        with database.engine.connect() as connection:
            insert(connection)
            with pytest.raises(IntegrityError) as caught:
                insert(connection)
        error = translated_error(caught.value)
        assert match(TaskTitleTaken(param="title"), error)
        assert isinstance(error.__cause__, psycopg.errors.UniqueViolation)

    def test_a_connection_that_is_lost(self, database: Database, other_session: Connection) -> None:
        with database.engine.connect() as connection:
            backend = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
            other_session.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": backend})
            with pytest.raises(OperationalError) as caught:
                connection.execute(text("SELECT 1"))
        assert match(ServiceUnavailable(retry_after=1, disconnected=True), translated_error(caught.value))

    def test_a_database_that_is_away(self) -> None:
        away = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/nothing")
        error_translation.install(away)
        with pytest.raises(OperationalError) as caught:
            away.connect()
        assert match(ServiceUnavailable(retry_after=1, disconnected=True), translated_error(caught.value))

    def test_a_mistake(self, database: Database) -> None:
        with database.engine.connect() as connection, pytest.raises(ProgrammingError) as caught:
            connection.execute(text("SELECT 1 FROM nowhere"))
        assert match(E(kind=Kind.DATABASE, sqlstate="42P01"), translated_error(caught.value))

    def test_another_driver(self) -> None:
        engine = create_engine("sqlite://", poolclass=NullPool)
        with engine.connect() as connection, pytest.raises(OperationalError) as caught:
            connection.execute(text("SELECT 1 FROM nowhere"))
        assert of(caught.value) is None


class TestIntegrity:
    def test_a_constraint_of_a_model_is_the_error_it_names(self, database: Database) -> None:
        error = ended(database, insert, insert)
        assert match(TaskTitleTaken(param="title"), error)
        assert isinstance(error.__cause__, psycopg.errors.UniqueViolation)

    def test_another_unique_violation_is_an_internal_error(self, database: Database) -> None:
        same = uuid4()
        error = ended(database, lambda c: insert(c, "a", same), lambda c: insert(c, "b", same))
        assert match(E(kind=Kind.DATABASE, sqlstate="23505", constraint="pk_tasks"), error)

    def test_a_check_that_only_the_schema_has_is_an_internal_error(self, database: Database) -> None:
        error = ended(database, lambda c: insert(c, "x" * 201))
        assert match(E(kind=Kind.DATABASE, sqlstate="23514", constraint="ck_tasks_title_length"), error)


class TestData:
    def test_a_nul_character_is_the_client_s(self, database: Database) -> None:
        assert match(E(kind=Kind.VALIDATION), ended(database, lambda c: insert(c, "a\0b")))

    def test_half_of_a_surrogate_pair_is_the_client_s(self, database: Database) -> None:
        assert match(E(kind=Kind.VALIDATION), ended(database, lambda c: insert(c, "a\ud800b")))

    def test_a_number_out_of_range_is_the_client_s(self, database: Database) -> None:
        assert match(E(kind=Kind.VALIDATION, sqlstate="22003"), ended(database, "SELECT 99999::smallint"))

    def test_too_many_parameters_are_a_bug_and_no_lost_connection(self, database: Database) -> None:
        statement = f"SELECT 1 WHERE 1 IN ({', '.join(['%s'] * 65_536)})"
        error = ended(database, lambda c: c.exec_driver_sql(statement, (2,) * 65_536))
        assert match(E(kind=Kind.DATABASE), error)

    def test_a_mistake_in_sql_is_a_bug(self, database: Database) -> None:
        assert match(E(kind=Kind.DATABASE, sqlstate="42601"), ended(database, "SELEC 1"))


class TestCapacity:
    """Errors that a retry may resolve: 503."""

    @staticmethod
    def busy(error: Error, sqlstate: str | None, *, disconnected: bool = False) -> bool:
        """Return True if the error is retryable."""
        expected = ServiceUnavailable(retry_after=1, disconnected=disconnected, sqlstate=sqlstate)
        return match(expected, error) and error.kind.retryable

    def test_a_statement_that_took_too_long(self, database: Database) -> None:
        error = ended(database, "SET LOCAL statement_timeout = 20", "SELECT pg_sleep(5)")
        assert self.busy(error, "57014")

    def test_a_lock_that_was_not_available(self, database: Database, other_session: Connection) -> None:
        other_session.execute(text("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE"))
        assert self.busy(ended(database, "SET LOCAL lock_timeout = 20", "SELECT 1 FROM tasks"), "55P03")

    def test_a_read_only_database(self, database: Database) -> None:
        assert self.busy(ended(database, "SET TRANSACTION READ ONLY", insert), "25006")

    def test_a_serialization_failure(self, database: Database, other_session: Connection) -> None:
        with database.engine.begin() as connection:
            insert(connection)
        isolated = database.engine.execution_options(isolation_level="REPEATABLE READ")
        with isolated.connect() as connection:
            connection.execute(text("SELECT 1 FROM tasks"))
            other_session.execute(text("UPDATE tasks SET version = 2"))
            other_session.commit()
            with pytest.raises(Error) as caught:
                connection.execute(text("UPDATE tasks SET version = 3"))
        assert self.busy(caught.value, "40001")

    def test_a_deadlock(self, database: Database) -> None:
        with database.engine.begin() as connection:
            connection.execute(text("SET LOCAL lock_timeout = 0"))
            for title in ("a", "b"):
                insert(connection, title)
        met = threading.Barrier(2, timeout=5)
        errors: list[Error] = []

        def cross(*titles: str) -> None:
            with translating(), database.engine.connect() as connection:
                try:
                    for title in titles:
                        connection.execute(text("SELECT 1 FROM tasks WHERE title = :t FOR UPDATE"), {"t": title})
                        if title == titles[0]:
                            met.wait()
                except Error as error:
                    errors.append(error)

        threads = [threading.Thread(target=cross, args=titles) for titles in (("a", "b"), ("b", "a"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [self.busy(error, "40P01") for error in errors] == [True]

    def test_a_backend_that_was_ended(self, database: Database, other_session: Connection) -> None:
        with database.engine.connect() as connection:
            backend = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
            other_session.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": backend})
            with pytest.raises(Error) as caught:
                connection.execute(text("SELECT 1"))
            assert connection.invalidated
        assert self.busy(caught.value, "57P01", disconnected=True)

    def test_a_transaction_that_took_too_long(self, database: Database) -> None:
        with database.engine.connect() as connection:
            if int(connection.exec_driver_sql("SHOW server_version_num").scalar_one()) < 170000:
                pytest.skip("transaction_timeout needs PostgreSQL 17")
        error = ended(database, "SET LOCAL transaction_timeout = 30", "SELECT pg_sleep(5)")
        assert self.busy(error, "25P04", disconnected=True)
        assert not error.facts["is_undone"], "a repetition would take as long"

    def test_a_transaction_that_was_idle_too_long(self, database: Database) -> None:
        idle = "SET LOCAL idle_in_transaction_session_timeout = 20"
        error = ended(database, idle, lambda _: time.sleep(0.2), "SELECT 1")
        assert self.busy(error, "25P03", disconnected=True)
        assert error.facts["is_undone"]

    @pytest.mark.parametrize("code", ["25P03", "25P04", "57P05"])
    def test_a_separate_timeout_does_not_count_against_the_database(self, code: str) -> None:
        lost = translated(psycopg.errors.lookup(code)("said"), is_disconnect=True)
        assert error_translation.is_failure(lost) is False

    @pytest.fixture
    def crowded(self, make_database: Callable[[str], str], other_session: Connection) -> Engine:
        """Return the engine of a database that accepts no connections."""
        url = make_database("crowded")
        name = url.rpartition("/")[2].partition("?")[0]
        other_session.commit()
        other_session.execution_options(isolation_level="AUTOCOMMIT")
        other_session.execute(text(f'ALTER DATABASE "{name}" CONNECTION LIMIT 0'))
        engine = create_engine(url, **engines.engine_options(pool_size=1, statement_timeout=timedelta(seconds=1)))
        engines.prepare(engine)
        return engine

    def test_too_many_connections(self, crowded: Engine) -> None:
        with pytest.raises(Error) as caught:
            crowded.connect()
        assert self.busy(caught.value, None, disconnected=True)

    def test_a_full_disk(self) -> None:
        assert match(InsufficientStorage(sqlstate="53100"), translated(psycopg.errors.DiskFull("full")))

    @pytest.mark.parametrize(
        ("kind", "sqlstate"),
        [
            (psycopg.errors.TooManyConnections, "53300"),
            (psycopg.errors.CannotConnectNow, "57P03"),
            (psycopg.errors.CrashShutdown, "57P02"),
            (psycopg.errors.ConnectionFailure, "08006"),
            (psycopg.errors.OutOfMemory, "53200"),
        ],
    )
    def test_errors_that_a_test_cannot_provoke(self, kind: type[psycopg.Error], sqlstate: str) -> None:
        assert self.busy(translated(kind("said")), sqlstate)


class TestDeadline:
    """C23: out of time is a deadline error, whatever ended the statement."""

    def test_a_statement_that_outlived_the_budget(self, database: Database) -> None:
        with within(timedelta(milliseconds=30)):
            error = ended(database, "SET LOCAL statement_timeout = 40", "SELECT pg_sleep(5)")
        assert match(DeadlineExceeded(budget_ms=30, spent_in="database"), error)

    def test_a_statement_that_did_not_is_another_matter(self) -> None:
        with within(timedelta(seconds=5)):
            assert translated(psycopg.errors.QueryCanceled("x")).kind is Kind.UNAVAILABLE

    def test_other_errors_are_unchanged(self) -> None:
        token = current.set(Deadline(timedelta(seconds=1), at=0))
        assert translated(psycopg.errors.SyntaxError("x")).kind is Kind.DATABASE
        current.reset(token)


class TestSecrecy:
    def test_parameters_are_not_logged(self, database: Database) -> None:
        error = ended(database, lambda c: insert(c, "secret" * 50))
        assert "secret" not in str(error)
