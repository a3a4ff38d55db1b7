"""Pages of rows in memory, as ``app.repositories.listing`` makes them of tables."""

from collections.abc import Iterable, Sequence
from operator import ge, gt, le, lt
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

from app.models.query import Comparison, Cursor, ListQuery, Operator, Ordering, Page, Value

_ORDERED = {Operator.LT: lt, Operator.LE: le, Operator.GT: gt, Operator.GE: ge}


def page(rows: Iterable[dict[str, Any]], query: ListQuery, *, key: str = "id") -> Page[Any]:
    """Return one page of the matching rows."""
    order = [*query.order, Ordering(key, query.order[-1].descending)]
    matching = [row for row in rows if all(_holds(each, row) for each in query.where)]
    for each in reversed(order):
        matching = _sorted(matching, each)
    found = [row for row in matching if query.after is None or _is_behind(row, order, query.after.keys)]
    total = len(matching) if query.after is None else query.after.total_size
    shown, more = found[: query.page_size], len(found) > query.page_size
    end = Cursor(tuple(_key(shown[-1][each.member]) for each in order), total) if more else None
    return Page(tuple(map(view, shown)), end, total)


def view(row: dict[str, Any]) -> Any:
    """Return a row as reads return it."""
    return SimpleNamespace(**row)


def _key(value: Any) -> Value:
    """Return a sort key as a cursor contains it."""
    return str(value) if isinstance(value, UUID) else cast("Value", value)


def _holds(comparison: Comparison, row: dict[str, Any]) -> bool:
    found, wanted = row[comparison.member], comparison.value
    match comparison.operator:
        case Operator.EQ:
            return bool(found == wanted)
        case Operator.NE:
            return bool(found != wanted)
        case Operator.HAS:
            return wanted in found
    compare: Any = _ORDERED[comparison.operator]
    return found is not None and bool(compare(found, wanted))


def _sorted(rows: list[dict[str, Any]], by: Ordering) -> list[dict[str, Any]]:
    """Sort by one member with a stable sort; nulls come last in both directions."""
    present = [row for row in rows if row[by.member] is not None]
    absent = [row for row in rows if row[by.member] is None]
    return sorted(present, key=lambda row: row[by.member], reverse=by.descending) + absent


def _is_behind(row: dict[str, Any], order: Sequence[Ordering], last: Sequence[Value]) -> bool:
    for by, end in zip(order, last, strict=True):
        value = _key(row[by.member])
        if value == end:
            continue
        if value is None or end is None:
            return value is None
        return value < end if by.descending else value > end  # type: ignore[operator]  # of one member, of one type
    return False
