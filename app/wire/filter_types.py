"""The types of filterable members: which operators each takes, and how its values are written and read."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from app.models.query import Operator, Value
from app.wire import timestamps

Operators = tuple[Operator, ...]

_EQUALITY: Final[Operators] = (Operator.EQ, Operator.NE)
_ORDER: Final[Operators] = (*_EQUALITY, Operator.LT, Operator.LE, Operator.GT, Operator.GE)
_QUOTES: Final = frozenset("'\"")
_ESCAPE: Final = re.compile(r"\\(.)")
_WHOLE_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
_LARGEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class FilterValue:
    """A value as it stands in the filter."""

    raw: str

    @property
    def is_quoted(self) -> bool:
        """Tell whether it stands in quotes."""
        return self.raw[0] in _QUOTES

    @property
    def is_null(self) -> bool:
        """Tell whether it is the word for nothing."""
        return self.raw == "null"

    @property
    def text(self) -> str:
        """Return it without quotes and escapes."""
        return _ESCAPE.sub(r"\1", self.raw[1:-1]) if self.is_quoted else self.raw


@dataclass(frozen=True, slots=True)
class FilterMember:
    """A member that a list can be filtered by.

    ``read`` turns what was written into a value and raises ``ValueError`` with the reason when it cannot; ``values``
    says in words what it would have taken.
    """

    operators: Operators
    read: Callable[[FilterValue], Value]
    values: tuple[str, ...]
    nullable: bool = False


def text(*, nullable: bool = False) -> FilterMember:
    """Return a member of any text, quoted unless it is a single word."""
    return FilterMember(_ORDER, _text, ("a quoted text",), nullable)


def timestamp(*, nullable: bool = False) -> FilterMember:
    """Return a member of moments, quoted."""
    return FilterMember(_ORDER, _timestamp, ("a quoted timestamp like 2027-01-31T12:00:00Z",), nullable)


def integer(*, nullable: bool = False) -> FilterMember:
    """Return a member of whole numbers of 64 bits, never quoted."""
    return FilterMember(_ORDER, _integer, ("a whole number",), nullable)


def choice(values: type[IntEnum], *, prefix: str, ordered: bool = False, nullable: bool = False) -> FilterMember:
    """Return a member of an enumeration, with or without the prefix; ``<`` and its kin only when it is ordered."""
    by_name = {prefix + value.name: value for value in values}

    def read(written: FilterValue) -> IntEnum:
        value = by_name.get(written.text, by_name.get(prefix + written.text))
        if value is None:
            raise ValueError("Unknown value")
        return value

    return FilterMember(_ORDER if ordered else _EQUALITY, read, tuple(by_name), nullable)


def tags() -> FilterMember:
    """Return a list of tags, of which one is asked for: ``tags:home``."""
    return FilterMember((Operator.HAS,), _text, ("a tag",))


def _text(written: FilterValue) -> str:
    return written.text


def _timestamp(written: FilterValue) -> Value:
    if not written.is_quoted:
        raise ValueError("A timestamp needs quotes")
    try:
        return timestamps.parse(written.text)
    except ValueError:
        raise ValueError(f"Not {timestamps.RULE}") from None


def _integer(written: FilterValue) -> Value:
    if written.is_quoted or not _WHOLE_NUMBER.fullmatch(written.text):
        raise ValueError("Not a whole number")
    number = int(written.text)
    if not -_LARGEST - 1 <= number <= _LARGEST:
        raise ValueError("A number this large is not allowed")
    return number
