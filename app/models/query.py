"""List queries: comparisons, an order and a cursor. Plain values that every repository supports."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Generic, TypeVar
from uuid import UUID

Value = str | int | datetime | date | Decimal | UUID | None
Row = TypeVar("Row")


class Operator(StrEnum):
    """The comparison operator. ``HAS`` means that a list contains the value."""

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    HAS = ":"


@dataclass(frozen=True, slots=True)
class Comparison:
    """``member operator value``. ``!=`` includes null. ``None`` is compared only with ``=`` and ``!=``."""

    member: str
    operator: Operator
    value: Value


@dataclass(frozen=True, slots=True)
class Ordering:
    """One field to sort by. Nulls sort last in both directions."""

    member: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Cursor:
    """The end of the previous page: the sort keys of the last row that was read, its ID last, and the counted total.

    A UUID among the keys is a text.
    """

    keys: tuple[Value, ...]
    total_size: int


@dataclass(frozen=True, slots=True)
class ListQuery:
    """The query for one page of a list. All comparisons must match. It sorts by ``order``, then by ID.

    ``orderable`` are the members that a client can sort by, for an error message.
    """

    where: tuple[Comparison, ...]
    order: tuple[Ordering, ...]
    page_size: int
    after: Cursor | None = None
    orderable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """The rows in order, the cursor of the next page (``None`` on the last page), and the total number of rows.

    A page with a filter can have fewer rows than requested, even none, and a next page. ``total_size`` is -1 if
    counting would take too long.
    """

    rows: tuple[Row, ...]
    next: Cursor | None
    total_size: int
