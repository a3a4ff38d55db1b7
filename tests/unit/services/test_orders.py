"""The use cases of orders, with every error that they declare."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from app.errs.orders import NotOrderCustomer, OrderNotCancellable, OrderNotFound, OrderNotShippable
from app.errs.requests import PreconditionFailed, ValidationFailed
from app.models.orders import (
    MAX_EXPANDED_ORDERS,
    NOT_ALLOWED,
    TRANSITIONS,
    Expansion,
    NewItem,
    NewOrder,
    Order,
    Status,
    Transition,
)
from app.models.precondition import Precondition
from app.models.products import Currency
from app.models.query import ListQuery, Ordering
from app.request_context import Principal
from app.services.orders import OrderService
from tests.fakes.clock import FakeClock
from tests.fakes.orders import FakeOrderReads
from tests.fakes.unit_of_work import FakeDatabase

STALE = Precondition(frozenset({"9-0"}))
ALL = ListQuery((), (Ordering("create_time"),), 1000)


def new(customer_id: str = "alice", *skus: str, currency: Currency = Currency.EUR) -> NewOrder:
    """Return an order for two packs of tea and three cups, or for one of each given product."""
    items = [NewItem(sku=sku, quantity=1) for sku in skus] or [
        NewItem(sku="tea", quantity=2),
        NewItem(sku="cup", quantity=3),
    ]
    return NewOrder(customer_id=customer_id, currency=currency, items=tuple(items))


@pytest.fixture
def orders(database: FakeDatabase, clock: FakeClock) -> OrderService:
    """Return the service, with tea at 4.90 and cups at 0.10."""
    database.products = {
        ("tea", Currency.EUR): (Decimal("4.90"), clock.now()),
        ("cup", Currency.EUR): (Decimal("0.10"), clock.now()),
        ("tea", Currency.USD): (Decimal("5.40"), clock.now()),
    }
    return OrderService(reads=FakeOrderReads(database), unit_of_work=database.unit_of_work, clock=clock)


@pytest.fixture
def order(orders: OrderService, alice: Principal) -> Order:
    """Return alice's order."""
    return orders.create(new(), by=alice)


class TestCreate:
    def test_ok(self, order: Order, clock: FakeClock, database: FakeDatabase) -> None:
        assert (order.customer_id, order.status, order.currency) == ("alice", Status.PENDING, Currency.EUR)
        assert (str(order.total), order.version, order.create_time) == ("10.10", 1, clock.now())
        assert [(item.number, item.sku, str(item.unit_price)) for item in order.items] == [
            (1, "tea", "4.90"),
            (2, "cup", "0.10"),
        ]
        assert (list(database.orders), database.commits) == ([order.id], 1)

    def test_an_order_for_another_user_is_rejected_before_any_lookup(
        self, orders: OrderService, bob: Principal, database: FakeDatabase
    ) -> None:
        database.products = {}
        with pytest.raises(NotOrderCustomer):
            orders.create(new("alice", "no"), by=bob)

    def test_an_admin_can_order_for_any_user(self, orders: OrderService, admin: Principal) -> None:
        assert orders.create(new("alice"), by=admin).customer_id == "alice"

    def test_every_item_without_a_price_is_listed(
        self, orders: OrderService, alice: Principal, database: FakeDatabase
    ) -> None:
        with pytest.raises(ValidationFailed) as failed:
            orders.create(new("alice", "no", "tea", "cup", currency=Currency.USD), by=alice)
        assert [(each.field, each.pointer, each.code) for each in failed.value.violations] == [
            ("items[0].sku", "#/items/0/sku", "BROKEN_LINK"),
            ("items[2].sku", "#/items/2/sku", "BROKEN_LINK"),
        ]
        assert database.orders == {}


