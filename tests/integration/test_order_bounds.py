"""Bounds of orders: ten thousand orders of a hundred items each, and a client that tries every parameter."""

import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any, Final
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import text

from app.models.orders import Expansion
from app.models.query import Comparison, ListQuery, Operator, Ordering
from app.repositories.orders import OrderReads
from tests.api.caller import Caller, answered
from tests.explained_statements import buffers, nodes
from tests.integration.conftest import Database, opened
from tests.integration.test_list_plans import explained, planned
from tests.integration.test_query_counts import words
from tests.sent_statements import sent_by

pytestmark = pytest.mark.slow

ORDERS: Final = 10_000
CUSTOMER: Final = "a" * 255
"""A subject of the maximum length."""
LARGEST: Final = 1 << 20
"""Bytes of a response: as many as a request may have."""
PEAK: Final = 32 << 20
"""Bytes of memory while a response is built, the interpreter's objects included."""
FILL: Final = """
    SET LOCAL statement_timeout = 0;
    INSERT INTO orders SELECT ('8c1b2c1e-6f4e-4d4c-9d6e-' || lpad(to_hex(n), 12, '0'))::uuid,
        CASE WHEN n <= :orders THEN :customer ELSE 'user ' || n % 50 END, 1 + n % 3, 1 + n % 3, 999999999999.99,
        now() + n * 7919 % 20011 * interval '1 second', now() + n * 104729 % 20011 * interval '1 second', 1
        FROM generate_series(1, 2 * :orders) AS n;
    ALTER TABLE order_items DROP CONSTRAINT fk_order_items_order_id_orders;
    INSERT INTO order_items SELECT id, number, repeat('x', 64), 1000, 9999999.99
        FROM orders, generate_series(1, 99 + version) AS number WHERE customer_id = :customer;
    ALTER TABLE order_items ADD CONSTRAINT fk_order_items_order_id_orders
        FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE CASCADE;
    ANALYZE orders;
    ANALYZE order_items
"""
"""Checking a foreign key of all rows at once is cheaper; a busy machine may take longer than a request may."""


@pytest.fixture(scope="module")
def full(app: Flask) -> Iterator[Database]:
    """Return a database with a million items in ten thousand orders of one customer, and as many orders of others."""
    with opened(app) as database:
        with database.engine.begin() as connection:
            for statement in FILL.split(";"):
                connection.execute(text(statement), {"orders": ORDERS, "customer": CUSTOMER})
        yield database
        with database.engine.begin() as connection:
            connection.execute(text("TRUNCATE orders, order_items CASCADE"))


@pytest.fixture
def hostile(full: Database, app: Flask, bearer: Callable[..., dict[str, str]]) -> Caller:
    """Return the customer with all these orders."""
    return Caller(app.test_client(), bearer(CUSTOMER, "orders"))


@pytest.fixture
def sent(full: Database) -> Iterator[list[str]]:
    """Return the list of statements that are sent during the test."""
    with sent_by(full.engine) as statements:
        yield statements


SIZES: Final = ("1", "9" * 30)
EVERY: Final[list[dict[str, Any]]] = [
    {
        name: value
        for name, value in zip(
            ("page_size", "expand", "items_page_size", "fields", "order_by", "filter"), each, strict=True
        )
        if value
    }
    for each in product(
        SIZES,
        ("", "items"),
        ("", "1", "100000"),
        ("", "items"),
        ("", "update_time, create_time desc"),
        ("", "status != SHIPPED"),
    )
]


class TestBounds:
    def test_no_list_is_larger_than_a_request_nor_takes_more_statements(self, hostile: Caller, sent: list[str]) -> None:
        """C19: at most two statements for the orders, one for their items, two for the total, and two estimates."""
        largest = 0
        for query in EVERY:
            sent.clear()
            response = hostile.get("/v1/orders", query_string=query)
            expands = ["SELECT"] if "expand" in query else []
            found = words(sent)
            assert found.count("SELECT") - len(expands) <= 4, query  # two reads, two counts
            assert found.count("EXPLAIN") <= 2, query
            orders = answered(response)["orders"]
            assert len(orders) == min(int(query["page_size"]), 50 if expands else 1000), query
            if expands:
                told = min(int(query.get("items_page_size", 100)), 100)
                assert {len(order["items"]) for order in orders} == {told}, query
            largest = max(largest, len(response.get_data()))
        assert LARGEST // 2 < largest < LARGEST

    def test_nor_is_an_order(self, hostile: Caller, sent: list[str]) -> None:
        """C19."""
        path = f"/v1/orders/{answered(hostile.get('/v1/orders?page_size=1'))['orders'][0]['id']}"
        for size, fields in product(("", "0", "1", "100", "9" * 30), ("", "items", "id")):
            sent.clear()
            query = {"expand": "items", "items_page_size": size or "100", **({"fields": fields} if fields else {})}
            response = hostile.get(path, query_string=query)
            assert response.status_code == 200
            assert words(sent) == (["SELECT"] if fields == "id" else ["SELECT", "SELECT"])
            assert len(response.get_data()) < 1 << 14

    def test_a_page_further_on_costs_the_same(self, hostile: Caller, sent: list[str]) -> None:
        """C17: and the list is not counted again."""
        query = {"page_size": 1000, "expand": "items"}
        token = answered(hostile.get("/v1/orders", query_string=query))["next_page_token"]
        for _ in range(3):
            sent.clear()
            page = answered(hostile.get("/v1/orders", query_string={**query, "page_token": token}))
            assert words(sent) == ["SELECT", "SELECT"]
            token = page["next_page_token"]

    @pytest.mark.parametrize("query", ["page_size=1000", "page_size=1000&expand=items"])
    def test_an_answer_takes_little_memory(self, hostile: Caller, query: str) -> None:
        """At most as much as BYTES_HELD."""
        tracemalloc.start()
        response = hostile.get(f"/v1/orders?{query}")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert response.status_code == 200
        assert peak < PEAK


class TestPlans:
    """C17: page 1000 costs as much as page 1."""

    def test_a_deep_page_touches_about_as_much_as_the_first(self, full: Database) -> None:
        reads = OrderReads(full.reads)
        own = (Comparison("customer_id", Operator.EQ, CUSTOMER),)
        for where, member, descending in product(((), own), ("create_time", "update_time"), (False, True)):
            order = (Ordering(member, descending),)
            deep = reads.page(ListQuery(where, order, 6000)).next
            for after in (None, deep):
                plan = planned(full, ListQuery(where, order, 50, after), reads)
                assert "Seq Scan" not in {node["Node Type"] for node in nodes(plan)}, (where, order, plan)
                assert buffers(plan) < 400, (where, order, plan)

    def test_items_of_a_page_are_ranges_of_the_primary_key(self, full: Database) -> None:
        ids = [UUID(f"8c1b2c1e-6f4e-4d4c-9d6e-{n:012x}") for n in range(1, 50 * 200, 200)]
        reads = OrderReads(full.reads)
        for expansion, most in ((Expansion(), 1000), (Expansion(size=1), 400), (Expansion(size=1, after=98), 400)):
            plan = explained(full, partial(reads.items, ids, expansion))
            assert "Seq Scan" not in {node["Node Type"] for node in nodes(plan)}, plan
            assert buffers(plan) < most, plan
            assert plan["Actual Rows"] == 50 * min(expansion.size + 1, 100 - expansion.after)
