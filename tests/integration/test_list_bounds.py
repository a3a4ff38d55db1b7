"""C17: no list reads more than 2,000 buffers, whatever its filter and order. Pages can be shorter for it (AIP-158)."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any, Final
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, text

from app.errs.lists import InvalidOrderBy
from app.models.query import Comparison, ListQuery, Operator, Ordering, Page
from app.models.tasks import Priority, Status
from app.repositories import listing
from app.repositories.list_statements import SCANNED
from app.wire.filtering import parse_filter
from app.wire.ordering import parse_order_by
from app.wire.schemas.tasks import ListTasksSchema
from tests import explained_statements
from tests.api.caller import Caller, answered, rejected
from tests.explained_statements import buffers
from tests.integration.conftest import Database, opened
from tests.sent_statements import sent_by

pytestmark = pytest.mark.slow

ROWS: Final = 100_000
MOST: Final = 2000
"""Buffers of one statement."""
BEGAN: Final = datetime(2026, 1, 1, tzinfo=UTC)
OWNED: Final = Comparison("created_by", Operator.EQ, "alice")
FILL: Final = """
    INSERT INTO tasks SELECT md5(n::text)::uuid, md5('title ' || n), NULL, 1 + n % 3, 1 + n / 3 % 3,
        CASE WHEN n % 4 > 0 THEN timestamptz '2099-01-01 00:00Z' + n * 7919 % 99991 * interval '1 minute' END,
        timestamptz '2026-01-01 00:00Z' + n * 104729 % 99989 * interval '1 minute',
        timestamptz '2026-06-01 00:00Z' + n * 15485863 % 99971 * interval '1 minute',
        CASE WHEN n % 100 = 0 THEN 'user ' || n % 1000 ELSE 'alice' END,
        CASE WHEN n % 5000 = 1 THEN '{rare}'::text[] WHEN md5('title ' || n) > 'f' THEN '{last}'
             WHEN n % 2 = 0 THEN '{home,errands}' ELSE '{home}' END, 1
        FROM generate_series(CAST(1 AS bigint), :rows) AS n
"""
"""Every order differs from the order of the table: at worst each row is on another page. No status or priority is 4."""
INDEXES: Final = """
    SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
    WHERE indrelid = 'tasks'::regclass AND NOT indisprimary
