"""Rows of any table: the rows that a sample or a test refers to."""

import uuid
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final, cast

from flask import Flask
from sqlalchemy import Column, Connection, String, Table, TypeDecorator, insert
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


def stored(connection: Connection, table: Table, **values: Any) -> dict[str, Any]:
    """Store a row with these values, and with rows for its foreign keys; return it. Optional columns stay empty."""
    row = {**values, **{name: value for name, value in parents(connection, table).items() if name not in values}}
    for column in table.columns:
        is_filled = column.nullable or column.server_default is not None or column.identity is not None
        if column.name not in row and not is_filled:
            row[column.name] = _value(column)
    connection.execute(insert(table).values(row))
    return row


def parents(connection: Connection, table: Table) -> dict[str, Any]:
    """Store a row for each foreign key of a table, and return their keys by the names of the columns."""
    found = {}
    for key in table.foreign_key_constraints:
        (element,) = key.elements
        parent = stored(connection, element.column.table)
        found[str(key.column_keys[0])] = parent[element.column.name]
    return found


def prerequisites(app: Flask, operation: str) -> dict[str, Any]:
    """Store the rows to which the body of an operation on a table refers, and return its references, as JSON."""
    table = Base.metadata.tables.get(operation.partition("/v1/")[2].partition("/")[0])
    if table is None or not table.foreign_keys:
        return {}
    with app.app_context(), db.engine.begin() as connection:
        return {name: str(key) for name, key in parents(connection, table).items()}


def _value(column: Column[Any]) -> Any:
    kind = column.type
    plain = kind.impl_instance if isinstance(kind, TypeDecorator) else kind
    if isinstance(plain, ARRAY):
        return []
    if isinstance(plain, String):
        return uuid.uuid4().hex[: plain.length]
    return uuid.uuid4() if plain.python_type is uuid.UUID else cast("Any", VALUES[plain.python_type])
