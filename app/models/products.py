"""Products and their prices. Callers can't set the price of an order."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import IntEnum
from typing import Final

from sqlalchemy import CheckConstraint, Numeric, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.declarative_base import Base, SmallEnum

SKU_LENGTH: Final = 64
MINOR_DIGITS: Final = 2
"""Digits after the decimal point. All supported currencies have cents (ISO 4217)."""
PRICE_DIGITS: Final = 9
"""The total number of digits. A price is below ten million."""


class Currency(IntEnum):
    """The supported currencies."""

    USD = 1
    EUR = 2
    GBP = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """The price of one piece of a product in a currency."""

    sku: str
    currency: Currency
    price: Decimal


class Product(Base):
    """A product with its price in one currency. Each currency has a separate row."""

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
