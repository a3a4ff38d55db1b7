"""The collection of orders."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Final, cast
from uuid import UUID

from sqlalchemy import Row, Uuid, any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from app.errs.orders import OrderNotFound
from app.models.orders import Expansion, Item, ItemPage, Order, OrderView
from app.models.query import ListQuery, Page
from app.repositories import listing
from app.repositories.autocommit_reads import Reads
from app.repositories.compiled_statement import CompiledStatement

COLUMNS: Final = tuple(Order.__table__.columns)
MEMBERS: Final = {column.key: column for column in COLUMNS}
ONE: Final = CompiledStatement(select(*COLUMNS).where(Order.id == bindparam("of")))
ITEMS: Final = CompiledStatement(
    select(*Item.__table__.columns)
    .where(
        Item.order_id == any_(bindparam("orders", type_=ARRAY(Uuid))),
        Item.number > bindparam("after"),
        Item.number <= bindparam("last"),
    )
    .order_by(Item.order_id, Item.number)
)
"""The statement reads a range of the primary key for each order."""


class OrderReads:
    """Reads orders and their items as rows of columns."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    def get(self, order_id: UUID) -> OrderView:
        """Return the order.

        Raises:
            OrderNotFound: there is no order with this ID.
        """
        row = self._reads.first(ONE, of=order_id)
        if row is None:
            raise OrderNotFound
        return cast("OrderView", row)

    def page(self, query: ListQuery) -> Page[OrderView]:
        """Return one page of the orders that match."""
        return cast("Page[OrderView]", listing.page(self._reads, COLUMNS, MEMBERS, query))

    def items(self, order_ids: Sequence[UUID], expansion: Expansion) -> Mapping[UUID, ItemPage]:
        """Return a page of items for each order that has items in this range. One statement reads all of them."""
        last = expansion.after + expansion.size + 1
        rows = self._reads.all(ITEMS, orders=order_ids, after=expansion.after, last=last)
        by_order = groupby(rows, key=lambda row: cast("UUID", row.order_id))
        return {order_id: _page([*items], expansion.size) for order_id, items in by_order}


def _page(rows: Sequence[Row[Any]], size: int) -> ItemPage:
    return ItemPage(cast("Any", rows[:size]), rows[size - 1].number if len(rows) > size else None)


class OrderRepository:
    """Orders as entities, inside a unit of work."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, order_id: UUID) -> Order:
        """Return the order without its items, locked until the unit of work ends.

        Raises:
            OrderNotFound: there is no order with this ID.
        """
        order = self._session.get(Order, order_id, with_for_update=True, populate_existing=True)
        if order is None:
            raise OrderNotFound
        return order

    def add(self, order: Order) -> None:
        """Add the order with its items."""
        self._session.add(order)
        self._session.flush()
