"""Lists by keyset (https://use-the-index-luke.com/no-offset): a page starts after the sort keys of the last row.

Every order ends with what no two rows share, so that it is total; nulls sort last in both directions.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    false,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
    union_all,
)

from app.models.query import Comparison, Cursor, ListQuery, Operator, Ordering, Page, Value
from app.repositories.reads import Reads

COUNT_BUDGET_MS: Final = 50
UNCOUNTED: Final = -1
Members = Mapping[str, ColumnElement[Any]]


class Key(NamedTuple):
    """A column to sort by."""

    column: ColumnElement[Any]
    descending: bool
    nullable: bool

    @property
    def sorted(self) -> ColumnElement[Any]:
        """Sort with nulls last; plain where there are none, so that an index serves both directions."""
        direction = self.column.desc() if self.descending else self.column.asc()
        return direction.nulls_last() if self.descending and self.nullable else direction

    def behind(self, value: Value) -> ColumnElement[bool]:
        """Return the condition of sorting strictly behind a value: nulls do behind each, and nothing behind null."""
        if value is None:
            return false()
        behind = self.column < value if self.descending else self.column > value
        return or_(behind, self.column.is_(None)) if self.nullable else behind


def page(
    reads: Reads, columns: Sequence[ColumnElement[Any]], members: Members, query: ListQuery, *, key: str = "id"
) -> Page[Row[Any]]:
    """Return one page; the total is counted on the first page only, within 50 ms, and travels in the cursor.

    Args:
        reads: runs the statements.
        columns: what to select.
        members: the columns behind the names in the query.
        query: what is asked.
        key: the member that no two rows share, which is the last to sort by.
    """
    order = [*query.order, Ordering(key, query.order[-1].descending)]
    keys = [Key(members[each.member], each.descending, _nullable(members[each.member])) for each in order]
    matching = and_(true(), *(_condition(members[each.member], each) for each in query.where))
    after = None if query.after is None else query.after.keys
    statement = _rows(select(*columns).where(matching), keys, after, limit=query.page_size + 1)
    found = reads.run(lambda connection: connection.execute(statement).all())
    rows, more = tuple(found[: query.page_size]), len(found) > query.page_size
    total = query.after.total_size if query.after else _total(reads, select(*columns).where(matching), len(rows), more)
    last = tuple(getattr(rows[-1], ordering.member) for ordering in order) if more else ()
    return Page(rows, Cursor(tuple(_plain(key) for key in last), total) if more else None, total)


def _total(reads: Reads, matching: Select[Any], on_page: int, more: bool) -> int:
    """Return how many rows match; when the first page holds them all, they are counted already."""
    if not more:
        return on_page
    statement = select(func.count()).select_from(matching.subquery())

    def count(connection: Connection) -> int:
        return int(connection.execute(statement).scalar_one())

    total = reads.within(COUNT_BUDGET_MS, count)
    return UNCOUNTED if total is None else total


def _plain(key: Any) -> Value:
    return key if key is None or isinstance(key, str | int) or hasattr(key, "tzinfo") else str(key)


def _nullable(column: ColumnElement[Any]) -> bool:
    return bool(getattr(column, "nullable", True))


def _condition(column: ColumnElement[Any], comparison: Comparison) -> ColumnElement[bool]:
    match comparison.operator:
        case Operator.HAS:
            return column.any_() == comparison.value
        case Operator.EQ:
            return column == comparison.value  # IS NULL for none; IS NOT DISTINCT FROM would use no index
        case Operator.NE:
            return column.is_distinct_from(comparison.value)
        case Operator.LT:
            return column < comparison.value
        case Operator.LE:
            return column <= comparison.value
        case Operator.GT:
            return column > comparison.value
        case Operator.GE:
            return column >= comparison.value


def _rows(matching: Select[Any], keys: Sequence[Key], after: Sequence[Value] | None, *, limit: int) -> Select[Any]:
    """Return the first rows behind the last one, in order.

    When the first key may be null, the rows that have it and those that lack it are two ranges of its index, of which
    each is read from where it begins: one condition for both would read all that lies before.
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
    matching: Select[Any], order: Sequence[Key], keys: Sequence[Key], after: Sequence[Value] | None, limit: int
) -> Select[Any]:
    statement = matching if after is None else matching.where(_after(keys, after))
    return statement.order_by(*(key.sorted for key in order)).limit(limit)


def _after(keys: Sequence[Key], last: Sequence[Value]) -> ColumnElement[bool]:
    """Return the condition of the rows behind the last one."""
    directions = {key.descending for key in keys}
    if len(directions) == 1 and not any(key.nullable for key in keys):
        columns = tuple_(*(key.column for key in keys))
        bound = tuple_(*(literal(value, key.column.type) for key, value in zip(keys, last, strict=True)))
        return columns < bound if directions == {True} else columns > bound
    branches = [
        and_(*(key.column == value for key, value in zip(keys[:n], last, strict=False)), behind)
        for n, behind in enumerate(key.behind(value) for key, value in zip(keys, last, strict=True))
    ]
    return or_(*branches)
