"""Lists read the index of their order, and at most 2,000 buffers, also with old statistics or none."""

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any, Final

import pytest
from flask import Flask
from sqlalchemy import Connection, Integer, func, select, text

from app.errs import Error
from app.models.query import Comparison, ListQuery, Operator, Ordering
from app.models.tasks import Priority, Status
from app.repositories import listener_detection
from app.repositories.compiled_statement import CompiledStatement
from app.repositories.list_statements import BY_INDEX
from app.wire.schemas.tasks import ListTasksSchema
from tests.explained_statements import buffers, nodes, plans
from tests.integration.conftest import Database, opened
from tests.integration.test_list_bounds import everything, walked
from tests.integration.test_listeners import heard

pytestmark = pytest.mark.slow

MOST: Final = 2_000
"""Buffers of all statements of a list."""
PREPARED: Final = 8
"""Repetitions after which psycopg has prepared a statement."""
OWNED: Final = Comparison("created_by", Operator.EQ, "alice")
ORDERABLE: Final = tuple(ListTasksSchema.rules.orderable)
FILL: Final = """
    INSERT INTO tasks SELECT gen_random_uuid(), md5('title ' || n), NULL, 1 + n % 3, 1 + n / 3 % 4,
        CASE WHEN n % 4 > 0 THEN timestamptz '2099-01-01 00:00Z' + n * 7919 % 9973 * interval '1 minute' END,
        timestamptz '2026-01-01 00:00Z' + n * 104729 % 9967 * interval '1 minute',
        timestamptz '2026-06-01 00:00Z' + n * 15485863 % 9949 * interval '1 minute',
        :owner, CASE WHEN n % 2 = 0 THEN '{home,errands}'::text[] ELSE '{home}' END, 1
        FROM generate_series(CAST(:first AS bigint), :last) AS n
"""
"""Every order differs from the order of the table."""
SAME_TYPES: Final = """
    SELECT 'ALTER TABLE tasks '
        || string_agg(format('ALTER %I TYPE %s', attname, format_type(atttypid, atttypmod)), ',')
    FROM pg_attribute WHERE attrelid = 'tasks'::regclass AND attnum > 0 AND NOT attisdropped
"""
"""A change of a column's type deletes its statistics, even if the type stays the same."""
SIZES: Final = (200, 10_000)
CASES: Final = [
    (size, statistics)
    for size in SIZES
    for statistics in ("absent", "of 100 rows", "of 100 rows of others", "fresh", "fresh, of rows that all can see")
]
FILTERS: Final = [
    (Comparison("status", Operator.EQ, Status.PENDING), "status = 1"),
    (Comparison("priority", Operator.NE, Priority.CRITICAL), "priority <> 4"),
    (Comparison("title", Operator.EQ, "none"), "title = 'none'"),
    (Comparison("due_date", Operator.EQ, None), "due_date IS NULL"),
    (Comparison("tags", Operator.HAS, "errands"), "tags @> '{errands}'"),
    (Comparison("tags", Operator.HAS, "none"), "false"),
]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[0]}, statistics {case[1]}")
def filled(app: Flask, request: pytest.FixtureRequest) -> Iterator[Database]:
    """Return a database with tasks of alice, and some of others, with these statistics."""
    size, statistics = request.param
    with opened(app) as database:
        engine = database.engine.execution_options(isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("TRUNCATE tasks CASCADE"))
            connection.execute(text("ALTER TABLE tasks SET (autovacuum_enabled = off)"))
            _fill(connection, size, statistics)
        yield database
        with engine.connect() as connection:
            connection.execute(text("TRUNCATE tasks CASCADE"))
            connection.execute(text("ALTER TABLE tasks RESET (autovacuum_enabled)"))


def _fill(connection: Connection, size: int, statistics: str) -> None:
    first, fill = "alice", text(FILL)
    if statistics.endswith("others"):
        first = "bob"
    connection.execute(fill, {"first": 1, "last": 100, "owner": first})
    forget = str(connection.scalar(text(SAME_TYPES)))
    connection.execute(text(forget if statistics == "absent" else "VACUUM ANALYZE tasks"))
    connection.execute(fill, {"first": 101, "last": size, "owner": "alice"})
    if statistics.startswith("fresh"):
        connection.execute(text("ANALYZE tasks"))
    if statistics.endswith("see"):
        connection.execute(text("VACUUM tasks"))


def sql(*order: Ordering) -> str:
    """Return the order as SQL, with the key."""
    keys = [f"{each.member} {'DESC' if each.descending else 'ASC'} NULLS LAST" for each in order]
    return ", ".join([*keys, f"id {'DESC' if order[-1].descending else 'ASC'}"])


