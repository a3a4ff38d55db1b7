"""The shape of a list query: the query without its values. The values are the parameters of its statements."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, ColumnElement, Integer, Text, bindparam
from sqlalchemy.types import TypeEngine

from app.models.query import ListQuery, Operator, Ordering, Value
from app.repositories.keyset import Bound
from app.repositories.list_indexes import Condition

Members = Mapping[str, ColumnElement[Any]]


class Shape(NamedTuple):
    """A list query without its values. It contains only whether each value is null."""

    where: tuple[Condition, ...]
    order: tuple[Ordering, ...]
    after: tuple[bool, ...] | None
    by: str | None = None

    @classmethod
    def of(cls, query: ListQuery, order: tuple[Ordering, ...], by: str | None = None) -> "Shape":
        """Return the shape of a query. ``by`` is the member whose index has the candidates."""
        where = tuple(Condition(each.member, each.operator, each.value is None) for each in query.where)
        after = None if query.after is None else tuple(key is None for key in query.after.keys)
        return cls(where, order, after, by)


def values(query: ListQuery) -> Mapping[str, Value]:
    """Return the values of a query by the names of the parameters in its statements."""
    found: dict[str, Value] = {f"where_{number}": each.value for number, each in enumerate(query.where)}
    if query.after is not None:
        found |= {f"after_{number}": key for number, key in enumerate(query.after.keys)}
    return {"limit": query.page_size + 1, **{name: value for name, value in found.items() if value is not None}}


def is_nullable(column: ColumnElement[Any]) -> bool:
    """Return true unless the column is defined as not null."""
    return bool(getattr(column, "nullable", True))


def limit() -> BindParameter[int]:
    """Return the parameter for the largest number of rows."""
    return bindparam("limit", type_=Integer)


def parameter(name: str, type_: TypeEngine[Any], is_null: bool) -> Bound:
    """Return the parameter for a value; ``None`` for null."""
    return None if is_null else bindparam(name, type_=type_)


def compared(column: ColumnElement[Any], operator: Operator) -> TypeEngine[Any]:
    """Return the type of the value that a column is compared with."""
    return Text() if operator is Operator.HAS else column.type


def indexed(members: Members, name: str) -> ColumnElement[Any]:
    """Return a column of an index: a member, or its normal form."""
    member = members[name.removeprefix("=")]
    return member if name in members else member.info["normal_form"](member)
