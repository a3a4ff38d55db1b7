"""What can be ordered, and what it costs: the service's own prices, which no caller can name."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import IntEnum
from typing import Final

from sqlalchemy import CheckConstraint, Numeric, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, SmallEnum

SKU_LENGTH: Final = 64
MINOR_DIGITS: Final = 2
"""Digits behind the point; every currency here has cents (ISO 4217)."""
PRICE_DIGITS: Final = 9
"""Digits in all: a price is below ten million."""


class Currency(IntEnum):
    """What prices are in."""

    USD = 1
    EUR = 2
    GBP = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What is to be paid for one piece of a product in a currency."""

    sku: str
    currency: Currency
    price: Decimal


class Product(Base):
    """A product with its price in one currency; what it costs in another is another row."""

    __tablename__ = "products"

    sku: Mapped[str] = mapped_column(Text, primary_key=True)
    currency: Mapped[Currency] = mapped_column(SmallEnum(Currency), primary_key=True)
    price: Mapped[Decimal] = mapped_column(Numeric(PRICE_DIGITS, MINOR_DIGITS))
    update_time: Mapped[datetime]

    __table_args__ = (
        CheckConstraint(f"char_length(sku) BETWEEN 1 AND {SKU_LENGTH}", "sku_length"),
        CheckConstraint("currency BETWEEN 1 AND 3", "currency_known"),
        CheckConstraint("price >= 0", "price_not_negative"),
    )
