"""Pages of lists, at a cost that does not depend on the number of rows.

A page is the next part of an index, in its order. With a filter that the index does not serve, a page has the matches
among the next rows of the index. It can then have fewer rows than requested, even none, and another page (AIP-158).
``list_groups`` reads orders of several members. If the whole table is small, the rows of such pages are sorted
instead. None of this depends on PostgreSQL's statistics, except the count in a larger table.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import zip_longest
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Uuid

from app.errs.lists import InvalidOrderBy
from app.models.query import Cursor, ListQuery, Operator, Ordering, Page, Value
from app.repositories.autocommit_reads import Reads
from app.repositories.compiled_statement import CompiledStatement, ReadConnection
from app.repositories.list_groups import Group, Groups
from app.repositories.list_indexes import GIN
from app.repositories.list_shapes import Members, Shape, values
from app.repositories.list_statements import FEW, SCANNED, ListStatements

COUNT_BUDGET_MS: Final = 50
AFFORDABLE: Final = 1500.0
"""The highest estimated cost of reading without a limit. PostgreSQL's unit is one page that is read in sequence.

It is some milliseconds, or 30,000 entries of an index.
"""
BITMAP_ROWS: Final = 100_000
"""The largest estimated number of rows with a tag whose positions are read from the GIN index, some milliseconds.

