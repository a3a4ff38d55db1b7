"""Orders, their items and their invariants."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum, IntEnum, auto
from typing import Final, Protocol
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, SmallInteger, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.errs.error import Error, Violation
from app.errs.orders import OrderNotCancellable, OrderNotShippable
from app.errs.requests import ValidationFailed
from app.models.declarative_base import Base, SmallEnum
from app.models.products import MINOR_DIGITS, PRICE_DIGITS, SKU_LENGTH, Currency

CUSTOMER_LENGTH: Final = 500
MAX_ITEMS: Final = 100
"""The maximum number of items of an order, and of items in one page."""
MAX_EXPANDED_ORDERS: Final = 50
"""The maximum number of orders on a page that includes their items."""
MAX_QUANTITY: Final = 1000
TOTAL_DIGITS: Final = PRICE_DIGITS + 5
"""The total number of digits. A hundred items of a thousand pieces at the highest price fit."""


class Status(IntEnum):
    """The status of an order."""

    PENDING = 1
    SHIPPED = 2
    CANCELLED = 3


class Transition(Enum):
    """The transitions of an order."""

    SHIP = auto()
    CANCEL = auto()


TRANSITIONS: Final = {
    (Status.PENDING, Transition.SHIP): Status.SHIPPED,
    (Status.PENDING, Transition.CANCEL): Status.CANCELLED,
}
"""The allowed transitions: from a status, by a transition, to the next status. All others are rejected."""
NOT_ALLOWED: Final[Mapping[Transition, type[Error]]] = {
    Transition.SHIP: OrderNotShippable,
    Transition.CANCEL: OrderNotCancellable,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewItem:
    """A product and its quantity."""

    sku: str
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """The caller's data for a new order. It has no prices: they come from the product table."""

    customer_id: str
    currency: Currency
    items: tuple[NewItem, ...]


class OrderView(Protocol):
    """The readable attributes of an order, as an entity or as a row of columns."""

    @property
    def id(self) -> UUID: ...  # noqa: D102
    @property
    def customer_id(self) -> str: ...  # noqa: D102
    @property
    def status(self) -> Status: ...  # noqa: D102
    @property
    def total(self) -> Decimal: ...  # noqa: D102
    @property
    def update_time(self) -> datetime: ...  # noqa: D102
    @property
    def version(self) -> int: ...  # noqa: D102


class ItemView(Protocol):
    """The readable attributes of an item."""

    @property
    def order_id(self) -> UUID: ...  # noqa: D102
    @property
    def number(self) -> int: ...  # noqa: D102
    @property
    def sku(self) -> str: ...  # noqa: D102
    @property
    def quantity(self) -> int: ...  # noqa: D102
    @property
    def unit_price(self) -> Decimal: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Expansion:
    """The items to include with an order: ``size`` items after the one with the number ``after``."""

    size: int = MAX_ITEMS
    after: int = 0


@dataclass(frozen=True, slots=True)
class ItemPage:
    """A page of items of one order. ``next`` is the number of the last item if there are more."""

    rows: Sequence[ItemView] = ()
    next: int | None = None


@dataclass(frozen=True, slots=True)
class OrderWithItems:
    """An order with the requested page of its items; ``None`` if no items were requested."""

    order: OrderView
    items: ItemPage | None = None


class Item(Base):
    """An ordered product with its quantity, and its price at the time of the order."""

    __tablename__ = "order_items"

    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    """Numbered from 1 without gaps. Items never change, therefore a page of them is a range of numbers."""
    sku: Mapped[str] = mapped_column(Text)
    quantity: Mapped[int]
    unit_price: Mapped[Decimal] = mapped_column(Numeric(PRICE_DIGITS, MINOR_DIGITS))

    __table_args__ = (
        CheckConstraint(f"number BETWEEN 1 AND {MAX_ITEMS}", "number_small"),
        CheckConstraint(f"char_length(sku) BETWEEN 1 AND {SKU_LENGTH}", "sku_length"),
        CheckConstraint(f"quantity BETWEEN 1 AND {MAX_QUANTITY}", "quantity_possible"),
        CheckConstraint("unit_price >= 0", "unit_price_not_negative"),
    )


class Order(Base):
    """An order. It belongs to the customer, even if an admin created it. It keeps the prices of its creation."""

    __tablename__ = "orders"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[str] = mapped_column(Text)
    status: Mapped[Status] = mapped_column(SmallEnum(Status))
    currency: Mapped[Currency] = mapped_column(SmallEnum(Currency))
    total: Mapped[Decimal] = mapped_column(Numeric(TOTAL_DIGITS, MINOR_DIGITS))
    create_time: Mapped[datetime]
    update_time: Mapped[datetime]
    version: Mapped[int]
    items: Mapped[list[Item]] = relationship(order_by=Item.number, lazy="raise", passive_deletes="all")
    """Written with the order. Read separately, in pages."""

    __table_args__ = (
        Index("ix_orders_customer_id_create_time", "customer_id", "create_time", "id"),
        Index("ix_orders_customer_id_update_time", "customer_id", "update_time", "id"),
        Index("ix_orders_create_time", "create_time", "id"),
        Index("ix_orders_update_time", "update_time", "id"),
        CheckConstraint(f"char_length(customer_id) BETWEEN 1 AND {CUSTOMER_LENGTH}", "customer_id_length"),
        CheckConstraint("status BETWEEN 1 AND 3", "status_known"),
        CheckConstraint("currency BETWEEN 1 AND 3", "currency_known"),
        CheckConstraint("total >= 0", "total_not_negative"),
    )

    @classmethod
    def place(cls, new: NewOrder, prices: Mapping[str, Decimal], *, at: datetime) -> "Order":
        """Return a new order at these prices. Two items with the same product stay two items.

        Raises:
            ValidationFailed: some products have no price; there is a violation for each of their items.
        """
        if violations := tuple(_unpriced_items(new, prices)):
            raise ValidationFailed(violations=violations)
        items = [
            Item(number=number, sku=each.sku, quantity=each.quantity, unit_price=prices[each.sku])
            for number, each in enumerate(new.items, 1)
        ]
        return cls(
            id=uuid4(),
            customer_id=new.customer_id,
            status=Status.PENDING,
            currency=new.currency,
            total=sum((each.unit_price * each.quantity for each in items), Decimal()),
            create_time=at,
            update_time=at,
            version=1,
            items=items,
        )

    def transition(self, transition: Transition, *, at: datetime) -> None:
        """Change the status by a transition.

        Raises:
            OrderNotShippable, OrderNotCancellable: the current status does not allow the transition.
        """
        if (self.status, transition) not in TRANSITIONS:
            raise NOT_ALLOWED[transition](order_status=f"STATUS_{self.status.name}")
        self.status = TRANSITIONS[self.status, transition]
        self.update_time = max(at, self.update_time)
        self.version += 1


def _unpriced_items(new: NewOrder, prices: Mapping[str, Decimal]) -> list[Violation]:
    """Return a violation for every item whose product is unknown or is not sold in the currency."""
    message = f"is not a product with a price in {new.currency.name}"
    lacking = (f"items[{index}].sku" for index, each in enumerate(new.items) if each.sku not in prices)
    return [Violation.of_member(field, "BROKEN_LINK", f"{field} {message}") for field in lacking]
