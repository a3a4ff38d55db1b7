"""What a list may be asked: comparisons, an order, and where to go on. Plain values, understood by every repository."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

Value = str | int | datetime | None
Row = TypeVar("Row")


class Operator(StrEnum):
    """How a member is compared; ``HAS`` asks whether a list contains the value."""

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    HAS = ":"


@dataclass(frozen=True, slots=True)
class Comparison:
    """``member operator value``; ``!=`` includes null, and ``None`` is compared with ``=`` and ``!=`` only."""

    member: str
    operator: Operator
    value: Value


@dataclass(frozen=True, slots=True)
class Ordering:
    """One member to sort by; nulls come last in both directions."""

    member: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the previous page ended: the sort keys of its last row, its id last, and the total counted then."""

    keys: tuple[Value, ...]
    total_size: int


@dataclass(frozen=True, slots=True)
class ListQuery:
    """One page of a list: every comparison holds, sorted by ``order`` and then by id."""

    where: tuple[Comparison, ...]
    order: tuple[Ordering, ...]
    page_size: int
    after: Cursor | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows in order, where the next page starts (``None``: this was the last), and how many rows there are in all.

    ``total_size`` is -1 when counting took too long.
    """

    rows: tuple[Row, ...]
    next: Cursor | None
    total_size: int
