"""The SQL statements of lists. Each is compiled once for each shape of a query.

The shape is the query without its values.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Subquery,
    Text,
    and_,
    any_,
    cast,
    func,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, array

from app.models.query import Operator, Ordering
from app.repositories import keyset, list_indexes
from app.repositories.compiled_statement import CompiledStatement, Explain
from app.repositories.keyset import Bound, Key
from app.repositories.list_indexes import GIN, Path
from app.repositories.list_shapes import Members, Shape, compared, indexed, is_nullable, limit, parameter

SCANNED: Final = 600
"""The maximum number of rows that a page reads from one range of an index to find the rows that match the filter.

At worst, each row is on another page of the table. A list reads at most three such ranges, which is less than 2,000
pages with the pages of the indexes.
"""
FEW: Final = 1000
"""The maximum number of rows that are counted without an estimate: a range of an index."""
GENERIC: Final = {"plan_cache_mode": "force_generic_plan", "jit": "off"}
"""The settings of a plan that does not depend on values or on its estimated cost. It is made once on a connection.

If every possible method is off, PostgreSQL adds a high cost for one of them, and jit would compile such a plan.
"""
BY_INDEX: Final = GENERIC | {"enable_sort": "off", "enable_incremental_sort": "off"}
"""The settings of statements that read a range of an index. Only this index has the order, so nothing else is left.

