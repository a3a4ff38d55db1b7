"""Orders of several members, read group by group: the rows with the same value of the first member.

An index on the first member returns the groups in order. A few small groups are read at once and sorted. A large group
is a separate list: it has the value in its filter, and is sorted by the other members.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from app.models.query import Comparison, Cursor, ListQuery, Operator, Value
from app.repositories.list_shapes import Members, is_nullable


class Group(NamedTuple):
    """Groups that start with the value ``first``, and the query for their rows.

    ``next`` is the start of the group after them, if it is known. A large group is the only one.
    """

    query: ListQuery
    first: Value
    is_large: bool
    next: tuple[Value, ...] | None = None


class Groups:
    """The groups of a list by the first member of its order. The filter does not fix this member."""

    def __init__(self, query: ListQuery, members: Members) -> None:
        first = query.order[0]
        self._query, self.member = query, first.member
        self._nullable: Final = is_nullable(members[first.member])
        self._from, self._after, self._before = (
            (Operator.LE, Operator.LT, Operator.GT) if first.descending else (Operator.GE, Operator.GT, Operator.LT)
        )

    @property
    def all(self) -> ListQuery:
        """The list in the order of the first member only."""
        return replace(self._query, order=self._query.order[:1], after=None)

    @property
    def following(self) -> ListQuery | None:
        """The query for the values from the cursor on; ``None`` if only the group of null is left."""
        after = self._query.after
        if after is None:
            return self._edges()
        return None if after.keys[0] is None else self._edges(Comparison(self.member, self._from, after.keys[0]))

    def behind(self, value: Value) -> ListQuery:
        """Return the query for the values after this one."""
        return self._edges(Comparison(self.member, self._after, value))

    def between(self, edges: Sequence[Value]) -> Group:
        """Return the groups from the first value to the second one, which is ``SCANNED`` rows further on, if any."""
        first, *second = edges
        if second == [first] or self._is_inside(first):
            return self._large(first)
        start = Comparison(self.member, self._from, first)
        if not second:
            return Group(self._with(start), first, False, (None,) if self._nullable else None)
        return Group(self._with(start, Comparison(self.member, self._before, second[0])), first, False, (second[0],))

    def without_value(self) -> Group | None:
        """Return the last group, which has null."""
        return self._large(None) if self._nullable else None

    def _large(self, value: Value) -> Group:
        """Return the group as a separate list, after the rest of the cursor."""
        after = self._query.after
        rest = after.keys[1:] if after is not None and after.keys[0] == value else ()
        where = (*self._query.where, Comparison(self.member, Operator.EQ, value))
        cursor = Cursor(rest, after.total_size) if after is not None and rest else None
        return Group(replace(self._query, where=where, order=self._query.order[1:], after=cursor), value, True)

    def _is_inside(self, value: Value) -> bool:
        """Return whether the cursor is the start of a group within the group of this value."""
        after = self._query.after
        return after is not None and after.keys[0] == value and 1 < len(after.keys) <= len(self._query.order)

    def _edges(self, *more: Comparison) -> ListQuery:
        return replace(self.all, where=self._with(*more).where)

    def _with(self, *more: Comparison) -> ListQuery:
        """Return the list with these comparisons and without null, after the cursor if it is a row."""
        present = (Comparison(self.member, Operator.NE, None),) if self._nullable else ()
        after = self._query.after
        is_row = after is not None and len(after.keys) > len(self._query.order)
        return replace(self._query, where=(*self._query.where, *present, *more), after=after if is_row else None)
