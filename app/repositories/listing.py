"""Pages of lists, at a cost that does not depend on the number of rows.

A page is the next part of an index, in its order. With a filter that the index does not serve, a page has the matches
among the next rows of the index. It can then have fewer rows than requested, even none, and another page (AIP-158).
Rows in an order that no index has are sorted, as long as PostgreSQL estimates that this is cheap.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement

from app.errs.lists import InvalidOrderBy
from app.models.query import Cursor, ListQuery, Ordering, Page, Value
from app.repositories.autocommit_reads import Reads
from app.repositories.compiled_statement import CompiledStatement, ReadConnection
from app.repositories.list_indexes import GIN
from app.repositories.list_statements import FEW, SCANNED, ListStatements, Members, Shape, values

COUNT_BUDGET_MS: Final = 50
AFFORDABLE: Final = 2000.0
"""The highest estimated cost of reading without a limit. PostgreSQL's unit is one page that is read in sequence.

It is about 5 ms, or 40,000 entries of an index.
"""
UNCOUNTED: Final = -1
SHAPES: Final = 512
"""The maximum number of query shapes whose statements are cached. Clients use few, but could use any number."""


class Found(NamedTuple):
    """The rows of a page, with an additional row if there are more.

    ``end`` is the last row that was read, if the scan ended before the list. ``total`` is known without a count.
    """

    rows: Sequence[Any]
    end: Any = None
    total: int | None = None


def page(
    reads: Reads, columns: Sequence[ColumnElement[Any]], members: Members, query: ListQuery, *, key: str = "id"
) -> Page[Any]:
    """Return one page. The total is counted only on the first page. The cursor stores it for later pages.

    Args:
        reads: runs the statements.
        columns: the columns to select.
        members: the columns by their names in the query.
        query: the list query.
        key: the unique field that is the last to sort by.

    Raises:
        InvalidOrderBy: no index has this order, and the list has too many rows to sort.
    """
    order = (*query.order, Ordering(key, query.order[-1].descending))
    statements = _statements(tuple(columns), tuple(members.items()), Shape.of(query, order))
    found, total = reads.run(lambda connection: _read(connection, statements, query))
    rows, more = tuple(found.rows[: query.page_size]), len(found.rows) > query.page_size
    last = rows[-1] if more else found.end
    if last is None:
        return Page(rows, None, total)
    keys = (_cursor_value(getattr(last, ordering.member)) for ordering in order)
    return Page(rows, Cursor(tuple(keys), total), total)


@lru_cache(maxsize=SHAPES)
def _statements(
    columns: tuple[ColumnElement[Any], ...], members: tuple[tuple[str, ColumnElement[Any]], ...], shape: Shape
) -> ListStatements:
    return ListStatements(columns, dict(members), shape)


def _read(connection: ReadConnection, statements: ListStatements, query: ListQuery) -> tuple[Found, int]:
    """Return the rows of a page, and the total number of matches."""
    parameters = values(query)
    found = _found(connection, statements, query, parameters)
    if query.after is not None:
        return found, query.after.total_size
    if found.end is None and len(found.rows) <= query.page_size:
        return found, len(found.rows)
    return found, _count(connection, statements, parameters) if found.total is None else found.total


def _found(
    connection: ReadConnection, statements: ListStatements, query: ListQuery, parameters: Mapping[str, Value]
) -> Found:
    """Return the rows of a page in the cheapest way that the indexes offer.

    Raises:
        InvalidOrderBy: there is none.
    """
    if not statements.is_filtered:
        return Found(connection.all(statements.rows, **parameters))
    if (path := statements.by_filter) and path.is_unique and (all_ := _candidates(connection, statements, parameters)):
        return all_
    scanned = _scanned(connection, statements.scans, query, parameters)
    if scanned is not None and scanned.end is None:
        return scanned
    if all_ := _candidates(connection, statements, parameters):
        return all_
    if _is_affordable(connection, statements.cost_of_rows, parameters):
        return Found(connection.all(statements.rows, **parameters))
    if scanned is None:
        raise _too_many(statements, query)
    return scanned


def _scanned(
    connection: ReadConnection, scans: Sequence[CompiledStatement], query: ListQuery, parameters: Mapping[str, Value]
) -> Found | None:
    """Return the matches among the next rows of an index, or ``None`` if no index has the order."""
    found: list[Any] = []
    for scan in scans:
        rows = connection.all(scan, **parameters)
        found += (row for row in rows if row.is_match)
        if len(found) > query.page_size:
            break
        if rows and rows[-1].scanned == SCANNED:
            return Found(found, rows[-1])
    return Found(found) if scans else None


def _candidates(
    connection: ReadConnection, statements: ListStatements, parameters: Mapping[str, Value]
) -> Found | None:
    """Return the rest of the list through the index on a filtered member, or ``None`` if it has too many rows."""
    read, path = statements.candidates, statements.by_filter
    if read is None or path is None:
        return None
    if path.method == GIN and not _is_affordable(connection, statements.cost_of_candidates, parameters):
        return None
    rows = connection.all(read, **parameters)
    if rows and rows[0].scanned > SCANNED:
        return None
    return Found(rows, total=rows[0].remaining if rows else 0)


def _count(connection: ReadConnection, statements: ListStatements, parameters: Mapping[str, Value]) -> int:
    """Return the number of all matches, or -1 if PostgreSQL estimates, or shows, that counting takes too long."""
    if not statements.is_filtered:
        few = connection.all_with_timeout(COUNT_BUDGET_MS, statements.few, **parameters)
        if few is None or few[0][0] <= FEW:
            return UNCOUNTED if few is None else int(few[0][0])
    if not _is_affordable(connection, statements.cost_of_total, parameters):
        return UNCOUNTED
    counted = connection.all_with_timeout(COUNT_BUDGET_MS, statements.total, **parameters)
    return UNCOUNTED if counted is None else int(counted[0][0])


def _is_affordable(connection: ReadConnection, cost: CompiledStatement, parameters: Mapping[str, Value]) -> bool:
    plan = connection.value(cost, **parameters)[0]["Plan"]
    return bool(plan["Total Cost"] <= AFFORDABLE)


def _too_many(statements: ListStatements, query: ListQuery) -> InvalidOrderBy:
    """Return the error of a list that has too many rows to sort."""
    written = ", ".join(f"{each.member} desc" if each.descending else each.member for each in query.order)
    return InvalidOrderBy(
        param="order_by",
        reason="The list has too many items for this order",
        token=written,
        position=1,
        allowed=statements.orders(query.orderable),
    )


def _cursor_value(key: Any) -> Value:
    return key if key is None or isinstance(key, str | int) or hasattr(key, "tzinfo") else str(key)