For a tag that is missing in its statistics, PostgreSQL estimates up to 0.5 % of all rows.
"""
UNCOUNTED: Final = -1
BITMAP: Final = "Bitmap Index Scan"
SHAPES: Final = 512
"""The maximum number of query shapes whose statements are cached. Clients use few, but could use any number."""


class Found(NamedTuple):
    """The rows of a page, with an additional row if there are more.

    ``end`` is the position where the scan ended before the list: the sort keys of the last row that was read, or of the
    first member only, for the start of its group. ``total`` is known without a count.
    """

    rows: Sequence[Any]
    end: tuple[Value, ...] | None = None
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
    last = Ordering(key, query.order[-1].descending)
    query, named = _without_fixed(_with_ids(query, members)), tuple(members.items())
    found, total = reads.run(lambda connection: _List(connection, tuple(columns), named, last).read(query))
    rows, more = tuple(found.rows[: query.page_size]), len(found.rows) > query.page_size
    keys = _keys(rows[-1], (*query.order, last)) if more else found.end
    return Page(rows, None if keys is None else Cursor(tuple(map(_cursor_value, keys)), total), total)


def _with_ids(query: ListQuery, members: Members) -> ListQuery:
    """Return the query with the UUIDs that its cursor contains as texts."""
    if query.after is None:
        return query
    types = [members[each.member].type for each in query.order if each.member in members]
    keys = tuple(
        UUID(key) if isinstance(key, str) and isinstance(kind, Uuid) else key
        for key, kind in zip_longest(query.after.keys, types[: len(query.after.keys)])
    )
    return replace(query, after=Cursor(keys, query.after.total_size))


def _without_fixed(query: ListQuery) -> ListQuery:
    """Return the query without the members in its order that the filter fixes to one value."""
    fixed = {each.member for each in query.where if each.operator is Operator.EQ}
    kept = [number for number, each in enumerate(query.order) if each.member not in fixed]
    if len(kept) == len(query.order):
        return query
    after = query.after
    if after is not None and len(after.keys) > len(query.order):  # the token of an earlier release
        after = Cursor(tuple(after.keys[number] for number in (*kept, -1)), after.total_size)
    return replace(query, order=tuple(query.order[number] for number in kept), after=after)


@lru_cache(maxsize=SHAPES)
def _statements(
    columns: tuple[ColumnElement[Any], ...], members: tuple[tuple[str, ColumnElement[Any]], ...], shape: Shape
) -> ListStatements:
    return ListStatements(columns, dict(members), shape)


@dataclass(slots=True)
class _List:
    """The list of a table. ``key`` is the last of every order."""

    connection: ReadConnection
    columns: tuple[ColumnElement[Any], ...]
    members: tuple[tuple[str, ColumnElement[Any]], ...]
    key: Ordering
    small: bool | None = None

    def read(self, query: ListQuery) -> tuple[Found, int]:
        """Return the rows of a page, and the total number of matches."""
        if query.after is not None:
            return self._page(query), query.after.total_size
        statements = self.statements(query)
        if not statements.is_filtered:
            return self._first(statements, query)
        found = self._page(query)
        if found.end is None and len(found.rows) <= query.page_size:
            return found, len(found.rows)
        return found, self._count(statements, query) if found.total is None else found.total

    def _first(self, statements: ListStatements, query: ListQuery) -> tuple[Found, int]:
        """Return the first rows of an index, and the number of all matches, in one round trip if it is small.

        A page of ``FEW`` rows with others after it needs no count to show that there are more.
        """
        passed = values(query)
        if query.page_size < FEW:
            rows = self.connection.all_before(COUNT_BUDGET_MS, statements.few, statements.rows, **passed)
        else:
            rows = self._all(statements.rows, query)
        return Found(rows), self._count(statements, query) if len(rows) > query.page_size else len(rows)

    def statements(self, query: ListQuery, by: str | None = None) -> ListStatements:
        """Return the statements of a query. ``by`` is the member whose index has the candidates."""
        return _statements(self.columns, self.members, Shape.of(query, (*query.order, self.key), by))

    def _page(self, query: ListQuery) -> Found:
        """Return the rows of a page in the cheapest way that the indexes offer.

        Raises:
            InvalidOrderBy: there is none.
        """
        if query.after is not None and len(query.after.keys) <= len(query.order):
            return self._group(query)
        statements = self.statements(query)
        if not statements.is_filtered:
            return Found(self._all(statements.rows, query))
        if (path := statements.by_filter) and path.is_unique and (every := self._candidates(query, statements)):
            return every
        scanned = self._scanned(statements, query)
        if scanned is not None and scanned.end is None:
            return scanned
        if every := self._candidates(query, statements):
            return every
        if self._is_small(statements, values(query)):
            return Found(self._all(statements.rows, query))
        return scanned or self._group(query)

    def _scanned(self, statements: ListStatements, query: ListQuery) -> Found | None:
        """Return the matches among the next rows of an index, or ``None`` if no index has the order."""
        found: list[Any] = []
        for scan in statements.scans:
            rows = self._all(scan, query)
            found += (row for row in rows if row.is_match)
            if len(found) > query.page_size:
                break
            if rows and rows[-1].scanned == SCANNED:
                return Found(found, _keys(rows[-1], (*query.order, self.key)))
        return Found(found) if statements.scans else None

    def _candidates(self, query: ListQuery, statements: ListStatements) -> Found | None:
        """Return the rest of the list through the index on a filtered member, or ``None`` if it has too many rows."""
        read, path = statements.candidates, statements.by_filter
        if read is None or path is None:
            return None
        if path.method == GIN and not self._is_small_bitmap(statements.cost_of_candidates, query):
            return None
        rows = self._all(read, query)
        if rows and rows[0].scanned > SCANNED:
            return None
        return Found(rows, total=rows[0].remaining if rows else 0)

    def _group(self, query: ListQuery) -> Found:
        """Return the rows of the next groups of the first member to sort by.

        Raises:
            InvalidOrderBy: no index has this member.
        """
        groups = Groups(query, dict(self.members)) if query.order else None
        if groups is None or self._edges(groups.all).path is None:
            raise self._too_many(query)
        group = self._next_group(groups, groups.following)
        if group is None:
            return Found(())
        if group.is_large:
            return self._large_group(groups, group)
        read = self.statements(group.query, groups.member).candidates
        rows = [] if read is None else self._all(read, group.query)
        if rows and rows[0].scanned > SCANNED:  # others have added rows meanwhile
            return self._group(query)
        return Found(rows, group.next if len(rows) <= query.page_size else None)

    def _large_group(self, groups: Groups, group: Group) -> Found:
        found = self._page(group.query)
        if found.end is not None:
            return Found(found.rows, (group.first, *found.end))
        if len(found.rows) > group.query.page_size or group.first is None:
            return Found(found.rows)
        following = self._next_group(groups, groups.behind(group.first))
        return Found(found.rows, None if following is None else (following.first,))

    def _edges(self, query: ListQuery) -> ListStatements:
        """Return the statements of a query that is sorted by one member. The direction of the key is the same."""
        key = replace(self.key, descending=query.order[0].descending)
        return _statements(self.columns, self.members, Shape.of(query, (*query.order, key)))

    def _next_group(self, groups: Groups, query: ListQuery | None) -> Group | None:
        if query is not None and (edges := self._all(self._edges(query).edges, query)):
            return groups.between([edge[0] for edge in edges])
        return groups.without_value()

    def _count(self, statements: ListStatements, query: ListQuery) -> int:
        """Return the number of all matches, or -1 if PostgreSQL estimates, or shows, that counting takes too long."""
        passed = values(query)
        if not statements.is_filtered and query.page_size < FEW:
            few = self._counted(statements.few, passed)
            if few <= FEW:
                return few
        if statements.is_filtered and self._is_small(statements, passed):
            return self._counted(statements.total_of_table, passed)
        if not self._is_affordable(statements.cost_of_total, passed):
            return UNCOUNTED
        return self._counted(
            statements.total_of_table if self._is_small(statements, passed) else statements.total, passed
        )

    def _counted(self, count: CompiledStatement, passed: Mapping[str, Value]) -> int:
        counted = self.connection.all_with_timeout(COUNT_BUDGET_MS, count, **passed)
        return UNCOUNTED if counted is None else int(counted[0][0])

    def _is_small(self, statements: ListStatements, passed: Mapping[str, Value]) -> bool:
        """Return whether the whole table is cheap to read. This does not depend on statistics."""
        if self.small is None:
            self.small = self._is_affordable(statements.cost_of_table, passed)
        return self.small

    def _is_affordable(self, cost: CompiledStatement, passed: Mapping[str, Value]) -> bool:
        plan = self.connection.value(cost, **passed)[0]["Plan"]
        return bool(plan["Total Cost"] <= AFFORDABLE)

    def _is_small_bitmap(self, cost: CompiledStatement, query: ListQuery) -> bool:
        """Return whether the plan reads a bitmap of few rows from an index. The rows are read up to a limit."""
        plan = self.connection.value(cost, **values(query))[0]["Plan"]
        rows = [node["Plan Rows"] for node in _nodes(plan) if node["Node Type"] == BITMAP]
        return bool(rows) and max(rows) <= BITMAP_ROWS

    def _all(self, read: CompiledStatement, query: ListQuery) -> list[Any]:
        return self.connection.all(read, **values(query))

    def _too_many(self, query: ListQuery) -> InvalidOrderBy:
        """Return the error of a list that has too many rows to sort."""
        return InvalidOrderBy(
            param="order_by",
            reason="The list has too many items for this order",
            token=", ".join(f"{each.member} desc" if each.descending else each.member for each in query.order),
            position=1,
            allowed=self.statements(query).orders(query.orderable),
        )


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)


def _keys(row: Any, order: Sequence[Ordering]) -> tuple[Value, ...]:
    return tuple(getattr(row, each.member) for each in order)


def _cursor_value(key: Value) -> Value:
    return str(key) if isinstance(key, UUID) else key
