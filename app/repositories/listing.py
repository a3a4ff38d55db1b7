"""Keyset pagination (https://use-the-index-luke.com/no-offset): a page starts after the sort keys of the last row.

Every order ends with a unique key, therefore it is total. Nulls sort last in both directions. A statement is compiled
once for each shape of a query. The shape is the query without its values.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    false,
    func,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.types import TypeEngine

from app.models.query import Cursor, ListQuery, Operator, Ordering, Page, Value
from app.repositories.autocommit_reads import Reads
from app.repositories.compiled_statement import CompiledStatement, ReadConnection

COUNT_BUDGET_MS: Final = 50
UNCOUNTED: Final = -1
SHAPES: Final = 512
"""The maximum number of query shapes whose statements are cached. Clients use few, but could use any number."""
Members = Mapping[str, ColumnElement[Any]]
Bound = BindParameter[Any] | None
"""A value that is passed when the statement runs. Null (``None``) is part of the statement instead."""


class Key(NamedTuple):
    """A column to sort by."""

    column: ColumnElement[Any]
    descending: bool
    nullable: bool

    @property
    def sorted(self) -> ColumnElement[Any]:
        """Return the sort expression: nulls last if nullable, otherwise plain: an index serves both directions."""
        direction = self.column.desc() if self.descending else self.column.asc()
        return direction.nulls_last() if self.descending and self.nullable else direction

    def after(self, value: Bound) -> ColumnElement[bool]:
        """Return the condition of sorting strictly after a value. Nulls sort after values, and nothing after null."""
        if value is None:
            return false()
        after = self.column < value if self.descending else self.column > value
        return or_(after, self.column.is_(None)) if self.nullable else after


def page(
    reads: Reads, columns: Sequence[ColumnElement[Any]], members: Members, query: ListQuery, *, key: str = "id"
) -> Page[Any]:
    """Return one page. The total is counted only on the first page, within 50 ms. The cursor stores it for later pages.

    Args:
        reads: runs the statements.
        columns: the columns to select.
        members: the columns by their names in the query.
        query: the list query.
        key: the unique field that is the last to sort by.
    """
    order = (*query.order, Ordering(key, query.order[-1].descending))
    statements = _statements(tuple(columns), tuple(members.items()), Shape.of(query, order))
    found, total = reads.run(lambda connection: _read(connection, statements, query))
    rows, more = found[: query.page_size], len(found) > query.page_size
    last = tuple(getattr(rows[-1], ordering.member) for ordering in order) if more else ()
    return Page(tuple(rows), Cursor(tuple(_cursor_value(key) for key in last), total) if more else None, total)


class Shape(NamedTuple):
    """A list query without its values. It contains only whether each value is null."""

    where: tuple[tuple[str, Operator, bool], ...]
    order: tuple[Ordering, ...]
    after: tuple[bool, ...] | None

    @classmethod
    def of(cls, query: ListQuery, order: tuple[Ordering, ...]) -> "Shape":
        """Return the shape of a query."""
        where = tuple((each.member, each.operator, each.value is None) for each in query.where)
        return cls(where, order, None if query.after is None else tuple(key is None for key in query.after.keys))


class Statements(NamedTuple):
    """The statements for queries of one shape."""

    rows: CompiledStatement
    total: CompiledStatement


@lru_cache(maxsize=SHAPES)
def _statements(
    columns: tuple[ColumnElement[Any], ...], members: tuple[tuple[str, ColumnElement[Any]], ...], shape: Shape
) -> Statements:
    """Return the statements. Their parameters have the names of ``_values``."""
    named = dict(members)
    conditions = (
        _condition(named[member], operator, _value(f"where_{number}", _compared(named[member], operator), is_null))
        for number, (member, operator, is_null) in enumerate(shape.where)
    )
    matching = select(*columns).where(and_(true(), *conditions))
    keys = [Key(named[each.member], each.descending, _nullable(named[each.member])) for each in shape.order]
    after = (
        None
        if shape.after is None
        else [
            _value(f"after_{number}", key.column.type, is_null)
            for number, (key, is_null) in enumerate(zip(keys, shape.after, strict=True))
        ]
    )
    rows = _rows(matching, keys, after, limit=bindparam("limit", type_=Integer))
    return Statements(CompiledStatement(rows), CompiledStatement(select(func.count()).select_from(matching.subquery())))


def _value(name: str, type_: TypeEngine[Any], is_null: bool) -> Bound:
    return None if is_null else bindparam(name, type_=type_)


def _values(query: ListQuery) -> Mapping[str, Value]:
    """Return the values of a query by the names of the parameters in its statements."""
    values: dict[str, Value] = {f"where_{number}": each.value for number, each in enumerate(query.where)}
    if query.after is not None:
        values |= {f"after_{number}": key for number, key in enumerate(query.after.keys)}
    return {"limit": query.page_size + 1, **{name: value for name, value in values.items() if value is not None}}


def _read(connection: ReadConnection, statements: Statements, query: ListQuery) -> tuple[list[Any], int]:
    """Return the rows of a page, one extra row if there is another page, and the total number of matches.

    If the first page contains all matches, no count is necessary.
    """
    values = _values(query)
    found = connection.all(statements.rows, **values)
    if query.after is not None:
        return found, query.after.total_size
    if len(found) <= query.page_size:
        return found, len(found)
    counted = connection.all_with_timeout(COUNT_BUDGET_MS, statements.total, **values)
    return found, UNCOUNTED if counted is None else counted[0][0]


def _cursor_value(key: Any) -> Value:
    return key if key is None or isinstance(key, str | int) or hasattr(key, "tzinfo") else str(key)


def _nullable(column: ColumnElement[Any]) -> bool:
    return bool(getattr(column, "nullable", True))


def _compared(column: ColumnElement[Any], operator: Operator) -> TypeEngine[Any]:
    """Return the type of the value that a column is compared with."""
    return Text() if operator is Operator.HAS else column.type


def _condition(column: ColumnElement[Any], operator: Operator, value: Bound) -> ColumnElement[bool]:
    match operator:
        case Operator.HAS:
            return column.any_() == value
        case Operator.EQ:
            return column == value  # IS NULL for None; IS NOT DISTINCT FROM would use no index
        case Operator.NE:
            return column.is_distinct_from(value)
        case Operator.LT:
            return column < value
        case Operator.LE:
            return column <= value
        case Operator.GT:
            return column > value
        case Operator.GE:
            return column >= value


def _rows(
    matching: Select[Any], keys: Sequence[Key], after: Sequence[Bound] | None, *, limit: BindParameter[int]
) -> Select[Any]:
    """Return the first rows after the last one, in order.

    If the first key is nullable, rows with and without a value are two ranges of its index. Each range is read from its
    start. One condition for both would read all rows before it.
    """
    first, *rest = keys
    if not first.nullable:
        return _range(matching, keys, keys, after, limit)
    plain = [first._replace(nullable=False), *rest]
    absent = _range(
        matching.where(first.column.is_(None)), plain, rest, after[1:] if after and after[0] is None else None, limit
    )
    if after and after[0] is None:
        return absent
    present = _range(matching.where(first.column.is_not(None)), plain, plain, after, limit)
    both = union_all(present.subquery().select(), absent.subquery().select()).subquery()
    outer = (key._replace(column=both.c[str(key.column.key)]) for key in keys)
    return select(both).order_by(*(key.sorted for key in outer)).limit(limit)


def _range(
    matching: Select[Any],
    order: Sequence[Key],
    keys: Sequence[Key],
    after: Sequence[Bound] | None,
    limit: BindParameter[int],
) -> Select[Any]:
    statement = matching if after is None else matching.where(_after(keys, after))
    return statement.order_by(*(key.sorted for key in order)).limit(limit)


def _after(keys: Sequence[Key], last: Sequence[Bound]) -> ColumnElement[bool]:
    """Return the condition of the rows after the last one."""
    directions = {key.descending for key in keys}
    if len(directions) == 1 and not any(key.nullable for key in keys):
        columns = tuple_(*(key.column for key in keys))
        bound = tuple_(*last)
        return columns < bound if directions == {True} else columns > bound
    branches = [
        and_(*(key.column == value for key, value in zip(keys[:n], last, strict=False)), after)
        for n, after in enumerate(key.after(value) for key, value in zip(keys, last, strict=True))
    ]
    return or_(*branches)
