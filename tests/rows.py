"""Rows of any table: the rows that a sample or a test refers to."""

import uuid
from collections.abc import Container, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final, cast

from flask import Flask
from sqlalchemy import Column, Connection, String, Table, TypeDecorator, insert, select
from sqlalchemy.dialects.postgresql import ARRAY

from app.extensions import db
from app.models import Base

VALUES: Final[Mapping[type, Any]] = {
    int: 1,
    bool: True,
    Decimal: Decimal(1),
    date: date(2030, 1, 31),
    datetime: datetime(2030, 1, 31, 12, tzinfo=UTC),
    dict: {},
    list: [],
}
"""A value of each type of column, except texts and UUIDs, which can be unique."""


PARENT: Final = "8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33"
"""The ID of each parent in the paths of samples."""
OWNERS: Final = ("created_by", "customer_id")
"""The columns with the user that a row belongs to."""


def stored(connection: Connection, table: Table, **values: Any) -> dict[str, Any]:
    """Store a row with these values, and with rows for its foreign keys; return it. Optional columns stay empty."""
    row = {**values, **{name: value for name, value in parents(connection, table).items() if name not in values}}
    for column in table.columns:
        is_filled = column.nullable or column.server_default is not None or column.identity is not None
        if column.name not in row and not is_filled:
            row[column.name] = _value(column)
    connection.execute(insert(table).values(row))
    return row


def parents(connection: Connection, table: Table, but: Container[str] = ()) -> dict[str, Any]:
    """Store a row for each foreign key of a table, and return their keys by the names of the columns."""
    found = {}
    for key in (each for each in table.foreign_key_constraints if each.column_keys[0] not in but):
        (element,) = key.elements
        parent = stored(connection, element.column.table)
        found[str(key.column_keys[0])] = parent[element.column.name]
    return found


def prerequisites(app: Flask, operation: str) -> dict[str, Any]:
    """Store the rows to which the body of an operation on a table refers, and return its references, as JSON.

    A creation under a parent needs the parent of the path too.
    """
    *above, name = operation.partition("/v1/")[2].split("/")
    table = Base.metadata.tables.get(name if above else name.partition(":")[0])
    if table is None or not table.foreign_keys:
        return {}
    nested = {column for column in map(str, table.columns.keys()) if f"<id:{column}>" in above}
    with app.app_context(), db.engine.begin() as connection:
        for column in nested:
            store_parent(connection, table, column)
        found = parents(connection, table, but=nested)
    return {name: str(key) for name, key in found.items()}


def store_parent(connection: Connection, table: Table, column: str, *, owner: str = "alice", key: str = PARENT) -> None:
    """Store the parent of nested rows, which belongs to this user, unless it is there."""
    (element,) = (each for each in table.columns[column].foreign_keys)
    parent = element.column.table
    owners = {name: owner for name in OWNERS if name in parent.columns}
    if connection.execute(select(parent.c.id).where(parent.c.id == uuid.UUID(key))).first() is None:
        stored(connection, parent, id=uuid.UUID(key), **owners)


def _value(column: Column[Any]) -> Any:
    kind = column.type
    plain = kind.impl_instance if isinstance(kind, TypeDecorator) else kind
    if isinstance(plain, ARRAY):
        return []
    if isinstance(plain, String):
        return uuid.uuid4().hex[: plain.length]
    return uuid.uuid4() if plain.python_type is uuid.UUID else cast("Any", VALUES[plain.python_type])
