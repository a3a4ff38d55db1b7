"""Operations on orders."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from app.errs import raises
from app.errs.lists import InvalidOrderBy
from app.errs.orders import NotOrderCustomer, OrderNotCancellable, OrderNotFound, OrderNotShippable
from app.errs.requests import PreconditionFailed, ValidationFailed
from app.models.orders import (
    MAX_EXPANDED_ORDERS,
    Expansion,
    ItemPage,
    NewOrder,
    Order,
    OrderView,
    OrderWithItems,
    Transition,
)
from app.models.precondition import NO_PRECONDITION, Precondition, revision
from app.models.products import Currency
from app.models.query import Comparison, ListQuery, Operator, Page
from app.request_context import Principal
from app.resilience.clock import Clock
from app.resilience.transaction_retry import transaction


class OrderCollection(Protocol):
    """Orders as entities; see ``app.repositories.orders``."""

    def get(self, order_id: UUID) -> Order: ...  # noqa: D102
    def add(self, order: Order) -> None: ...  # noqa: D102


class PriceList(Protocol):
    """The prices of products; see ``app.repositories.products``."""

    def prices(self, skus: Collection[str], currency: Currency) -> Mapping[str, Decimal]: ...  # noqa: D102


class OrderReads(Protocol):
    """Orders as rows; see ``app.repositories.orders``."""

    def get(self, order_id: UUID) -> OrderView: ...  # noqa: D102
    def page(self, query: ListQuery) -> Page[OrderView]: ...  # noqa: D102
    def items(self, order_ids: Sequence[UUID], expansion: Expansion) -> Mapping[UUID, ItemPage]: ...  # noqa: D102


class Unit(Protocol):
    """One transaction."""

    @property
    def orders(self) -> OrderCollection: ...  # noqa: D102
    @property
    def products(self) -> PriceList: ...  # noqa: D102
    def commit(self) -> None: ...  # noqa: D102


class OrderService:
    """The operations on orders. Customers read and cancel their own orders. Admins read, cancel and ship all orders."""

    def __init__(
        self, *, reads: OrderReads, unit_of_work: Callable[[], AbstractContextManager[Unit]], clock: Clock
    ) -> None:
        self._reads = reads
        self._unit_of_work = unit_of_work
        self._clock = clock

    @raises(NotOrderCustomer, ValidationFailed)
    @transaction
    def create(self, new: NewOrder, *, by: Principal) -> Order:
        """Create an order at the current prices. Only an admin can create one for another customer, existing or not."""
        _check_customer(new.customer_id, by)
        with self._unit_of_work() as unit:
            prices = unit.products.prices({each.sku for each in new.items}, new.currency)
            order = Order.place(new, prices, at=self._clock.now())
            unit.orders.add(order)
            unit.commit()
        return order

    @raises(OrderNotFound, NotOrderCustomer, PreconditionFailed)
    def get(
        self,
        order_id: UUID,
        *,
        by: Principal,
        expansion: Expansion | None = None,
        precondition: Precondition = NO_PRECONDITION,
    ) -> OrderWithItems:
        """Return an order that the caller may read, with a page of its items if requested."""
        order = self._reads.get(order_id)
        _check_customer(order.customer_id, by)
        precondition.check(revision(order.version, order.update_time))
        return self._with_items([order], expansion)[0]

    @raises(InvalidOrderBy)
    def page(self, query: ListQuery, *, by: Principal, expansion: Expansion | None = None) -> Page[OrderWithItems]:
        """Return one page of the caller's orders; for an admin, of all orders. With items, pages are shorter."""
        if not by.is_admin:
            query = replace(query, where=(Comparison("customer_id", Operator.EQ, by.id), *query.where))
        if expansion:
            query = replace(query, page_size=min(query.page_size, MAX_EXPANDED_ORDERS))
        page = self._reads.page(query)
        return Page(self._with_items(page.rows, expansion), page.next, page.total_size)

    @raises(OrderNotFound, NotOrderCustomer, PreconditionFailed, OrderNotCancellable)
    @transaction
    def cancel(self, order_id: UUID, *, by: Principal, precondition: Precondition = NO_PRECONDITION) -> Order:
        """Cancel a pending order of the caller. Admins can cancel any pending order."""
        return self._transition(Transition.CANCEL, order_id, precondition, customer=by)

    @raises(OrderNotFound, PreconditionFailed, OrderNotShippable)
    @transaction
    def ship(self, order_id: UUID, *, precondition: Precondition = NO_PRECONDITION) -> Order:
        """Mark a pending order as shipped. Of a shipment and a concurrent cancellation, only one succeeds."""
        return self._transition(Transition.SHIP, order_id, precondition)

    def _transition(
        self, transition: Transition, order_id: UUID, precondition: Precondition, *, customer: Principal | None = None
    ) -> Order:
        with self._unit_of_work() as unit:
            order = unit.orders.get(order_id)
            if customer is not None:
                _check_customer(order.customer_id, customer)
            precondition.check(revision(order.version, order.update_time))
            order.transition(transition, at=self._clock.now())
            unit.commit()
        return order

    def _with_items(self, orders: Sequence[OrderView], expansion: Expansion | None) -> tuple[OrderWithItems, ...]:
        """Return the orders with their items. One statement reads the items of all orders."""
        if expansion is None or not orders:
            return tuple(OrderWithItems(order) for order in orders)
        items = self._reads.items([order.id for order in orders], expansion)
        return tuple(OrderWithItems(order, items.get(order.id, ItemPage())) for order in orders)


def _check_customer(customer_id: str, by: Principal) -> None:
    """Check that the caller is the customer or an admin.

    Raises:
        NotOrderCustomer: the caller is neither.
    """
    if customer_id != by.id and not by.is_admin:
        raise NotOrderCustomer(user=by.id)