def some_titles(database: Database) -> list[str]:
    """Return some titles of alice."""
    with database.engine.connect() as connection:
        return [*connection.scalars(text("SELECT title FROM tasks WHERE created_by = 'alice' LIMIT 2"))]


def read(database: Database, query: ListQuery) -> list[dict[str, Any]]:
    """Return the plans of a page, which together touch few buffers."""
    found = plans(database.engine, lambda: database.task_reads.page(query))
    costs = [*map(buffers, found)]
    assert sum(costs) <= MOST, (query, costs)
    return found


class TestStatistics:
    @pytest.mark.parametrize("descending", [False, True])
    @pytest.mark.parametrize("member", ORDERABLE)
    def test_a_list_reads_the_index_of_its_order(self, filled: Database, member: str, descending: bool) -> None:
        order = Ordering(member, descending)
        query = ListQuery((OWNED,), (order,), 50)
        second = ListQuery((OWNED,), (order,), 50, filled.task_reads.page(query).next)
        for each in (query, second):
            rows = read(filled, each)[0]
            assert {node["Index Name"] for node in nodes(rows) if "Index Name" in node} == {
                f"ix_tasks_created_by_{member}"
            }, rows
            assert buffers(rows) < 150, rows
        ids, _, _ = walked(filled, ListQuery((OWNED,), (order,), 500))
        assert ids == everything(filled, "true", sql(order))

    @pytest.mark.parametrize("order", [Ordering("create_time", True), Ordering("title"), Ordering("due_date")], ids=str)
    @pytest.mark.parametrize(("where", "condition"), FILTERS, ids=str)
    def test_a_filtered_list_is_bounded(
        self, filled: Database, where: Comparison, condition: str, order: Ordering
    ) -> None:
        for size in (50, 1000):
            read(filled, ListQuery((OWNED, where), (order,), size))
        ids, _, _ = walked(filled, ListQuery((OWNED, where), (order,), 1000))
        assert ids == everything(filled, condition, sql(order))

    def test_a_title_is_found_through_its_unique_index(self, filled: Database) -> None:
        for title in ("none", *some_titles(filled)):
            where = (OWNED, Comparison("title", Operator.EQ, title))
            for member in ORDERABLE:
                found = read(filled, ListQuery(where, (Ordering(member),), 50))
                assert sum(map(buffers, found)) < 20, (title, member, found)

    @pytest.mark.parametrize(
        "order",
        [
            (Ordering("priority", True), Ordering("title")),
            (Ordering("due_date"), Ordering("status", True)),
            (Ordering("create_time", True), Ordering("title")),
        ],
        ids=str,
    )
    def test_so_is_an_order_of_several_members(self, filled: Database, order: tuple[Ordering, ...]) -> None:
        for size in (50, 1000):
            read(filled, ListQuery((OWNED,), order, size))
        ids, _, _ = walked(filled, ListQuery((OWNED,), order, 1000))
        assert ids == everything(filled, "true", sql(*order))


SETTING: Final = func.current_setting("enable_sort").label("found")
PLANNED: Final = CompiledStatement(select(SETTING), planner_settings=BY_INDEX)
PLAIN: Final = CompiledStatement(select(SETTING))


class TestSettings:
    @pytest.fixture(params=["libpq", "listeners", "another cursor"])
    def executed(
        self, database: Database, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[Database]:
        """Return a database whose statements are executed in one of three ways."""
        if request.param == "another cursor":
            monkeypatch.setattr(listener_detection, "on_driver", lambda _connection: True)
        with heard(database.engine, "before_cursor_execute") if request.param == "listeners" else nullcontext():
            yield database

    def test_they_apply_to_one_statement(self, executed: Database) -> None:
        for _ in range(PREPARED):
            assert (executed.reads.value(PLANNED), executed.reads.value(PLAIN)) == ("off", "on")

    def test_also_with_a_timeout(self, executed: Database) -> None:
        for _ in range(PREPARED):
            found = executed.reads.run(lambda line: line.all_with_timeout(1000, PLANNED))
            assert (found, executed.reads.value(PLAIN)) == ([("off",)], "on")

    def test_also_in_a_transaction(self, executed: Database) -> None:
        with executed.unit_of_work() as unit:
            for _ in range(PREPARED):
                found = unit.transaction.use(lambda line: (line.value(PLANNED), line.value(PLAIN)))
                assert found == ("off", "on")

    def test_also_after_an_error(self, executed: Database) -> None:
        failing = CompiledStatement(select(1 / (SETTING == "on").cast(Integer)), planner_settings=BY_INDEX)
        for _ in range(PREPARED):
            with pytest.raises(Error):
                executed.reads.all(failing)
            assert executed.reads.value(PLAIN) == "on"
