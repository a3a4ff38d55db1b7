"""Lists by keyset (https://use-the-index-luke.com/no-offset): a page starts after the sort keys of the last row.

Every order ends with the id, so that it is total; nulls sort last in both directions.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, false, func, literal, or_, select, true, tuple_

from app.models.query import Comparison, Cursor, ListQuery, Operator, Ordering, Page, Value
from app.repositories.reads import Reads

COUNT_BUDGET_MS: Final = 50
UNCOUNTED: Final = -1
Members = Mapping[str, ColumnElement[Any]]
Key = tuple[ColumnElement[Any], bool]
"""A column to sort by, and whether it descends."""


def page(reads: Reads, columns: Sequence[ColumnElement[Any]], members: Members, query: ListQuery) -> Page[Row[Any]]:
    """Return one page; the total is counted on the first page only, within 50 ms, and travels in the cursor.

    Args:
        reads: runs the statements.
        columns: what to select; the column called ``id`` is the last sort key.
        members: the columns behind the names in the query, ``id`` among them.
        query: what is asked.
    """
    order = [*query.order, Ordering("id", query.order[-1].descending)]
    keys = [(members[ordering.member], ordering.descending) for ordering in order]
    matching = and_(true(), *(_condition(members[each.member], each) for each in query.where))
    statement = select(*columns).where(matching).order_by(*(_sorted(*key) for key in keys)).limit(query.page_size + 1)
    if query.after is not None:
        statement = statement.where(_after(keys, query.after.keys))
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


def _sorted(column: ColumnElement[Any], descending: bool) -> ColumnElement[Any]:
    """Sort with nulls last; plain where there are none, so that an index serves both directions."""
    direction = column.desc() if descending else column.asc()
    return direction.nulls_last() if descending and _nullable(column) else direction


def _nullable(column: ColumnElement[Any]) -> bool:
    return bool(getattr(column, "nullable", True))


def _condition(column: ColumnElement[Any], comparison: Comparison) -> ColumnElement[bool]:
    match comparison.operator:
        case Operator.HAS:
            return column.any_() == comparison.value
        case Operator.EQ:
            return column.is_not_distinct_from(comparison.value)
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


def _after(keys: Sequence[Key], last: Sequence[Value]) -> ColumnElement[bool]:
    """Return the condition of the rows behind the last one."""
    directions = {descending for _, descending in keys}
    if len(directions) == 1 and not any(_nullable(column) for column, _ in keys):
        columns = tuple_(*(column for column, _ in keys))
        bound = tuple_(*(_bound(column, value) for (column, _), value in zip(keys, last, strict=True)))
        return columns < bound if directions == {True} else columns > bound
    branches = [
        and_(*(column.is_not_distinct_from(value) for (column, _), value in zip(keys[:n], last, strict=False)), behind)
        for n, behind in enumerate(map(_behind, keys, last))
    ]
    return or_(*branches)


def _bound(column: ColumnElement[Any], value: Value) -> ColumnElement[Any]:
    return literal(value, column.type)


def _behind(key: Key, value: Value) -> ColumnElement[bool]:
    """Return the condition of sorting strictly behind a value: nulls do behind every value, and nothing behind null."""
    column, descending = key
    if value is None:
        return false()
    behind = column < value if descending else column > value
    return or_(behind, column.is_(None)) if _nullable(column) else behind