"""


def far(minutes: int) -> datetime:
    """Return a due date of a task."""
    return datetime(2099, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)


COMPARED: Final = tuple(each for each in Operator if each is not Operator.HAS)
EQUAL: Final = (Operator.EQ, Operator.NE)
LATEST: Final = BEGAN + timedelta(days=9999)
FILTERS: Final = [
    *(Comparison("title", operator, value) for operator in COMPARED for value in ("", "f")),
    Comparison("title", Operator.GT, "zz"),
    *(Comparison("status", operator, value) for operator in EQUAL for value in (Status.PENDING, Status(4))),
    *(Comparison("priority", operator, Priority(4)) for operator in COMPARED),
    *(Comparison("due_date", operator, value) for operator in EQUAL for value in (None, far(1))),
    Comparison("due_date", Operator.LT, far(0)),
    Comparison("due_date", Operator.GE, far(90_000)),
    *(Comparison(member, Operator.GT, LATEST) for member in ("create_time", "update_time")),
    *(Comparison(member, Operator.LE, LATEST) for member in ("create_time", "update_time")),
    *(Comparison("created_by", Operator.EQ, value) for value in ("alice", "bob", "user 100")),
    Comparison("created_by", Operator.NE, "alice"),
    *(Comparison("tags", Operator.HAS, value) for value in ("home", "rare", "last", "none")),
]
ORDERABLE: Final = tuple(ListTasksSchema.rules.orderable)
NEWEST: Final = (Ordering("create_time", descending=True),)


@pytest.fixture(scope="module")
def full(app: Flask) -> Iterator[Database]:
    """Return a database with 99,000 tasks of alice and 1,000 of others."""
    with opened(app) as database:
        with database.engine.begin() as connection:
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            _fill(connection)
        yield database
        with database.engine.begin() as connection:  # deleted rows would remain in the indexes
            connection.execute(text("TRUNCATE tasks CASCADE"))


def _fill(connection: Connection) -> None:
    """Fill the table. It takes a fraction of the time without its indexes, which are created again."""
    indexes = connection.execute(text(INDEXES)).all()
    for name, _ in indexes:
        connection.execute(text(f"DROP INDEX {name}"))
    connection.execute(text(FILL), {"rows": ROWS})
    for _, definition in indexes:
        connection.exec_driver_sql(definition)
    connection.execute(text("ANALYZE tasks"))


def read(database: Database, query: ListQuery) -> tuple[Page[Any] | None, int]:
    """Return the page, or ``None`` if its order is rejected, and the buffers of its most expensive statement."""
    pages: list[Page[Any]] = []

    def request() -> None:
        try:
            pages.append(database.task_reads.page(query))
        except InvalidOrderBy as rejection:
            fixed = {each.member for each in query.where if each.operator is Operator.EQ}
            cheap = set(ORDERABLE) if "created_by" in fixed else {"create_time", *fixed}
            assert rejection.allowed == [each for each in ORDERABLE if each in cheap]  # noqa: PT017

    plans = explained_statements.plans(database.engine, request)
    return next(iter(pages), None), max(map(buffers, plans), default=0)


class TestBuffers:
    def test_every_filter_in_every_order(self, full: Database) -> None:
        for filtered in (None, *FILTERS):
            for member in ORDERABLE:
                for descending in {False, filtered is None}:
                    where = (OWNED,) if filtered is None else (OWNED, filtered)
                    page, most = read(full, ListQuery(where, (Ordering(member, descending),), 50, None, ORDERABLE))
                    assert page is not None, (where, member)
                    assert most <= MOST, (where, member, descending, most)

    def test_every_pair_of_filters(self, full: Database) -> None:
        by_member = {(each.member, each.operator is Operator.NE): each for each in FILTERS}
        for pair in combinations(by_member.values(), 2):
            page, most = read(full, ListQuery((OWNED, *pair), NEWEST, 1000, None, ORDERABLE))
            assert page is not None, pair
            assert most <= MOST, (pair, most)

    def test_every_pair_of_members_to_sort_by(self, full: Database) -> None:
        """No index has these orders: they are read group by group, or sorted if the filter leaves few rows."""
        rare = Comparison("tags", Operator.HAS, "rare")
        for first, second in combinations(ORDERABLE, 2):
            for order in ((Ordering(first), Ordering(second, descending=True)), (Ordering(second), Ordering(first))):
                page, most = read(full, ListQuery((OWNED,), order, 50, None, ORDERABLE))
                assert page is not None, order
                assert (len(page.rows), most <= MOST) == (50, True), (order, most)
                page, most = read(full, ListQuery((OWNED, rare), order, 50, None, ORDERABLE))
                assert page is not None, order
                assert (len(page.rows), page.total_size, most <= MOST) == (20, 20, True), (order, most)

    def test_lists_of_all_owners(self, full: Database) -> None:
        for filtered in (None, *FILTERS):
            where = () if filtered is None else (filtered,)
            for member in ORDERABLE:
                page, most = read(full, ListQuery(where, (Ordering(member),), 50, None, ORDERABLE))
                assert page is not None or member != "create_time", where
                assert most <= MOST, (where, member, most)

    def test_a_page_far_into_the_list(self, full: Database) -> None:
        for member in ORDERABLE:
            for filtered in (None, Comparison("status", Operator.NE, Status.PENDING)):
                where = (OWNED,) if filtered is None else (OWNED, filtered)
                query = ListQuery(where, (Ordering(member),), 1000, None, ORDERABLE)
                for _ in range(5):
                    page = full.task_reads.page(query)
                    query = replace(query, after=page.next)
                assert read(full, query)[1] <= MOST, query

    def test_the_title_of_one_task(self, full: Database) -> None:
        """The unique index on its normal form finds it."""
        with full.engine.connect() as connection:
            title = connection.scalar(text("SELECT title FROM tasks WHERE created_by = 'alice' LIMIT 1"))
        for member in ORDERABLE:
            where = (Comparison("title", Operator.EQ, title), OWNED)
            page, most = read(full, ListQuery(where, (Ordering(member),), 50))
            assert page is not None
            assert ([each.title for each in page.rows], page.next, page.total_size) == ([title], None, 1)
            assert most < 20


def everything(database: Database, where: str, order: str) -> list[UUID]:
    """Return the IDs of all rows of a list, by a plain statement."""
    with database.engine.connect() as connection:
        found = connection.scalars(
            text(f"SELECT id FROM tasks WHERE created_by = 'alice' AND {where} ORDER BY {order}")
        )
        return [*found]


def walked(database: Database, query: ListQuery) -> tuple[list[UUID], list[int], set[int]]:
    """Return the IDs of all pages of a list, the length of each page, and the total sizes."""
    ids, lengths, totals = list[UUID](), list[int](), set[int]()
    while True:
        page = database.task_reads.page(query)
        ids += [each.id for each in page.rows]
        lengths.append(len(page.rows))
        totals.add(page.total_size)
        if page.next is None:
            return ids, lengths, totals
        query = replace(query, after=page.next)


class TestGroups:
    """Orders of several members, which no index has."""

    @pytest.mark.parametrize(
        ("where", "sql", "order", "order_sql"),
        [
            pytest.param("", "true", "priority desc, title", "priority DESC, title, id", marks=pytest.mark.nightly),
            pytest.param(
                "", "true", "due_date desc, title", "due_date DESC NULLS LAST, title, id", marks=pytest.mark.nightly
            ),
            pytest.param(
                "",
                "true",
                "status, due_date, title desc",
                "status, due_date NULLS LAST, title DESC, id DESC",
                marks=pytest.mark.nightly,
            ),
            ("", "true", "create_time, update_time desc", "create_time, update_time DESC, id DESC"),
            (
                "tags:errands AND priority = LOW",
                "tags @> '{errands}' AND priority = 1",
                "priority, status desc, title",
                "status DESC, title, id",
            ),
        ],
    )
    def test_all_pages_together_are_the_list(
        self, full: Database, where: str, sql: str, order: str, order_sql: str
    ) -> None:
        rules = ListTasksSchema.rules
        query = ListQuery((OWNED, *parse_filter(where, rules.filterable)), parse_order_by(order, ORDERABLE, ()), 1000)
        ids, lengths, totals = walked(full, query)
        assert ids == everything(full, sql, order_sql)
        assert max(lengths) <= 1000
        assert len(totals) == 1
        assert totals <= {len(ids), -1}


class TestShortPages:
    @pytest.mark.parametrize(
        ("where", "sql", "order", "order_sql"),
        [
            (
                (Comparison("status", Operator.EQ, Status.PENDING), Comparison("priority", Operator.EQ, Priority.LOW)),
                "status = 1 AND priority = 1",
                Ordering("title"),
                "title, id",
            ),
            (
                (Comparison("status", Operator.NE, Status.PENDING),),
                "status <> 1",
                Ordering("due_date", descending=True),
                "due_date DESC NULLS LAST, id DESC",
            ),
            (
                (Comparison("tags", Operator.HAS, "errands"), Comparison("status", Operator.EQ, Status.PENDING)),
                "tags @> '{errands}' AND status = 1",
                Ordering("due_date"),
                "due_date NULLS LAST, id",
            ),
            ((Comparison("title", Operator.GT, "ff0"),), "title > 'ff0'", Ordering("create_time"), "create_time, id"),
        ],
    )
    def test_all_pages_together_are_the_list(
        self, full: Database, where: tuple[Comparison, ...], sql: str, order: Ordering, order_sql: str
    ) -> None:
        ids, lengths, totals = walked(full, ListQuery((OWNED, *where), (order,), 500))
        assert ids == everything(full, sql, order_sql)
        assert max(lengths) <= 500
        assert len(totals) == 1
        assert totals <= {len(ids), -1}

    def test_one_can_be_short_and_have_a_next_page(self, full: Database) -> None:
        where = (OWNED, Comparison("priority", Operator.EQ, Priority.LOW), Comparison("status", Operator.NE, Status(1)))
        page = full.task_reads.page(ListQuery(where, (Ordering("title"),), 500))
        assert 0 < len(page.rows) < 500
        assert page.next is not None

    def test_one_can_be_empty(self, full: Database) -> None:
        """The matches are at the end of the order, and there are too many of them to sort."""
        where = (OWNED, Comparison("tags", Operator.HAS, "last"))
        page = full.task_reads.page(ListQuery(where, (Ordering("title"),), 50))
        assert (page.rows, page.next is None, page.total_size) == ((), False, -1)

    def test_a_list_that_is_short_enough_has_full_pages(self, full: Database) -> None:
        """PostgreSQL estimates that its rows can be read at once."""
        where = (Comparison("created_by", Operator.EQ, "user 100"), Comparison("status", Operator.NE, Status.COMPLETED))
        page = full.task_reads.page(ListQuery(where, (Ordering("title"),), 50))
        with full.engine.connect() as connection:
            matches = "SELECT count(*) FROM tasks WHERE created_by = 'user 100' AND status <> 3"
            assert page.total_size == connection.scalar(text(matches))
        assert (len(page.rows), page.next is None) == (50, False)


class TestTotal:
    def test_a_long_list_is_not_counted(self, full: Database, statements_of: Callable[[], list[str]]) -> None:
        """PostgreSQL estimates that counting is too expensive. Only a thousand rows are counted."""
        page = full.task_reads.page(ListQuery((OWNED,), NEWEST, 50))
        assert page.total_size == -1
        assert [each.split()[0] for each in statements_of()] == ["SELECT", "SELECT", "EXPLAIN"]

    def test_a_shorter_one_is(self, full: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(listing, "COUNT_BUDGET_MS", 5000)
        where = (OWNED, Comparison("title", Operator.GE, "ff"))
        page = full.task_reads.page(ListQuery(where, (Ordering("title"),), 50))
        assert page.total_size == len(everything(full, "title >= 'ff'", "id"))

    @pytest.fixture
    def statements_of(self, full: Database) -> Iterator[Callable[[], list[str]]]:
        """Return a function that returns the statements that were sent."""
        with sent_by(full.engine) as statements:
            yield lambda: statements


class TestOverHttp:
    def test_an_order_without_an_index_is_rejected_with_those_that_have_one(
        self, full: Database, app: Flask, bearer: Callable[..., dict[str, str]]
    ) -> None:
        admin = Caller(app.test_client(), bearer("root", "admin"))
        problem = rejected(admin.list_tasks(order_by="priority desc, title"), 400, "INVALID_ORDER_BY")
        assert (problem["allowed"], problem["token"]) == (["create_time"], "priority desc, title")
        page = answered(admin.list_tasks(order_by="priority desc, title", filter="created_by = alice"))
        assert (len(page["tasks"]), page["total_size"]) == (50, -1)

    def test_a_short_page_has_a_token(self, full: Database, app: Flask, bearer: Callable[..., dict[str, str]]) -> None:
        alice = Caller(app.test_client(), bearer())
        query: dict[str, Any] = {
            "filter": "status = PENDING AND priority = LOW",
            "order_by": "title",
            "page_size": 1000,
        }
        first = answered(alice.list_tasks(**query))
        assert 0 < len(first["tasks"]) < SCANNED
        second = answered(alice.list_tasks(**query, page_token=first["next_page_token"]))
        assert second["tasks"][0]["title"] > first["tasks"][-1]["title"]
