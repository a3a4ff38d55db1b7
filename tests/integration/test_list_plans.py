"""C17: page 1000 costs as much as page 1, measured by its plan and the buffers it touches."""

import json
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest
from flask import Flask
from sqlalchemy import text

from app.models.query import Comparison, Cursor, ListQuery, Operator, Ordering, Value
from tests import explained_statements
from tests.explained_statements import buffers, nodes
from tests.integration.conftest import Database, opened

ROWS = 20_000
DEEP = 15_000
PAGE = 50
FEW = 400
"""Buffers; the table and its indexes have thousands."""
ALICE = (Comparison("created_by", Operator.EQ, "alice"),)
ORDERS = [
    (ALICE, Ordering("create_time", descending=True)),
    (ALICE, Ordering("create_time")),
    (ALICE, Ordering("due_date", descending=True)),
    (ALICE, Ordering("due_date")),
    ((), Ordering("create_time", descending=True)),
]


@pytest.fixture(scope="module")
def full(app: Flask) -> Iterator[Database]:
    """Return a database with 20,000 tasks of alice, every fourth without a due date, and as many of others."""
    with opened(app) as database:
        with database.engine.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO tasks SELECT gen_random_uuid(), 'task ' || n, NULL, 1, 2, "
                    "CASE WHEN n % 4 > 0 THEN now() + (n * 7919 % 20011) * interval '1 minute' END, "
                    "now() + n % 10007 * interval '1 second', now(), "
                    "CASE WHEN n % 2 = 0 THEN 'alice' ELSE 'user ' || n % 50 END, '{}', 1 "
                    "FROM generate_series(1, :rows * 2) AS n"
                ),
                {"rows": ROWS},
            )
            connection.execute(text("ANALYZE tasks"))
        yield database


class Lists(Protocol):
    """The subject whose pages are requested."""

    def page(self, query: ListQuery) -> object: ...


def planned(database: Database, query: ListQuery, reads: Lists | None = None) -> dict[str, Any]:
    """Return the plan, with its measured cost, of the statement of a page: of tasks, unless another is given."""
    return explained(database, lambda: (reads or database.task_reads).page(query))


def explained(database: Database, read: Callable[[], object]) -> dict[str, Any]:
    """Return the plan, with its measured cost, of the first statement of a read."""
    return explained_statements.plans(database.engine, read)[0]


def deep_cursor(database: Database, where: tuple[Comparison, ...], order: Ordering) -> Cursor:
    """Return the start of the page that has thousands of rows before it."""
    direction = "DESC NULLS LAST" if order.descending else "ASC"
    last = "DESC" if order.descending else "ASC"
    owned = "WHERE created_by = 'alice'" if where else ""
    statement = f"SELECT {order.member}, id FROM tasks {owned} ORDER BY 1 {direction}, 2 {last} OFFSET {DEEP} LIMIT 1"
    with database.engine.connect() as connection:
        key, task_id = connection.execute(text(statement)).one()
    keys: tuple[Value, ...] = (key, str(task_id))
    return Cursor(keys, ROWS)


class TestPlan:
    @pytest.mark.parametrize(("where", "order"), ORDERS, ids=str)
    def test_a_deep_page_uses_an_index_and_touches_about_as_much_as_the_first(
        self, full: Database, where: tuple[Comparison, ...], order: Ordering
    ) -> None:
        first = planned(full, ListQuery(where, (order,), PAGE))
        deep = planned(full, ListQuery(where, (order,), PAGE, deep_cursor(full, where, order)))
        for plan in (first, deep):
            assert "Seq Scan" not in {node["Node Type"] for node in nodes(plan)}, json.dumps(plan, indent=1)
            assert buffers(plan) < FEW, json.dumps(plan, indent=1)
        assert buffers(deep) < 2 * buffers(first) + 20

    @pytest.mark.parametrize("descending", [False, True])
    def test_where_dates_end_and_nulls_begin_it_costs_no_more(self, full: Database, descending: bool) -> None:
        last = Cursor((None, "80000000-0000-4000-8000-000000000000"), ROWS)
        assert buffers(planned(full, ListQuery(ALICE, (Ordering("due_date", descending),), PAGE, last))) < FEW

    def test_the_cost_does_not_depend_on_the_tasks_of_others(self, full: Database) -> None:
        where = (Comparison("created_by", Operator.EQ, "user 1"),)
        assert buffers(planned(full, ListQuery(where, (Ordering("create_time"),), PAGE))) < FEW
