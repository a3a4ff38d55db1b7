"""The indexes of a table that a list can be read by: in its order, or by its filter.

Only plain indexes count: without a condition, on columns, in ascending order. A primary key and a unique constraint are
indexes too.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Column, ColumnElement, Index, PrimaryKeyConstraint, Table, UniqueConstraint

from app.models.query import Operator, Ordering

RANGES: Final = frozenset({Operator.EQ, Operator.LT, Operator.LE, Operator.GT, Operator.GE})
"""The operators that a B-tree index serves. Inequality is one of them only for null."""
GIN: Final = "gin"
BTREE: Final = "btree"


class Condition(NamedTuple):
    """A comparison without its value."""

    member: str
    operator: Operator
    is_null: bool

    @property
    def is_equality(self) -> bool:
        """True if it fixes the member to one value or to null."""
        return self.operator is Operator.EQ

    @property
    def is_range(self) -> bool:
        """True if the matching rows are one range of an index on the member."""
        return self.operator in RANGES or self.is_null


class Path(NamedTuple):
    """A range of an index. ``bounds`` are the positions of the conditions that limit the range.

    ``order`` is the order of the range. It is empty for an index without an order. A unique path has one row at most.
    ``leading`` are the columns before it by which the statement sorts too: the first one, and those that are fixed to
    null. Of a unique path, it is every column.
    """

    bounds: frozenset[int]
    order: tuple[Ordering, ...]
    is_unique: bool = False
    method: str = BTREE
    leading: tuple[str, ...] = ()


class TableIndex(NamedTuple):
    """The columns of an index.

    An expression is ``None``, or ``"=title"`` for the normal form of a title: equal titles have equal normal forms.
    """

    method: str
    columns: tuple[str | None, ...]
    is_unique: bool = False

    def fixed(self, where: Sequence[Condition]) -> int:
        """Return the number of leading columns that equalities fix."""
        equal = {name for each in where if each.is_equality for name in (each.member, f"={each.member}")}
        return next((at for at, name in enumerate(self.columns) if name not in equal), len(self.columns))

    def bounds(self, where: Sequence[Condition]) -> frozenset[int]:
        """Return the positions of the conditions that limit the range to read."""
        at = self.fixed(where)
        leading, ranged = self.columns[:at], self.columns[at : at + 1]
        return frozenset(
            number
            for number, each in enumerate(where)
            if (each.is_equality and not {each.member, f"={each.member}"}.isdisjoint(leading))
            or (each.is_range and each.member in ranged)
        )

    def path(self, where: Sequence[Condition]) -> Path | None:
        """Return the path of the conditions in the order of the index, if it orders by columns."""
        left = self.columns[self.fixed(where) :]
        if any(name is None or name.startswith("=") for name in left):
            return None
        order = tuple(Ordering(str(name)) for name in left)
        is_unique = self.is_unique and not left
        leading = tuple(map(str, self.columns)) if is_unique else self.leading(where)
        return Path(self.bounds(where), order, is_unique, leading=leading if order or is_unique else ())

    def leading(self, where: Sequence[Condition]) -> tuple[str, ...]:
        """Return the first column if it is fixed, and the columns that are fixed to null."""
        null = {each.member for each in where if each.is_equality and each.is_null}
        fixed = self.columns[: self.fixed(where)]
        return tuple(str(name) for at, name in enumerate(fixed) if at == 0 or name in null)


def indexes_of(column: ColumnElement[Any]) -> tuple[TableIndex, ...]:
    """Return the indexes of a column's table; none if it is not a column of a table."""
    table = getattr(column, "table", None)
    return tuple(_indexes(table)) if isinstance(table, Table) else ()


def in_order(
    indexes: Sequence[TableIndex], where: Sequence[Condition], order: Sequence[Ordering], nullable: frozenset[str]
) -> Path | None:
    """Return the path that returns rows in this order, with most of the conditions as its bounds.

    Members that an equality fixes don't affect the order. Only the first of the others can be nullable.
    """
    equal = {each.member for each in where if each.is_equality}
    left = tuple(each for each in order if each.member not in equal)
    if len({each.descending for each in left}) > 1 or nullable & {each.member for each in left[1:]}:
        return None
    members = tuple(each.member for each in left)
    fitting = (
        Path(each.bounds(where), left, leading=each.leading(where) if left else ())
        for each in indexes
        if each.method == BTREE and each.columns[(at := each.fixed(where)) : at + len(members)] == members
    )
    return max(fitting, key=lambda path: len(path.bounds), default=None)


def by_filter(indexes: Sequence[TableIndex], where: Sequence[Condition], besides: frozenset[int]) -> Path | None:
    """Return the path with the most selective bounds, if they are not all in ``besides``.

    A unique key is the most selective, then a value in an array, then the largest number of conditions.
    """
    trees = (path for each in indexes if each.method == BTREE and (path := each.path(where)))
    found = max(trees, key=lambda path: (path.is_unique, len(path.bounds)), default=None)
    if found is not None and found.is_unique:
        return found
    for number, each in enumerate(where):
        if each.operator is Operator.HAS and TableIndex(GIN, (each.member,)) in indexes:
            return Path(frozenset({number}), (), method=GIN)
    return None if found is None or found.bounds <= besides else found


def _indexes(table: Table) -> Iterator[TableIndex]:
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        options = index.dialect_options["postgresql"]
        if options["where"] is None:
            yield TableIndex(options["using"] or BTREE, _columns(index), bool(index.unique))
    for constraint in table.constraints:
        if isinstance(constraint, PrimaryKeyConstraint | UniqueConstraint):
            yield TableIndex(BTREE, tuple(str(column.key) for column in constraint.columns), True)


def _columns(index: Index) -> tuple[str | None, ...]:
    normal = index.info.get("normal_form_of")
    expression = None if normal is None else f"={normal}"
    return tuple(str(each.key) if isinstance(each, Column) else expression for each in index.expressions)
