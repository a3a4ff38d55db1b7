"""Keyset pagination (https://use-the-index-luke.com/no-offset): a page starts after the sort keys of the last row.

Every order ends with a unique key, therefore it is total. Nulls sort last in both directions.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, ColumnElement, Select, and_, false, func, or_, select, tuple_, union_all

from app.models.query import Operator

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


def rows_after(
    matching: Select[Any],
    keys: Sequence[Key],
    after: Sequence[Bound] | None,
    *,
    leading: Sequence[Key],
    limit: BindParameter[int],
) -> Select[Any]:
    """Return the first rows after the last one, in order. ``leading`` are the columns of the index before the keys.

    If the first key is nullable, rows with and without a value are two ranges of its index. Each range is read from its
    start, the one of null only for the rest of a page. One condition for both would read all rows before it.
    """
    first, *rest = keys
    if not first.nullable:
        return range_after(matching, [*leading, *keys], keys, after).limit(limit)
    plain = [first._replace(nullable=False), *rest]
    order = [*leading, *plain]
    valueless = matching.where(first.column.is_(None))
    if after and after[0] is None:
        return range_after(valueless, order, rest, after[1:]).limit(limit)
    present = range_after(matching.where(first.column.is_not(None)), order, plain, after).limit(limit)
    found = present.cte(nesting=True)
    missing = limit - select(func.count()).select_from(found).scalar_subquery()
    absent = range_after(valueless, order, rest, None).limit(missing).subquery()
    both = union_all(found.select(), absent.select()).subquery()
    outer = (key._replace(column=both.c[str(key.column.key)]) for key in keys)
    return select(both).order_by(*(key.sorted for key in outer)).limit(limit)


def range_after(
    matching: Select[Any], order: Sequence[Key], keys: Sequence[Key], after: Sequence[Bound] | None
) -> Select[Any]:
    """Return the rows after the last one, in order, if the keys are one range of an index."""
    statement = matching if after is None else matching.where(is_after(keys, after))
    return statement.order_by(*(key.sorted for key in order))


def is_after(keys: Sequence[Key], last: Sequence[Bound]) -> ColumnElement[bool]:
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


def condition(column: ColumnElement[Any], operator: Operator, value: Bound) -> ColumnElement[bool]:
    """Return a comparison of a column with a value."""
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
