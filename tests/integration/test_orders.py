"""Orders in PostgreSQL and in the fakes of the service tests behave alike; and the statements of each request."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol, cast
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from app.errs import Error, Kind
from app.errs.orders import OrderNotFound
from app.models.orders import Expansion, Item, NewItem, NewOrder, Order, Transition
from app.models.products import Currency, Price
from app.models.query import Comparison, ListQuery, Operator, Ordering
from app.repositories.error_translation import translating
from app.repositories.orders import MEMBERS, OrderReads
from app.repositories.products import ProductReads
from app.services import orders as service
from app.services import products
from tests.api.orders.order import body, items, stock
from tests.fakes.orders import FakeOrderReads
from tests.fakes.products import FakeProductReads
from tests.fakes.unit_of_work import FakeDatabase
from tests.integration.conftest import Database
from tests.integration.test_query_counts import words

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
EUR, USD = Currency.EUR, Currency.USD


class Unit(service.Unit, Protocol):
    """One transaction, with all operations on products."""

    @property
    def products(self) -> "Products": ...


class Products(service.PriceList, products.ProductCollection, Protocol):
    """Products as the services of orders and of products use them."""


@dataclass
class Collection:
    """A collection of orders and products."""

    reads: service.OrderReads
    products: products.ProductReads
    unit: Callable[[], AbstractContextManager[Unit]]

    def added(self, *customers: str, pieces: int = 1) -> list[Order]:
        """Add an order for each customer, a minute apart, and commit."""
        new = tuple(NewItem(sku=f"sku {n}", quantity=n) for n in range(1, pieces + 1))
        prices = {each.sku: Decimal("0.10") for each in new}
        orders = [
            Order.place(NewOrder(customer_id=each, currency=EUR, items=new), prices, at=NOON + timedelta(minutes=n))
            for n, each in enumerate(customers)
        ]
        with self.unit() as unit:
            for order in orders:
                unit.orders.add(order)
            unit.commit()
        return orders

    def put(self, *offers: Price, at: datetime = NOON) -> set[tuple[str, Currency]]:
        """Store prices and commit."""
        with self.unit() as unit:
            unit.products.lock()
            done = unit.products.put_all(offers, at=at)
            unit.commit()
        return done


@pytest.fixture(params=["memory", "postgres"])
def collection(request: pytest.FixtureRequest) -> Collection:
    """Return one collection, then the other, both empty."""
    if request.param == "memory":
        fake = FakeDatabase()
        return Collection(FakeOrderReads(fake), FakeProductReads(fake), fake.unit_of_work)
    database: Database = request.getfixturevalue("database")
    unit = cast("Callable[[], AbstractContextManager[Unit]]", database.unit_of_work)
    return Collection(OrderReads(database.reads), ProductReads(database.reads), unit)


def members(order: Any) -> dict[str, Any]:
    """Return all readable members of an order."""
    return {name: getattr(order, name) for name in MEMBERS}


def offer(sku: str, price: str, currency: Currency = EUR) -> Price:
    """Return a price."""
    return Price(sku=sku, currency=currency, price=Decimal(price))


class TestOrders:
    def test_an_added_order_is_read_with_every_member_and_item(self, collection: Collection) -> None:
        """The amount has its exact digits."""
        (order,) = collection.added("alice", pieces=3)
        assert members(collection.reads.get(order.id)) == members(order)
        page = collection.reads.items([order.id], Expansion())[order.id]
        assert [(item.number, item.sku, item.quantity, str(item.unit_price)) for item in page.rows] == [
            (n, f"sku {n}", n, "0.10") for n in (1, 2, 3)
        ]
        assert (str(collection.reads.get(order.id).total), page.next) == ("0.60", None)

    def test_an_unknown_id_is_rejected(self, collection: Collection) -> None:
        with pytest.raises(OrderNotFound):
            collection.reads.get(uuid4())
        with collection.unit() as unit, pytest.raises(OrderNotFound):
            unit.orders.get(uuid4())

    @pytest.mark.parametrize("commits", [True, False])
    def test_a_step_is_written_with_the_unit(self, collection: Collection, commits: bool) -> None:
        (order,) = collection.added("alice")
        with collection.unit() as unit:
            unit.orders.get(order.id).transition(Transition.SHIP, at=NOON + timedelta(hours=1))
            if commits:
                unit.commit()
        read = collection.reads.get(order.id)
        assert (read.status.name, read.version) == (("SHIPPED", 2) if commits else ("PENDING", 1))

    def test_a_list_is_filtered_and_sorted_and_goes_on(self, collection: Collection) -> None:
        orders = collection.added("alice", "bob", "alice", "alice")
        where = (Comparison("customer_id", Operator.EQ, "alice"),)
        order = (Ordering("create_time", descending=True),)
        first = collection.reads.page(ListQuery(where, order, 2))
        rest = collection.reads.page(ListQuery(where, order, 2, first.next))
        assert [row.id for row in (*first.rows, *rest.rows)] == [orders[n].id for n in (3, 2, 0)]
        assert (first.total_size, rest.next) == (3, None)

    @pytest.mark.parametrize(
        ("expansion", "numbers", "after"),
        [
            (Expansion(), [1, 2, 3, 4, 5], None),
            (Expansion(size=2), [1, 2], 2),
            (Expansion(size=2, after=2), [3, 4], 4),
            (Expansion(size=2, after=4), [5], None),
            (Expansion(size=5), [1, 2, 3, 4, 5], None),
            (Expansion(size=5, after=5), None, None),
        ],
    )
    def test_items_are_a_page_of_each_order(
        self, collection: Collection, expansion: Expansion, numbers: list[int] | None, after: int | None
    ) -> None:
        orders = collection.added("alice", "bob", pieces=5)
        pages = collection.reads.items([*(order.id for order in orders), uuid4()], expansion)
        if numbers is None:
            assert pages == {}
            return
        assert {*pages} == {order.id for order in orders}
        for order in orders:
            assert [item.number for item in pages[order.id].rows] == numbers
            assert {item.order_id for item in pages[order.id].rows} == {order.id}
            assert pages[order.id].next == after


class TestProducts:
    def test_stored_prices_are_read_by_currency(self, collection: Collection) -> None:
        assert not collection.products.exist()
        collection.put(offer("tea", "4.90"), offer("tea", "5.40", USD), offer("cup", "0.00"))
        with collection.unit() as unit:
            assert unit.products.prices(["tea", "cup", "no"], EUR) == {"tea": Decimal("4.90"), "cup": Decimal("0.00")}
            assert {k: str(v) for k, v in unit.products.prices({"tea", "cup"}, USD).items()} == {"tea": "5.40"}
        assert collection.products.exist()

    def test_a_price_is_replaced_once_at_a_time(self, collection: Collection) -> None:
        assert collection.put(offer("tea", "1.00"), offer("cup", "2.00")) == {("tea", EUR), ("cup", EUR)}
        assert collection.put(offer("tea", "3.00"), offer("pot", "3.00")) == {("pot", EUR)}
        assert collection.put(offer("tea", "4.00"), at=NOON + timedelta(seconds=1)) == {("tea", EUR)}
        with collection.unit() as unit:
            assert unit.products.prices(["tea"], EUR) == {"tea": Decimal("4.00")}

    def test_pages_go_on_behind_the_last(self, collection: Collection) -> None:
        offers = [offer("a", "1.00", USD), offer("a", "1.00"), offer("b", "1.00"), offer("c", "1.00", USD)]
        collection.put(*offers[::-1])
        after, found = ("", 0), []
        while page := collection.products.page(after, 3):
            found += [(each.sku, each.currency, each.price) for each in page]
            after = (page[-1].sku, page[-1].currency)
        assert found == [(each.sku, each.currency, each.price) for each in offers]


class TestSchema:
    """Rows that the database itself rejects, whatever the code does."""

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE orders SET total = -0.01",
            "UPDATE orders SET total = 1e12",
            "UPDATE orders SET status = 4",
            "UPDATE orders SET currency = 0",
            "UPDATE orders SET customer_id = ''",
            "UPDATE order_items SET quantity = 0",
            "UPDATE order_items SET quantity = 1001",
            "UPDATE order_items SET unit_price = -1",
            "UPDATE order_items SET number = 101",
            "UPDATE order_items SET order_id = gen_random_uuid()",
            "UPDATE products SET price = -0.01",
            "UPDATE products SET currency = 4",
            "UPDATE products SET sku = repeat('x', 65)",
        ],
    )
    def test_invalid_rows_are_rejected(self, database: Database, app: Flask, statement: str) -> None:
        stock(app)
        Collection(
            OrderReads(database.reads),
            ProductReads(database.reads),
            cast("Callable[[], AbstractContextManager[Unit]]", database.unit_of_work),
        ).added("alice")
        with translating(), pytest.raises(Error) as refused, database.engine.begin() as connection:
            connection.execute(text(statement))
        assert refused.value.kind in {Kind.DATABASE, Kind.VALIDATION}

    def test_items_go_with_their_order(self, database: Database) -> None:
        """Never orphaned."""
        with database.engine.begin() as connection:
            connection.execute(text("INSERT INTO orders VALUES (gen_random_uuid(), 'alice', 1, 1, 1, now(), now(), 1)"))
            connection.execute(text("INSERT INTO order_items SELECT id, 1, 'tea', 1, 1 FROM orders"))
            connection.execute(text("DELETE FROM orders"))
            assert connection.execute(text("SELECT count(*) FROM order_items")).scalar_one() == 0
        assert Item.__tablename__ == "order_items"


class TestCosts:
    @pytest.fixture
    def path(
        self,
        client: FlaskClient,
        app: Flask,
        bearer: Callable[..., dict[str, str]],
        statements: list[str],
    ) -> str:
        """Return the path of an order; the statements of its creation are discarded."""
        stock(app)
        for sent in (body(), body(items=items(*["CUP"] * 99, "TEA-100"))):
            statements.clear()
            created = client.post("/v1/orders", json=sent, headers=bearer(scopes="orders"))
            assert created.status_code == 201
            assert words(statements) == ["SELECT", "INSERT", "INSERT", "COMMIT"]
        statements.clear()
        return created.headers["Location"]

    @pytest.mark.parametrize(
        ("method", "suffix", "cost"),
        [
            ("GET", "", ["SELECT"]),
            ("GET", "?expand=items", ["SELECT", "SELECT"]),
            ("GET", "?expand=items&fields=id", ["SELECT"]),
            ("POST", ":cancel", ["SELECT", "UPDATE", "COMMIT"]),
            ("POST", ":ship", ["SELECT", "UPDATE", "COMMIT"]),
        ],
    )
    def test_each_request_is_as_few_statements_as_it_takes(
        self,
        client: FlaskClient,
        bearer: Callable[..., dict[str, str]],
        path: str,
        statements: list[str],
        method: str,
        suffix: str,
        cost: list[str],
    ) -> None:
        response = client.open(path + suffix, method=method, headers=bearer(scopes="admin"))
        assert response.status_code == 200
        assert words(statements) == cost

    def test_for_another_user_no_statement_is_sent(
        self, client: FlaskClient, bearer: Callable[..., dict[str, str]], statements: list[str]
    ) -> None:
        """403 before any statement."""
        response = client.post("/v1/orders", json=body(customer_id="bob"), headers=bearer(scopes="orders"))
        assert (response.status_code, statements) == (403, [])
