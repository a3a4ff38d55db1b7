"""Prepared statements behave the same whether they bypass SQLAlchemy's ``Connection`` or use it for a listener."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final
from unittest.mock import patch
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Engine, Insert, bindparam, delete, event, func, insert, literal, select

from app import repositories
from app.errs import Error
from app.models.failed_requests import Failure
from app.models.logger import Level, StoredLoggerSettings
from app.models.movies import Movie
from app.models.orders import Item, Order, Status
from app.models.preferences import Preferences
from app.models.products import Currency, Product
from app.models.query import Comparison, Cursor, ListQuery, Operator, Ordering, Page
from app.models.sessions import RevokedToken
from app.models.tasks import Priority, Task
from app.models.tasks import Status as TaskStatus
from app.models.users import PasswordReset, Registration, User
from app.repositories import listing, orders, tasks
from app.repositories import movies as repository_of_movies
from app.repositories.compiled_statement import CompiledStatement, ReadConnection
from app.resilience import deadline
from tests.integration.conftest import Database, opened
from tests.integration.task_collections import NOON, a_task

ID: Final = UUID(int=1)
TEXT: Final = "Füße \N{SNOWMAN} %s %(x)s '\\"
FAR: Final = datetime(2100, 1, 1, tzinfo=UTC)
MOVIE = {"external_id": ID, "title": TEXT, "run_time": 92, "version": 1}
MOVIE |= dict.fromkeys(("create_username", "update_username"), "alice")  # columns of a movie
MOVIE |= dict.fromkeys(("create_timestamp", "update_timestamp"), NOON)  # columns of a movie

ROWS: Final[dict[Any, dict[str, Any]]] = {
    User: {
        "id": ID,
        "name": TEXT,
        "email": "a@example.com",
        "password_hash": "x",
        "scopes": ["tasks", TEXT],
        "is_disabled": False,
        "create_time": NOON,
        "update_time": NOON,
        "version": 1,
    },
    Registration: {"id": ID, "email": "b@example.com", "name": TEXT, "token_digest": b"token", "expire_time": FAR},
    PasswordReset: {"token_digest": b"token", "user_id": ID, "expire_time": FAR},
    Preferences: {
        "user_id": ID,
        "locale": "de-CH",
        "time_zone": "UTC",
        "theme": "dark",
        "version": 1,
    },
    Task: {
        "id": ID,
        "title": TEXT,
        "status": TaskStatus.PENDING,
        "priority": Priority.HIGH,
        "due_date": NOON,
        "create_time": NOON,
        "update_time": NOON,
        "created_by": "alice",
        "tags": ["a", TEXT],
        "version": 1,
    },
    Movie: MOVIE,
    Order: {
        "id": ID,
        "customer_id": "c",
        "status": Status.PENDING,
        "currency": Currency.EUR,
        "total": Decimal("10.00"),
        "create_time": NOON,
        "update_time": NOON,
        "version": 1,
    },
    Item: {"order_id": ID, "number": 1, "sku": "TEA", "quantity": 2, "unit_price": Decimal("5.00")},
    Product: {"sku": "TEA", "currency": Currency.EUR, "price": Decimal("5.00"), "update_time": NOON},
    Failure: {"request_id": "r", "at": NOON, "said": {"status": 503, "text": TEXT}},
    StoredLoggerSettings: {
        "id": 1,
        "level": Level.INFO,
        "log_error_stack": True,
        "updated_by": "alice",
        "update_time": NOON,
    },
    RevokedToken: {"id": "t", "expire_time": FAR},
}
"""A row of every table that a prepared statement reads."""
VALUES: Final[dict[str, dict[str, Any]]] = {
    "failed_requests.COUNTS": {"since": NOON, "most": 5},
    "failed_requests.NEWEST": {"request_id": "r", "most": 5},
    "logger.SELECT": {},
    "movies.ONE": {"of": ID},
    "orders.ITEMS": {"orders": [ID], "after": 0, "last": 9},
    "orders.ONE": {"of": ID},
    "preferences.OF_USER": {"of": ID},
    "products.ANY": {},
    "products.PAGE": {"sku": "", "currency": Currency.EUR, "size": 5},
    "readiness.COMPATIBILITY": {},
    "readiness.IS_MIGRATED": {},
    "readiness.READ_ONLY": {},
    "readiness.REVISIONS": {},
    "readiness.UNREPLICATED": {},
    "replica_reads.LAG": {},
    "replica_reads.POSITION": {},
    "sessions.HORIZON": {},
    "sessions.NEWEST": {"most": 5},
    "sessions.REVOKED": {"xid": 0, "seq": 0, "most": 5},
    "tasks.NEW": {
        **{name: getattr(a_task(TEXT * 2), name) for name in tasks.MEMBERS},
        "id": UUID(int=2),
        "tags": [TEXT],
    },
    "tasks.ONE": {"of": ID},
    "users.ALL": {},
    "users.BY_EMAIL": {"email": "a@example.com"},
    "users.HAS_EMAIL": {"email": "a@example.com"},
    "users.ONE": {"of": ID},
    "users.RESETTING": {"digest": b"token", "now": NOON},
    "users.PENDING": {"digest": b"token", "now": NOON},
}
"""Values with which every prepared statement finds a row or adds one."""


MOVING: Final = {"replica_reads.POSITION", "sessions.HORIZON"}
"""Statements about the server, whose values any other transaction on it changes between two reads."""
AROUND: Final = ("BEGIN; SET LOCAL statement_timeout", "COMMIT")
"""The statements around a statement with a timeout, in autocommit."""
INSIDE: Final = pytest.mark.parametrize("inside", [False, True], ids=["autocommit", "unit of work"])


def prepared() -> dict[str, CompiledStatement]:
    """Return every statement of the repositories by module and name."""
    modules = [
        importlib.import_module(f"app.repositories.{each.name}") for each in pkgutil.iter_modules(repositories.__path__)
    ]
    return {
        f"{module.__name__.rpartition('.')[2]}.{name}": value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, CompiledStatement)
    }


@pytest.fixture(scope="module")
def database(app: Flask) -> Iterator[Database]:
    """Return the database, with one row in each table."""
    with opened(app) as database:
        with database.engine.begin() as connection:
            for model, row in ROWS.items():
                connection.execute(insert(model), row)
        yield database


@contextmanager
def sends(engine: Engine) -> Iterator[list[tuple[Any, ...]]]:
    """Record the input of the driver: text, parameters, and whether rows are returned in binary format."""
    sent: list[tuple[Any, ...]] = []

    def spied(send: Callable[..., None]) -> Callable[..., None]:
        def spy(cursor: Any, statement: str, *args: Any) -> None:
            sent.append((statement, used(statement, *args[:1]), cursor.format))
            send(cursor, statement, *args)

        return spy

    names = ("do_execute", "do_executemany", "do_execute_no_params")
    patches = [patch.object(engine.dialect, name, spied(getattr(engine.dialect, name))) for name in names]
    for each in patches:
        each.start()
    yield sent
    for each in patches:
        each.stop()


def used(statement: str, parameters: Any = None) -> dict[str, str]:
    """Return the parameters that the statement uses; without any, SQLAlchemy passes its context instead."""
    given = parameters.items() if isinstance(parameters, dict) else ()
    return {name: str(value) for name, value in given if f"%({name})s" in statement}


class Heard(list[str]):
    """A listener that keeps the statements it receives."""

    def __call__(self, _conn: object, _cursor: object, statement: str, *_: object) -> None:
        self.append(statement)


@contextmanager
def listening(engine: Engine) -> Iterator[Heard]:
    """Add the listener to the engine."""
    heard = Heard()
    event.listen(engine, "before_cursor_execute", heard)
    yield heard
    event.remove(engine, "before_cursor_execute", heard)


def both(database: Database, work: Callable[[], Any]) -> tuple[Any, Any]:
    """Return the result of the work in both ways, after comparing the statements.

    In autocommit, a timeout is sent together with its statement, or, to listeners, in a transaction around it.
    """
    with sends(database.engine) as sent:
        direct = work()
    with sends(database.engine) as sent_observed, listening(database.engine) as heard:
        observed = work()
    assert [each for each in sent_observed if not each[0].startswith(AROUND)] == sent
    assert heard == [statement for statement, *_ in sent_observed]
    return direct, observed


@contextmanager
def run_on(database: Database, *, inside: bool) -> Iterator[Callable[[Callable[[ReadConnection], Any]], Any]]:
    """Return a runner of work on its own connection, or on that of a unit of work."""
    if not inside:
        yield database.reads.run
        return
    with database.unit_of_work() as unit:
        yield unit.transaction.use


def same(direct: Sequence[Any], observed: Sequence[Any], *, values: bool = True) -> None:
    """Compare rows: their types, and their values and the results of their column types unless ``values`` is false."""
    for one, other in zip(direct, observed, strict=True):
        assert type(one) is type(other)
        assert [type(value) for value in one] == [type(value) for value in other]
        assert one._fields == other._fields
    if not values:
        return
    assert [*direct] == [*observed]
    for one, other in zip(direct, observed, strict=True):
        assert [*map(repr, one)] == [*map(repr, other)]
        assert {name: repr(getattr(one, name)) for name in one._fields} == {
            name: repr(getattr(other, name)) for name in other._fields
        }


def test_every_prepared_statement_has_values_in_this_module() -> None:
    assert prepared().keys() == VALUES.keys()


@pytest.mark.parametrize(
    "name", sorted(name for name, each in prepared().items() if not isinstance(each.statement, Insert))
)
@INSIDE
def test_reads(database: Database, name: str, inside: bool) -> None:
    read, values = prepared()[name], VALUES[name]

    def work() -> list[Any]:
        with run_on(database, inside=inside) as run:
            rows: list[Any] = run(lambda line: line.all(read, **values))
        return rows

    direct, observed = both(database, work)
    assert direct, "the values must find a row"
    same(direct, observed, values=name not in MOVING)


@pytest.mark.parametrize(
    "name", sorted(name for name, each in prepared().items() if isinstance(each.statement, Insert))
)
def test_changes(database: Database, name: str) -> None:
    def work() -> list[Any]:
        with database.unit_of_work() as unit:
            unit.transaction.use(lambda line: line.run(prepared()[name], **VALUES[name]))
            return unit.transaction.use(lambda line: line.all(tasks.ONE, of=VALUES[name]["id"]))

    direct, observed = both(database, work)
    assert direct, "the values must add a row"
    same(direct, observed)


LISTS: Final = [
    (tasks.COLUMNS, tasks.MEMBERS, "id", "title", "due_date"),
    (repository_of_movies.COLUMNS, repository_of_movies.MEMBERS, "external_id", "title", "run_time"),
    (orders.COLUMNS, orders.MEMBERS, "id", "customer_id", "create_time"),
]


def queries(text: str, other: str, sample: Any) -> Iterator[ListQuery]:
    """Yield queries with every operator, order and kind of cursor."""
    for operator in Operator:
        if operator is not Operator.HAS:
            yield ListQuery(
                (Comparison(text, operator, TEXT), Comparison(other, operator, sample)), (Ordering(text),), 1
            )
    for value in (Operator.EQ, Operator.NE):
        yield ListQuery((Comparison(other, value, None),), (Ordering(other, descending=True),), 5)
    for order in pairwise((Ordering(text), Ordering(other), Ordering(other, descending=True), Ordering(text))):
        yield ListQuery((), order, 1)
        keys = tuple("" if each.member == text else sample for each in order)
        yield ListQuery((), order, 1, Cursor((*keys, UUID(int=0)), 7))
        yield ListQuery((), order, 1, Cursor((*(None for _ in order), UUID(int=0)), 7))


NAMES = [
    "tasks",
    "movies",
    "orders",
]


@pytest.mark.parametrize(("columns", "members", "key", "text", "other"), LISTS, ids=NAMES)
def test_lists(database: Database, columns: Any, members: Any, key: str, text: str, other: str) -> None:
    sample = 92 if other == "run_time" else NOON
    found = 0
    for query in queries(text, other, sample):
        direct, observed = both(
            database,
            lambda query=query: listing.page(database.reads, columns, members, query, key=key),  # type: ignore[misc]
        )
        same(direct.rows, observed.rows)
        assert (direct.next, direct.total_size) == (observed.next, observed.total_size)
        found += len(direct.rows)
    assert found


def test_lists_that_are_counted_together_with_their_rows(database: Database) -> None:
    """Once both statements are prepared, they are sent together."""
    other = {**ROWS[Task], "id": UUID(int=3), "title": "Another"}
    mine = Comparison("created_by", Operator.EQ, "alice")

    def work() -> list[Page[Any]]:
        return [database.task_reads.page(ListQuery((mine,), (Ordering("title"),), size)) for size in (1, 2) * 8]

    with database.engine.begin() as connection:
        connection.execute(insert(Task), other)
    try:
        direct, observed = both(database, work)
    finally:
        with database.engine.begin() as connection:
            connection.execute(delete(Task).where(Task.id == other["id"]))
    assert {page.total_size for page in direct} == {2}
    for one, another in zip(direct, observed, strict=True):
        same(one.rows, another.rows)
        assert (one.next, one.total_size) == (another.next, another.total_size)


def test_counted_lists_inside_a_unit_of_work(database: Database) -> None:
    tags = Comparison("tags", Operator.HAS, TEXT)

    def work() -> list[Any]:
        with database.unit_of_work() as unit:
            unit.transaction.use(lambda line: line.run(tasks.NEW, **VALUES["tasks.NEW"]))
            page = database.task_reads.page(ListQuery((tags,), (Ordering("title"),), 1))
            assert page.total_size == 2
            return [*page.rows]

    same(*both(database, work))


ASLEEP: Final = CompiledStatement(select(func.pg_sleep(5)))
BY_TITLE: Final = CompiledStatement(select(literal(1)).where(Task.title == bindparam("title")))
WRONG: Final = CompiledStatement(select(func.no_such_function()))
DIVIDED: Final = CompiledStatement(select(literal(1) / bindparam("by", 0)))
INFINITE: Final = CompiledStatement(select(func.to_timestamp(bindparam("at"))))
DYING: Final = CompiledStatement(select(func.pg_terminate_backend(func.pg_backend_pid())))
FAILING: Final[dict[str, Callable[[ReadConnection], object]]] = {
    "division by zero": lambda line: line.all(DIVIDED),
    "half a surrogate pair": lambda line: line.all(BY_TITLE, title="\ud800"),
    "a NUL": lambda line: line.all(BY_TITLE, title="\0"),
    "a value that cannot be loaded": lambda line: line.all(INFINITE, at=float("inf")),
    "a statement that is wrong": lambda line: line.all(WRONG),
    "a title that is taken": lambda line: line.run(
        tasks.NEW, **{**VALUES["tasks.NEW"], "title": TEXT, "created_by": "alice"}
    ),
    "a lost connection": lambda line: line.all(DYING),
}


@INSIDE
@pytest.mark.parametrize("work", FAILING.values(), ids=FAILING.keys())
def test_errors(database: Database, work: Callable[[ReadConnection], object], inside: bool) -> None:
    def fail() -> tuple[object, ...]:
        with pytest.raises(Error) as caught, run_on(database, inside=inside) as run:
            run(work)
        error = caught.value
        cause = type(error.__cause__)
        return type(error), error.kind, error.code, error.op, error.facts, cause

    direct, observed = both(database, fail)
    assert direct == observed
    assert database.backend(), "the next statement must succeed"


@INSIDE
def test_a_slow_statement_is_cancelled_and_its_timeout_ends_with_it(database: Database, inside: bool) -> None:
    def work(line: ReadConnection) -> object:
        return line.all_with_timeout(20, ASLEEP), line.value(
            CompiledStatement(select(func.current_setting("statement_timeout")))
        )

    def limited() -> object:
        with run_on(database, inside=inside) as run:
            return run(work)

    direct, observed = both(database, limited)
    assert direct == observed
    assert direct[0] is None


def test_a_deadline(database: Database) -> None:
    def late() -> tuple[object, ...]:
        with deadline.within(timedelta(milliseconds=100)), pytest.raises(Error) as caught:
            database.reads.run(lambda line: line.all_with_timeout(50_000, ASLEEP))
        return type(caught.value), caught.value.facts["spent_in"]

    with listening(database.engine):
        observed = late()
    assert observed == late()
