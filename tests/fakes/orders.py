"""The collection of orders in memory; a contract test compares it with ``app.repositories.orders``."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast
from uuid import UUID

from app.errs.orders import OrderNotFound
from app.models.orders import Expansion, ItemPage, Order, OrderView
from app.models.query import ListQuery, Page
from app.repositories.orders import MEMBERS
from tests.fakes import listing


class Storage(Protocol):
    """The rows, by ID, and the rows of items, by the ID of their order."""

    orders: dict[UUID, dict[str, Any]]
    order_items: dict[UUID, list[dict[str, Any]]]


class FakeOrderReads:
    """Reads orders as rows."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def get(self, order_id: UUID) -> OrderView:
        """Return the order."""
        if order_id not in self._storage.orders:
            raise OrderNotFound
        return cast("OrderView", listing.view(self._storage.orders[order_id]))

    def page(self, query: ListQuery) -> Page[OrderView]:
        """Return one page of the matching orders."""
        return listing.page(self._storage.orders.values(), query)

    def items(self, order_ids: Sequence[UUID], expansion: Expansion) -> Mapping[UUID, ItemPage]:
        """Return a page of items for each order that has items on it."""
        pages = {}
        for order_id in order_ids:
            rows = [row for row in self._storage.order_items.get(order_id, []) if row["number"] > expansion.after]
            if rows:
                last = rows[expansion.size - 1]["number"] if len(rows) > expansion.size else None
                pages[order_id] = ItemPage([cast("Any", listing.view(row)) for row in rows[: expansion.size]], last)
        return pages


class FakeOrderRepository:
    """Orders as entities, inside a unit of work."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._held: dict[UUID, Order] = {}

    def get(self, order_id: UUID) -> Order:
        """Return the order; the unit writes its changes."""
        if order_id not in self._storage.orders:
            raise OrderNotFound
        return self._held.setdefault(order_id, Order(**self._storage.orders[order_id]))

    def add(self, order: Order) -> None:
        """Add the order with its items."""
        self._held[order.id] = order
        self._storage.order_items[order.id] = [
            {
                "order_id": order.id,
                **{name: getattr(item, name) for name in ("number", "sku", "quantity", "unit_price")},
            }
            for item in order.items
        ]
        self.flush()

    def flush(self) -> None:
        """Write the changes."""
        for order in self._held.values():
            self._storage.orders[order.id] = {name: getattr(order, name) for name in MEMBERS}
