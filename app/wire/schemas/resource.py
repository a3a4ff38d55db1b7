"""The parts that the schemas of ``flask new resource`` share."""

from enum import IntEnum
from typing import Any, Final, cast

import marshmallow as ma
from sqlalchemy import types
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.types import TypeEngine

from app.models.declarative_base import SmallEnum
from app.wire import fields
from app.wire.list_parameters import MAX_PAGE_SIZE
from app.wire.schemas.base import Schema
from app.wire.validators import Length, Printable, Range

EXAMPLE_ID: Final = "8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33"
_MOMENT: Final = "2026-11-21T09:30:00.000001Z"
_LARGEST: Final = 2**31 - 1
_PLAIN: Final[tuple[tuple[type[Any], Any, Any], ...]] = (
    (types.Boolean, fields.Boolean, True),
    (types.Date, fields.Date, "2030-01-31"),
    (types.DateTime, fields.Timestamp, "2030-01-31T12:00:00Z"),
    (types.Uuid, fields.Uuid, EXAMPLE_ID),
)
"""Types of columns without limits, with their fields and an example."""


def resource_id() -> fields.Uuid:
    """Return the field of a resource's ID."""
    return fields.Uuid(dump_only=True, metadata={"example": EXAMPLE_ID, "description": "The ID."})


def create_time() -> fields.Timestamp:
    """Return the field of the time of creation."""
    return fields.Timestamp(dump_only=True, metadata={"example": _MOMENT, "description": "When it was created."})


def update_time() -> fields.Timestamp:
    """Return the field of the time of the last change."""
    return fields.Timestamp(dump_only=True, metadata={"example": _MOMENT, "description": "When it was last changed."})


def subject() -> fields.Text:
    """Return the field of the user who created the resource."""
    return fields.Text(dump_only=True, metadata={"example": "alice", "description": "The subject of the user's token."})


def field(column: InstrumentedAttribute[Any], description: str, *, dump_only: bool = False) -> "ma.fields.Field[Any]":
    """Return the field of a column. Its type, its limits, and whether it is required are those of the column.

    Raises:
        TypeError: no field fits the type of the column; write one.
    """
    nullable = bool(column.property.columns[0].nullable)
    more = {"dump_only": dump_only, "required": not dump_only and not nullable, "allow_none": nullable}
    return _field(column.key, column.type, {"description": description}, more)


def _field(name: str, kind: TypeEngine[Any], said: dict[str, Any], more: dict[str, Any]) -> "ma.fields.Field[Any]":
    match kind:
        case SmallEnum():
            first: IntEnum = next(iter(cast("type[IntEnum]", kind.enum)))
            return fields.EnumName(kind.enum, prefix=f"{name.upper()}_", default=first, metadata=said, **more)
        case types.String(length=int(length)):
            line = {**said, "example": "A1"[:length], "pattern": Printable.LINE}
            return fields.Text(validate=[Length(min=1, max=length), Printable()], metadata=line, **more)
        case types.Integer():
            return fields.Integer(validate=Range(min=-_LARGEST, max=_LARGEST), metadata={**said, "example": 1}, **more)
        case types.Numeric(precision=int(digits)):
            return fields.Money(digits=digits, metadata={**said, "example": "9.80"}, **more)
    for plain, made, example in _PLAIN:
        if isinstance(kind, plain):
            return cast("ma.fields.Field[Any]", made(metadata={**said, "example": example}, **more))
    raise TypeError(f"{name} has the type {kind!r}, which has no field: write one, such as fields.Text(...)")


class ResourceInputSchema(Schema):
    """The mixin of an input. Absent optional properties are null, also when a resource is replaced."""

    def make(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the values of all writable properties."""
        return {name: values.get(name) for name in self.load_fields}


class DeletedSchema(Schema):
    """The response to a deletion."""

    id = fields.Uuid(metadata={"example": EXAMPLE_ID, "description": "The ID of the deleted resource."})
    deleted = fields.Boolean(metadata={"description": "Always true."})


def page_of(schema: type[Schema], resource: str) -> type[Schema]:
    """Return the schema of a page of a list. Its name is that of the schema, with ``List``."""
    members: dict[str, ma.fields.Field[Any]] = {
        resource: fields.Listed(
            fields.Object(schema), longest=MAX_PAGE_SIZE, metadata={"description": "The items of the page."}
        ),
        "next_page_token": fields.Text(
            allow_none=True, metadata={"description": "`page_token` of the next page; null on the last page."}
        ),
        "total_size": fields.Integer(
            metadata={
                "description": "The items of all pages, counted on the first page; -1 if counting takes too long.",
                "minimum": -1,
            }
        ),
    }
    attributes = {"__doc__": f"A page of {resource}.", "__module__": schema.__module__, "projects": resource, **members}
    return type(f"{schema.__name__.removesuffix('Schema')}ListSchema", (Schema,), attributes)
