"""Models and the lists of their rows: indexes, page tokens and members, compared without a database."""

import importlib
import importlib.util
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

import pytest
from sqlalchemy import (
    ARRAY,
    Column,
    Date,
    DateTime,
    ForeignKeyConstraint,
    Integer,
    Interval,
    LargeBinary,
    Numeric,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

import app.rest  # noqa: F401 -- loads the schemas of all lists
from app.models import Base
from app.models.query import Cursor
from app.repositories import listing
from app.repositories.list_indexes import BTREE, TableIndex, indexes_of
from app.wire.page_tokens import PageTokens
from app.wire.schemas.lists import ListRules, ListSchema

TOKENS: Final = PageTokens(b"secret")
TYPES: Final = "text, integer, amount, date, timestamp, enumeration"
SAMPLES: Final[Mapping[type, object]] = {
    str: "a",
    int: 1,
    Decimal: Decimal("9.80"),
    date: date(2026, 11, 21),
    datetime: datetime(2026, 11, 21, 9, 30, tzinfo=UTC),
}
"""A value of each type that is known to sort; others are made by calling the type."""


def lists() -> Iterator[tuple[type[ListSchema], ListRules, Table]]:
    """Yield the query schema, the rules and the table of every list of the application."""
    for schema in ListSchema.__subclasses__():
        if schema.__module__.startswith("app."):
            table = Base.metadata.tables.get(schema.rules.resource)
            assert table is not None, (
                f"{schema.__name__} lists {schema.rules.resource!r}, and no table has this name: write the"
                " __tablename__ of the model as `resource`"
            )
            yield schema, schema.rules, table


def members(table: Table) -> Mapping[str, Column[Any]]:
    """Return the columns by their names in a query: ``MEMBERS`` of the repository, or all columns."""
    name = f"app.repositories.{table.name}"
    module = importlib.import_module(name) if importlib.util.find_spec(name) else None
    found: Mapping[str, Column[Any]] = getattr(module, "MEMBERS", {column.key: column for column in table.columns})
    return found


def test_lists_are_found() -> None:
    assert {rules.resource for _, rules, _ in lists()} <= Base.metadata.tables.keys()
    assert [*lists()], "no list is checked"


def test_the_members_of_a_filter_or_an_order_exist() -> None:
    faults = [
        f"{schema.__name__} names {name!r} as {what}, and the model has no such member: write one of"
        f" {', '.join(sorted(members(table)))}"
        for schema, rules, table in lists()
        for what, names in (("filterable", rules.filterable), ("orderable", rules.orderable))
        for name in names
        if name not in members(table)
    ]
    assert not faults, "\n".join(faults)


def test_every_order_has_an_index() -> None:
    """The first column can be another one, to which the list of a caller is fixed: the owner."""
    faults = [
        f"{table.name} can be sorted by {name}, and no index has this order, therefore each page sorts the whole table:"
        f' write Index("ix_{table.name}_{name}", "{name}", "id") in app/models/{table.name}.py and run'
        f' make migration m="index {name}", or remove it from `orderable` of {schema.__name__}'
        for schema, rules, table in lists()
        for name in rules.orderable
        if name in members(table) and not any(has_order(index, name) for index in indexes_of(members(table)[name]))
    ]
    assert not faults, "\n".join(faults)


def has_order(index: TableIndex, name: str) -> bool:
    """Return whether an index has the order of a member, directly or for each owner."""
    return index.method == BTREE and name in index.columns[:2]


def test_page_tokens_hold_every_order() -> None:
    faults = [
        f"{table.name} can be sorted by {name}, of the type {column.type}, which a page token cannot hold, therefore"
        f" the second page fails: sort by another member, or store {name} in one of these types: {TYPES}"
        for _, rules, table in lists()
        for name in rules.orderable
        if (column := members(table).get(name)) is not None and not is_held(column)
    ]
    assert not faults, "\n".join(faults)


def is_held(column: Column[Any]) -> bool:
    """Return whether a value of a column is the same after a token."""
    try:
        kind = column.type.python_type
        if kind is object and isinstance(column.type, TypeDecorator):
            kind = column.type.impl_instance.python_type
        value: Any = SAMPLES[kind] if kind in SAMPLES else kind()
        keys = (listing._cursor_value(value),)
        return TOKENS.open(TOKENS.seal(Cursor(keys, 1), bound_to=()), bound_to=()).keys == (value,)
    except (LookupError, NotImplementedError, TypeError, ValueError):
        return False


@pytest.mark.parametrize("kind", [Text(), Integer(), Numeric(), Date(), DateTime()])
def test_types_of_members_are_held(kind: TypeEngine[Any]) -> None:
    assert is_held(Column("of", kind))


@pytest.mark.parametrize("kind", [ARRAY(Text), JSONB(), LargeBinary(), Interval()])
def test_types_that_do_not_sort_are_not_held(kind: TypeEngine[Any]) -> None:
    assert not is_held(Column("of", kind))


def test_every_foreign_key_has_an_index() -> None:
    """PostgreSQL does not create one. A deletion of the referenced row then reads the whole table, under a lock."""
    faults = [
        f"{table.name}.{column} refers to {key.referred_table.name}, and no index begins with it, therefore a deletion"
        f' there reads all {table.name}: write Index("ix_{table.name}_{column}", "{column}") in'
        f" app/models/{table.name}.py, and run make migration"
        for table in Base.metadata.sorted_tables
        for key in table.constraints
        if isinstance(key, ForeignKeyConstraint)
        for column in [", ".join(key.column_keys)]
        if not any(index.columns[: len(key.columns)] == tuple(key.column_keys) for index in indexes_of(key.columns[0]))
    ]
    assert not faults, "\n".join(faults)


def test_every_time_has_a_time_zone() -> None:
    faults = [
        f"{table.name}.{column.name} is a time without a zone: write Mapped[datetime] without a type, which is"
        " TIMESTAMP WITH TIME ZONE"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, DateTime) and not column.type.timezone
    ]
    assert not faults, "\n".join(faults)
