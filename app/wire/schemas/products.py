"""The fields of products and prices."""

from typing import Any

from app.models.products import SKU_LENGTH, Currency
from app.wire import fields
from app.wire.validators import Length, Printable


def sku(**kwargs: Any) -> fields.Text:
    """Return the field of a product's ID."""
    rules = [Length(min=1, max=SKU_LENGTH), Printable()]
    return fields.Text(
        validate=rules,
        metadata={"example": "TEA-100", "pattern": Printable.LINE, "description": "The ID of the product."},
        **kwargs,
    )


def currency(**kwargs: Any) -> fields.Choice[Currency]:
    """Return the field of a currency (ISO 4217)."""
    return fields.Choice(Currency, metadata={"example": "EUR", "description": "The currency (ISO 4217)."}, **kwargs)