class TestGet:
    def test_ok(self, orders: OrderService, order: Order, alice: Principal, admin: Principal) -> None:
        assert orders.get(order.id, by=alice).items is None
        told = orders.get(order.id, by=admin, expansion=Expansion(size=1))
        assert told.order.id == order.id
        assert told.items is not None
        assert ([item.sku for item in told.items.rows], told.items.next) == (["tea"], 1)
        rest = orders.get(order.id, by=alice, expansion=Expansion(size=1, after=1)).items
        assert rest is not None
        assert ([item.sku for item in rest.rows], rest.next) == (["cup"], None)

    def test_an_unknown_id_is_rejected(self, orders: OrderService, alice: Principal) -> None:
        with pytest.raises(OrderNotFound):
            orders.get(uuid4(), by=alice)

    def test_another_user_s_order_is_rejected(self, orders: OrderService, order: Order, bob: Principal) -> None:
        with pytest.raises(NotOrderCustomer):
            orders.get(order.id, by=bob, precondition=STALE)

    def test_an_unexpected_version_is_rejected(self, orders: OrderService, order: Order, alice: Principal) -> None:
        with pytest.raises(PreconditionFailed):
            orders.get(order.id, by=alice, precondition=STALE)


class TestPage:
    def test_ok(self, orders: OrderService, order: Order, alice: Principal, bob: Principal, admin: Principal) -> None:
        orders.create(new("bob"), by=bob)
        assert [told.order.id for told in orders.page(ALL, by=alice).rows] == [order.id]
        assert orders.page(ALL, by=admin).total_size == 2

    def test_a_page_with_items_is_smaller(self, orders: OrderService, alice: Principal, clock: FakeClock) -> None:
        for _ in range(MAX_EXPANDED_ORDERS + 1):
            orders.create(new(), by=alice)
            clock.advance(seconds=1)
        page = orders.page(ALL, by=alice, expansion=Expansion())
        assert (len(page.rows), page.total_size) == (MAX_EXPANDED_ORDERS, MAX_EXPANDED_ORDERS + 1)
        assert all(told.items and len(told.items.rows) == 2 for told in page.rows)
        assert page.next is not None
        assert len(orders.page(ALL, by=alice).rows) == MAX_EXPANDED_ORDERS + 1


class TestTransitions:
    def test_every_transition_outside_the_table_is_rejected_with_its_states(
        self, order: Order, clock: FakeClock
    ) -> None:
        """STYLE 6."""
        for status in Status:
            for step in Transition:
                order.status, order.version = status, 1
                at = clock.now() + timedelta(hours=1)
                if (status, step) in TRANSITIONS:
                    order.transition(step, at=at)
                    assert (order.status, order.version, order.update_time) == (TRANSITIONS[status, step], 2, at)
                else:
                    with pytest.raises(NOT_ALLOWED[step], match=f"STATUS_{status.name}"):
                        order.transition(step, at=at)
                    assert (order.status, order.version) == (status, 1)

    def test_cancel(self, orders: OrderService, order: Order, alice: Principal, bob: Principal) -> None:
        with pytest.raises(OrderNotFound):
            orders.cancel(uuid4(), by=alice)
        with pytest.raises(NotOrderCustomer):
            orders.cancel(order.id, by=bob)
        with pytest.raises(PreconditionFailed):
            orders.cancel(order.id, by=alice, precondition=STALE)
        assert orders.cancel(order.id, by=alice).status is Status.CANCELLED
        with pytest.raises(OrderNotCancellable):
            orders.cancel(order.id, by=alice)
        assert orders.get(order.id, by=alice).order.status is Status.CANCELLED

    def test_ship(self, orders: OrderService, order: Order, alice: Principal) -> None:
        with pytest.raises(OrderNotFound):
            orders.ship(uuid4())
        with pytest.raises(PreconditionFailed):
            orders.ship(order.id, precondition=STALE)
        assert orders.ship(order.id).status is Status.SHIPPED
        with pytest.raises(OrderNotShippable):
            orders.ship(order.id)
        with pytest.raises(OrderNotCancellable):
            orders.cancel(order.id, by=alice)
