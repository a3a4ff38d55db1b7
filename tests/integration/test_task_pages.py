"""Filters, orders and pages: the same on PostgreSQL and on the fake (C17, C18)."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.models.query import Comparison, ListQuery, Operator, Ordering
from app.models.tasks import Priority, Status
from tests.examples import examples
from tests.fakes.tasks import FakeTaskReads
from tests.fakes.unit_of_work import FakeDatabase
from tests.integration.task_collections import NOON, Collection, a_task, added, members, titles

TITLES = ["a", "b", "B", "Z", "ä", "zz", "%", "a b", "\U0001f600"]
TAGS = ["home", "work", "x-1"]
BOUNDED = settings(
    max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "title": st.sampled_from(TITLES),
            "status": st.sampled_from(Status),
            "priority": st.sampled_from(Priority),
            "due_date": st.none() | st.integers(0, 3).map(lambda n: NOON + timedelta(microseconds=n)),
            "create_time": st.integers(0, 2).map(lambda n: NOON + timedelta(seconds=n)),
            "update_time": st.integers(0, 2).map(lambda n: NOON + timedelta(hours=n)),
            "created_by": st.sampled_from(["alice", "bob"]),
            "tags": st.lists(st.sampled_from(TAGS), unique=True),
        }
    ),
    max_size=12,
    unique_by=lambda row: (row["created_by"], row["title"]),
)
ORDERINGS = st.builds(
    Ordering, st.sampled_from(["title", "status", "priority", "due_date", "create_time", "update_time"]), st.booleans()
)
ORDERS = st.lists(ORDERINGS, min_size=1, max_size=3, unique_by=lambda each: each.member).map(tuple)
OPERATORS = st.sampled_from([Operator.EQ, Operator.NE, Operator.LT, Operator.LE, Operator.GT, Operator.GE])
COMPARISONS = st.one_of(
    st.builds(Comparison, st.just("title"), OPERATORS, st.sampled_from(TITLES)),
    st.builds(Comparison, st.just("priority"), OPERATORS, st.sampled_from(Priority)),
    st.builds(Comparison, st.just("status"), st.sampled_from([Operator.EQ, Operator.NE]), st.sampled_from(Status)),
    st.builds(Comparison, st.just("due_date"), OPERATORS, st.just(NOON + timedelta(microseconds=1))),
    st.builds(Comparison, st.just("due_date"), st.sampled_from([Operator.EQ, Operator.NE]), st.none()),
    st.builds(Comparison, st.just("tags"), st.just(Operator.HAS), st.sampled_from(TAGS)),
)


def walked(collection: Collection, query: ListQuery) -> list[UUID]:
    """Return the ids of every page of a list, and check each page on the way."""
    ids: list[UUID] = []
    total: int | None = None
    while True:
        page = collection.reads.page(query)
        ids += [task.id for task in page.rows]
        total = page.total_size if total is None else total
        assert page.total_size == total
        if page.next is None:
            assert total == len(ids)
            return ids
        assert len(page.rows) == query.page_size
        query = replace(query, after=page.next)


class TestFilter:
    @pytest.fixture(autouse=True)
    def three(self, collection: Collection) -> None:
        """Add three tasks."""
        added(
            collection,
            a_task("a", status=Status.PENDING, priority=Priority.LOW, tags=["home"]),
            a_task("b", status=Status.COMPLETED, priority=Priority.HIGH, due_date=NOON, tags=["home", "work"]),
            a_task("c%", due_date=NOON + timedelta(microseconds=1), created_by="bob"),
        )

    @pytest.mark.parametrize(
        ("member", "operator", "value", "expected"),
        [
            ("title", "=", "a", "a"),
            ("title", "!=", "a", "b c%"),
            ("title", "<", "b", "a"),
            ("title", ">=", "b", "b c%"),
            ("title", "=", "%", ""),
            ("title", "=", "c%", "c%"),
            ("title", "=", "' OR true --", ""),
            ("status", "=", Status.PENDING, "a c%"),
            ("status", "!=", Status.PENDING, "b"),
            ("priority", "<=", Priority.MEDIUM, "a c%"),
            ("priority", ">", Priority.MEDIUM, "b"),
            ("due_date", "=", None, "a"),
            ("due_date", "!=", None, "b c%"),
            ("due_date", "=", NOON, "b"),
            ("due_date", "!=", NOON, "a c%"),
            ("due_date", "<", NOON, ""),
            ("due_date", "<=", NOON, "b"),
            ("due_date", ">", NOON, "c%"),
            ("due_date", ">=", NOON, "b c%"),
            ("created_by", "=", "bob", "c%"),
            ("tags", ":", "home", "a b"),
            ("tags", ":", "work", "b"),
            ("tags", ":", "hom", ""),
        ],
    )
    def test_each_operator_on_each_type(
        self, collection: Collection, member: str, operator: str, value: Any, expected: str
    ) -> None:
        assert titles(collection, Comparison(member, Operator(operator), value)) == expected.split()

    def test_every_comparison_has_to_hold(self, collection: Collection) -> None:
        where = (Comparison("tags", Operator.HAS, "home"), Comparison("priority", Operator.GT, Priority.LOW))
        assert titles(collection, *where) == ["b"]


class TestOrder:
    def test_nulls_come_last_in_both_directions(self, collection: Collection) -> None:
        added(collection, a_task("x"), a_task("y", due_date=NOON), a_task("z", due_date=NOON + timedelta(days=1)))
        assert titles(collection, order=(Ordering("due_date"),)) == ["y", "z", "x"]
        assert titles(collection, order=(Ordering("due_date", descending=True),)) == ["z", "y", "x"]

    def test_enumerations_sort_by_meaning(self, collection: Collection) -> None:
        added(
            collection, *(a_task(each.name, priority=each) for each in (Priority.HIGH, Priority.CRITICAL, Priority.LOW))
        )
        assert titles(collection, order=(Ordering("priority"),)) == ["LOW", "HIGH", "CRITICAL"]

    def test_the_second_member_decides_among_equals(self, collection: Collection) -> None:
        added(collection, a_task("b"), a_task("a"), a_task("c", priority=Priority.LOW))
        order = (Ordering("priority", descending=True), Ordering("title", descending=True))
        assert titles(collection, order=order) == ["b", "a", "c"]


class TestPage:
    def test_ok(self, collection: Collection) -> None:
        added(collection, *(a_task(title) for title in "abcde"))
        first = collection.reads.page(ListQuery((), (Ordering("title"),), 2))
        assert ([task.title for task in first.rows], first.total_size) == (["a", "b"], 5)
        assert first.next is not None
        assert first.next.keys == ("b", str(first.rows[-1].id))
        second = collection.reads.page(ListQuery((), (Ordering("title"),), 3, first.next))
        assert [task.title for task in second.rows] == ["c", "d", "e"]
        assert (second.next, second.total_size) == (None, 5)

    def test_an_empty_list_is_one_page(self, collection: Collection) -> None:
        page = collection.reads.page(ListQuery((), (Ordering("title"),), 2))
        assert (page.rows, page.next, page.total_size) == ((), None, 0)

    def test_a_page_that_is_exactly_full_is_the_last(self, collection: Collection) -> None:
        added(collection, a_task("a"), a_task("b"))
        assert collection.reads.page(ListQuery((), (Ordering("title"),), 2)).next is None

    def test_rows_that_come_and_go_repeat_and_hide_no_others(self, collection: Collection) -> None:
        tasks = {title: a_task(title) for title in "bdfh"}
        added(collection, *tasks.values())
        first = collection.reads.page(ListQuery((), (Ordering("title"),), 2))
        with collection.unit() as unit:
            unit.tasks.remove(unit.tasks.get(tasks["d"].id))
            unit.tasks.add_all([a_task(title) for title in "ace"])
            unit.commit()
        second = collection.reads.page(ListQuery((), (Ordering("title"),), 9, first.next))
        assert [task.title for task in second.rows] == ["e", "f", "h"]
        assert second.total_size == 4

    @BOUNDED
    @given(rows=ROWS, order=ORDERS, where=st.lists(COMPARISONS, max_size=2).map(tuple), page_size=st.integers(1, 5))
    def test_the_pages_of_any_list_are_the_list(
        self,
        collection: Collection,
        rows: list[dict[str, Any]],
        order: tuple[Ordering, ...],
        where: tuple[Comparison, ...],
        page_size: int,
    ) -> None:
        collection.clear()
        tasks = [a_task(**row) for row in rows]
        with collection.unit() as unit:
            unit.tasks.add_all(tasks) if tasks else None
            unit.commit()
        model = FakeDatabase()
        model.tasks = {task.id: members(task) for task in tasks}
        expected = [task.id for task in FakeTaskReads(model).page(ListQuery(where, order, 100)).rows]
        assert walked(collection, ListQuery(where, order, page_size)) == expected
