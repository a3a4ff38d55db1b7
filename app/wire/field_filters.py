"""The filters of fields: each type of field has the operators of its values."""

from collections.abc import Callable
from typing import Any, Final

import marshmallow as ma

from app.wire import fields, filter_types
from app.wire.filter_types import FilterMember

_BY_TYPE: Final[dict[type, Callable[..., FilterMember]]] = {
    fields.Uuid: filter_types.uuid,
    fields.Boolean: filter_types.boolean,
    fields.Integer: filter_types.integer,
    fields.Money: filter_types.amount,
    fields.Date: filter_types.date,
    fields.Timestamp: filter_types.timestamp,
    fields.Text: filter_types.text,
}


def filter_of(field: "ma.fields.Field[Any]") -> FilterMember | None:
    """Return the way that a list is filtered by a field; ``None`` for arrays and objects."""
    nullable = bool(field.allow_none)
    if isinstance(field, fields.EnumName):
        return filter_types.choice(type(field.default), prefix=field.prefix, nullable=nullable)
    return next((made(nullable=nullable) for kind, made in _BY_TYPE.items() if isinstance(field, kind)), None)
