"""The parts of a request that a schema can describe, and the violation of a rule at a location in them."""

from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

import marshmallow as ma

from app.errs.error import Violation
from app.wire.schemas.base import UNKNOWN_MEMBER, UNKNOWN_PARAMETER, Path, dotted_path, inside, key_of
from app.wire.validators import Breach, Sentence

Broken = Breach | Violation | Sentence
"""A broken rule. Only a ``Violation`` contains its location."""
Found = list[tuple[Path, Broken]]
LONGEST_NAME: Final = 100
"""Characters of an unknown property's name in a message."""


class Location(StrEnum):
    """A part of a request, by the name in webargs and flask-smorest. Their aliases are accepted."""

    JSON = "json"
    FORM = "form"
    FILES = "files"
    QUERY = "query"
    PATH = "path"
    HEADERS = "headers"
    COOKIES = "cookies"

    @classmethod
    def _missing_(cls, value: object) -> "Location":
        if alias := _ALIASES.get(str(value)):
            return cls(alias)
        raise ValueError(f"{value!r} is not a location of arguments. Use one of: {', '.join(cls)}.")

    @property
    def is_body(self) -> bool:
        """True if the values are in the body of the request."""
        return self in _BODIES


_ALIASES: Final[Mapping[str, str]] = {"querystring": "query", "view_args": "path", "json_or_form": "json"}
_BODIES: Final = frozenset({Location.JSON, Location.FORM, Location.FILES})
OPEN: Final = frozenset({Location.HEADERS, Location.COOKIES})
"""Locations that can have names without a field in the schema. These names are ignored."""

SCREENED: Final = frozenset({Location.QUERY})
"""Locations whose parsers already reject texts that the database can't store."""


def place(schema: ma.Schema | None, path: Path) -> list[tuple[int, str]]:
    """Return the sort key of a broken rule: an object itself, its fields in order, unknown properties."""
    order = list[tuple[int, str]]()
    for step in path:
        if isinstance(step, int):
            order.append((step, ""))
        else:
            fields = {key_of(name, field): field for name, field in schema.fields.items()} if schema else {}
            order.append(([*fields].index(step), "") if step in fields else (len(fields), step))
            schema = inside(fields.get(step))
    return order


def violation(path: Path, broken: Broken, location: Location, relative_to: str | None) -> Violation:
    """Return the violation of a rule at a location.

    A breach continues the field's name: ``title is required``. A sentence is the whole message.
    """
    if isinstance(broken, Violation):
        return broken
    if location is Location.QUERY and broken.code == UNKNOWN_MEMBER.code:
        unknown = UNKNOWN_PARAMETER
        broken = Sentence(unknown.code, broken.text) if isinstance(broken, Sentence) else unknown
    if location.is_body:
        name, place = _named(path, relative_to)
        where: dict[str, Any] = {"pointer": place}
    else:
        name = _parameter(path, location)
        where = _part(path, location)
    message = broken.text if isinstance(broken, Sentence) else f"{name} {broken.message}"
    return Violation(name, broken.code, message, **where)


def _parameter(path: Path, location: Location) -> str:
    if not path:
        return location.value
    return str(path[0]) if len(path) == 1 else dotted_path(path, None)


def _part(path: Path, location: Location) -> dict[str, str]:
    """Return the parameter or the header field that contains the value."""
    if location is Location.COOKIES:
        return {"header": "Cookie"}
    name = str(path[0]) if path else location.value
    return {"header": name} if location is Location.HEADERS else {"parameter": name}


@lru_cache(1024)
def _named(path: Path, relative_to: str | None) -> tuple[str, str]:
    """Return the readable name of the location, and its JSON pointer (RFC 6901)."""
    pointer = "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)
    return dotted_path(path, relative_to), f"#{pointer}"