Without statistics, or with old ones, PostgreSQL would otherwise read and sort all rows of an owner.
"""
WHOLE: Final = GENERIC | {"enable_indexscan": "off", "enable_indexonlyscan": "off", "enable_bitmapscan": "off"}
"""The settings of statements that read the whole table. Their estimated cost has its actual number of pages."""


class ListStatements:
    """The statements for queries of one shape. Each is compiled when it is first used.

    Their parameters have the names of ``values``.
    """

    def __init__(self, columns: Sequence[ColumnElement[Any]], members: Members, shape: Shape) -> None:
        self._columns, self._members, self._shape = columns, members, shape
        indexes = list_indexes.indexes_of(members[shape.order[-1].member])
        nullable = frozenset(each.member for each in shape.order if is_nullable(members[each.member]))
        path = list_indexes.in_order(indexes, shape.where, shape.order, nullable)
        self.path: Final = path
        """The index that returns the rows in order, if there is one."""
        self.is_filtered: Final = path is None or len(path.bounds) < len(shape.where)
        """False if an index returns exactly the rows of the list, in order."""
        if shape.by is None:
            by_filter = list_indexes.by_filter(indexes, shape.where, path.bounds if path else frozenset())
        else:
            order = Ordering(shape.by), Ordering(shape.order[-1].member)
            by_filter = list_indexes.in_order(indexes, shape.where, order, frozenset())
        if path is None and by_filter is None:
            by_filter = Path(frozenset(), ())  # the whole table, if it is small
        self.by_filter: Final = by_filter
        """The index that returns the rows by a part of the filter, if there is one that returns fewer.

        If nothing else is possible, it is the whole table.
        """
        self._indexes = indexes

    @cached_property
    def rows(self) -> CompiledStatement:
        """The rows of a page: the next ones in an index; with other filters, those of the whole table, sorted."""
        order = self._shape.order if self.path is None else self.path.order
        keys, after = self._keys(order), self._after(order)
        if self.path is None or self.is_filtered:
            return CompiledStatement(
                keyset.range_after(self._matching(), keys, keys, after).limit(limit()), planner_settings=WHOLE
            )
        rows = keyset.rows_after(
            self._matching(self.path), keys, after, leading=self._leading(self.path), limit=limit()
        )
        return CompiledStatement(rows, planner_settings=BY_INDEX)

    @cached_property
    def scans(self) -> tuple[CompiledStatement, ...]:
        """The next rows in an index that match the filter, among the first ``SCANNED``.

        If the first sort key is nullable, rows with and without a value are two ranges of the index.
        """
        if self.path is None:
            return ()
        keys, after = self._keys(self.path.order), self._after(self.path.order)
        first = keys[0]
        if not first.nullable:
            return (self._scan(self.path, keys, keys, after, true()),)
        plain, absent = [first._replace(nullable=False), *keys[1:]], first.column.is_(None)
        if after and after[0] is None:
            return (self._scan(self.path, plain, keys[1:], after[1:], absent),)
        present = self._scan(self.path, plain, plain, after, first.column.is_not(None))
        return present, self._scan(self.path, plain, keys[1:], None, absent)

    @cached_property
    def edges(self) -> CompiledStatement:
        """The first value of the first sort key, and the value ``SCANNED`` rows further on, if there is one."""
        if self.path is None:
            raise ValueError("no index has this order")
        keys = [key._replace(nullable=False) for key in self._keys(self.path.order)]
        order = [*self._leading(self.path), *keys]
        ranged = keyset.range_after(
            select(*(key.column for key in order)).where(self._bounds(self.path)), order, (), None
        )
        found = _numbered(ranged, SCANNED + 1, order)
        edges = select(found.c[str(keys[0].column.key)]).where(or_(found.c.scanned == 1, found.c.scanned > SCANNED))
        return CompiledStatement(edges.order_by(found.c.scanned), planner_settings=BY_INDEX)

    @cached_property
    def candidates(self) -> CompiledStatement | None:
        """All rows of the rest of the list in order, if the index on a filtered member has at most ``SCANNED`` rows.

        Two columns are added: ``scanned`` exceeds ``SCANNED`` if it has more, and ``remaining`` is the number of rows.
        """
        if self.by_filter is None:
            return None
        path, order = self.by_filter, self._shape.order
        ranged = [*self._leading(path), *self._keys(path.order)]
        first = keyset.range_after(select(*self._columns).where(self._bounds(path)), ranged, (), None)
        if path.method == GIN:  # PostgreSQL does not choose another index because of the limit
            first = select(first.offset(literal_column("0", Integer)).subquery())
        found = _numbered(first, SCANNED + 1, ranged if path.order else ())
        matches = self._others(path, found.c)
        keys, after = self._keys(order, found.c), self._after(order)
        left = and_(matches, true() if after is None else keyset.is_after(keys, after))
        is_cut = found.c.scanned > SCANNED
        columns = (*(found.c[str(each.key)] for each in self._columns), left.label("is_match"))
        counted = func.max(found.c.scanned).over().label("scanned"), func.count().filter(left).over().label("remaining")
        kept = select(*columns, *counted).where(or_(left, is_cut))
        return CompiledStatement(
            kept.order_by(*(key.sorted for key in keys)).limit(limit()), planner_settings=BY_INDEX if ranged else {}
        )

    @cached_property
    def cost_of_candidates(self) -> CompiledStatement:
        """The estimated cost of ``candidates``. A GIN index is read for all rows before the first one is returned."""
        return CompiledStatement(Explain((self.candidates or self.rows).statement))

    @cached_property
    def total(self) -> CompiledStatement:
        """The number of all matches."""
        return CompiledStatement(select(func.count()).select_from(self._matching().subquery()))

    @cached_property
    def cost_of_total(self) -> CompiledStatement:
        """The estimated cost of ``total``."""
        return CompiledStatement(Explain(self.total.statement))

    @cached_property
    def total_of_table(self) -> CompiledStatement:
        """The number of all matches, from the whole table."""
        return CompiledStatement(self.total.statement, planner_settings=WHOLE)

    @cached_property
    def cost_of_table(self) -> CompiledStatement:
        """The estimated cost of ``total_of_table``."""
        return CompiledStatement(Explain(self.total.statement), planner_settings=WHOLE)

    @cached_property
    def few(self) -> CompiledStatement:
        """The number of all matches; more than ``FEW`` if there are more. Every order is counted in the same index."""
        where = self._shape.where
        path = list_indexes.by_filter(self._indexes, where, frozenset())
        if path is None or len(path.bounds) < len(where) or not path.order:
            path = self.path
        keys = [] if path is None else [*self._leading(path), *self._keys(path.order)]
        ranged = [key._replace(nullable=False) for key in keys]
        some = keyset.range_after(self._matching(path), ranged, (), None)
        return CompiledStatement(
            select(func.count()).select_from(some.limit(literal_column(str(FEW + 1), Integer)).subquery()),
            planner_settings=BY_INDEX,
        )

    def orders(self, members: Iterable[str]) -> list[str]:
        """Return the members that an index orders by, with the same filter."""
        key = Ordering(self._shape.order[-1].member)
        where, none = self._shape.where, frozenset[str]()
        return [each for each in members if list_indexes.in_order(self._indexes, where, (Ordering(each), key), none)]

    def _matching(self, path: Path | None = None) -> Select[Any]:
        conditions = (self._condition(number, path=path) for number in range(len(self._shape.where)))
        return select(*self._columns).where(and_(true(), *conditions))

    def _bounds(self, path: Path) -> ColumnElement[bool]:
        """Return the comparisons that bound a path."""
        return and_(true(), *(self._condition(number, path=path) for number in sorted(path.bounds)))

    def _leading(self, path: Path) -> list[Key]:
        """Return the fixed columns of an index that are part of its order. Then no other index has the order."""
        descending = bool(path.order) and path.order[0].descending
        return [Key(indexed(self._members, each), descending, nullable=False) for each in path.leading]

    def _scan(
        self,
        path: Path,
        order: Sequence[Key],
        keys: Sequence[Key],
        after: Sequence[Bound] | None,
        part: ColumnElement[bool],
    ) -> CompiledStatement:
        """Return the matching rows of a part of an index. The last row that was read is among them, marked.

        Two columns are added: ``is_match``, and ``scanned``, the position of the row in the part.
        """
        order = [*self._leading(path), *order]
        ranged = keyset.range_after(select(*self._columns).where(part, self._bounds(path)), order, keys, after)
        found = _numbered(ranged, SCANNED, order)
        matches = self._others(path, found.c)
        columns = (*(found.c[str(each.key)] for each in self._columns), matches.label("is_match"), found.c.scanned)
        kept = select(*columns).where(or_(matches, found.c.scanned == SCANNED))
        outer = (key._replace(column=found.c[str(key.column.key)]) for key in order)
        return CompiledStatement(
            kept.order_by(*(key.sorted for key in outer)).limit(limit()), planner_settings=BY_INDEX
        )

    def _others(self, path: Path, columns: Any) -> ColumnElement[bool]:
        """Return the comparisons that don't bound the path, on these columns of a subquery."""
        others = (number for number in range(len(self._shape.where)) if number not in path.bounds)
        return and_(true(), *(self._condition(number, columns) for number in others))

    def _condition(self, number: int, columns: Any = None, *, path: Path | None = None) -> ColumnElement[bool]:
        """Return a comparison on the members, or on these columns of a subquery, for the index of a path if given.

        To sort by a column that equals a constant is redundant for PostgreSQL, and each index with the other sort keys
        would serve the order. It is not redundant for one that equals an element of an array.
        """
        member, operator, is_null = self._shape.where[number]
        column = self._members[member]
        value = parameter(f"where_{number}", compared(column, operator), is_null)
        if columns is not None:
            return keyset.condition(columns[str(column.key)], operator, value)
        if path and path.method == GIN and number in path.bounds and value is not None:
            return column.bool_op("@>")(cast(array([value]), ARRAY(Text)))
        leading = path.leading if path and operator is Operator.EQ and value is not None else ()
        if member in leading[:1]:
            return column == any_(cast(array([value]), ARRAY(column.type)))
        if member in leading:
            return column.between(value, value)
        condition = keyset.condition(column, operator, value)
        normal_form = column.info.get("normal_form") if hasattr(column, "info") else None
        if operator is Operator.EQ and normal_form and value is not None:
            normal, equal = normal_form(column), normal_form(value)
            return and_(condition, normal.between(equal, equal) if f"={member}" in leading else normal == equal)
        return condition

    def _keys(self, order: Sequence[Ordering], columns: Any = None) -> list[Key]:
        """Return the sort keys: members, or these columns of a subquery."""
        members = [(each, self._members[each.member]) for each in order]
        return [
            Key(member if columns is None else columns[str(member.key)], each.descending, is_nullable(member))
            for each, member in members
        ]

    def _after(self, order: Sequence[Ordering]) -> list[Bound] | None:
        """Return the values of these sort keys in the last row of the previous page."""
        if self._shape.after is None:
            return None
        return [
            parameter(f"after_{number}", self._members[each.member].type, is_null)
            for number, (each, is_null) in enumerate(zip(self._shape.order, self._shape.after, strict=True))
            if each in order
        ]


def _numbered(rows: Select[Any], limit: int, order: Sequence[Key]) -> Subquery:
    """Return the first rows with their positions.

    PostgreSQL does not move a condition into a subquery with a limit. It reads no more rows than the limit, and fewer
    if the page is full before.
    """
    first = rows.limit(literal_column(str(limit), Integer)).subquery()
    keys = [key._replace(column=first.c[str(key.column.key)]).sorted for key in order]
    return select(*first.c, func.row_number().over(order_by=keys or None).label("scanned")).subquery()
