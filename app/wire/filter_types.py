"""The types of filterable properties, with their operators and the syntax of their values."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from typing import Final
from uuid import UUID

from app.models.query import Operator, Value
from app.wire import ids, timestamps

Operators = tuple[Operator, ...]

_EQUALITY: Final[Operators] = (Operator.EQ, Operator.NE)
_ORDER: Final[Operators] = (*_EQUALITY, Operator.LT, Operator.LE, Operator.GT, Operator.GE)
_QUOTES: Final = frozenset("'\"")
_ESCAPE: Final = re.compile(r"\\(.)")
_WHOLE_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
_AMOUNT: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,6})?")
_BOOLEANS: Final = {"true": True, "false": False}
_LARGEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class FilterValue:
    """A value as it is written in the filter."""

    raw: str

    @property
    def is_quoted(self) -> bool:
        """True if it is in quotes."""
        return self.raw[0] in _QUOTES

    @property
    def is_null(self) -> bool:
        """True if it is the word ``null``."""
        return self.raw == "null"

    @property
    def text(self) -> str:
        """The text without quotes and escapes."""
        return _ESCAPE.sub(r"\1", self.raw[1:-1]) if self.is_quoted else self.raw


@dataclass(frozen=True, slots=True)
class FilterMember:
    """A property by which a list can be filtered.

    ``read`` converts the written text to a value, and raises ``ValueError`` with the reason if the text is invalid.
    ``values`` describes the allowed values.
    """

    operators: Operators
    read: Callable[[FilterValue], Value]
    values: tuple[str, ...]
    nullable: bool = False


def text(*, nullable: bool = False) -> FilterMember:
    """Return a property with any text, quoted unless it is a single word."""
    return FilterMember(_ORDER, _text, ("a quoted text",), nullable)


def timestamp(*, nullable: bool = False) -> FilterMember:
    """Return a property with timestamps, quoted."""
    return FilterMember(_ORDER, _timestamp, ("a quoted timestamp like 2027-01-31T12:00:00Z",), nullable)


def integer(*, nullable: bool = False) -> FilterMember:
    """Return a property with 64-bit integers, never quoted."""
    return FilterMember(_ORDER, _integer, ("a whole number",), nullable)


def amount(*, nullable: bool = False) -> FilterMember:
    """Return a property with exact decimal numbers, with or without quotes: ``4.90``."""
    return FilterMember(_ORDER, _amount, ("an amount like 4.90",), nullable)


def date(*, nullable: bool = False) -> FilterMember:
    """Return a property with dates, with or without quotes: ``2027-01-31``."""
    return FilterMember(_ORDER, _date, ("a date like 2027-01-31",), nullable)


def boolean(*, nullable: bool = False) -> FilterMember:
    """Return a property that is ``true`` or ``false``, never quoted."""
    return FilterMember(_EQUALITY, _boolean, tuple(_BOOLEANS), nullable)


def uuid(*, nullable: bool = False) -> FilterMember:
    """Return a property with UUIDs, with or without quotes."""
    return FilterMember(_EQUALITY, _uuid, ("a UUID",), nullable)


def choice(values: type[IntEnum], *, prefix: str, ordered: bool = False, nullable: bool = False) -> FilterMember:
    """Return a property with members of an enumeration, with or without the prefix. Only ordered ones allow ``<``."""
    by_name = {prefix + value.name: value for value in values}

    def read(written: FilterValue) -> IntEnum:
        value = by_name.get(written.text, by_name.get(prefix + written.text))
        if value is None:
            raise ValueError("Unknown value")
        return value

    return FilterMember(_ORDER if ordered else _EQUALITY, read, tuple(by_name), nullable)


def tags() -> FilterMember:
    """Return a property with tags. A comparison contains one tag: ``tags:home``."""
    return FilterMember((Operator.HAS,), _text, ("a tag",))


def _text(written: FilterValue) -> str:
    return written.text


def _timestamp(written: FilterValue) -> Value:
    if not written.is_quoted:
        raise ValueError("A timestamp requires quotes")
    try:
        return timestamps.parse(written.text)
    except ValueError:
        raise ValueError(f"Not {timestamps.RULE}") from None


def _amount(written: FilterValue) -> Value:
    if not _AMOUNT.fullmatch(written.text):
        raise ValueError("Not an amount such as 4.90")
    return Decimal(written.text)


def _date(written: FilterValue) -> Value:
    try:
        return timestamps.parse_date(written.text)
    except ValueError:
        raise ValueError(f"Not {timestamps.DATE_RULE}") from None


def _boolean(written: FilterValue) -> Value:
    if written.raw not in _BOOLEANS:
        raise ValueError("Neither true nor false")
    return _BOOLEANS[written.raw]


def _uuid(written: FilterValue) -> Value:
    if not ids.is_id(written.text):
        raise ValueError(f"Not {ids.RULE}")
    return UUID(written.text)


def _integer(written: FilterValue) -> Value:
    if written.is_quoted or not _WHOLE_NUMBER.fullmatch(written.text):
        raise ValueError("Not a whole number")
    number = int(written.text)
    if not -_LARGEST - 1 <= number <= _LARGEST:
        raise ValueError("The number is too large")
    return number
