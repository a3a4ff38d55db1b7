"""The locations of arguments in a request, and their values for a schema."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from app.rest.request import Request
from app.wire.decoder import Decoder
from app.wire.locations import Location, violation
from app.wire.validators import Breach

ALIASES: Final[Mapping[str, str]] = {"querystring": "query", "view_args": "path"}
BODIES: Final = frozenset({Location.JSON, Location.FORM, Location.FILES})
URLENCODED: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"
CONSUMED: Final[Mapping[Location, tuple[str, ...]]] = {
    Location.JSON: ("application/json",),
    Location.FORM: (URLENCODED, MULTIPART),
    Location.FILES: (MULTIPART,),
}
"""The default media types."""
_REPEATED: Final = Breach("INVALID_VALUE", "must be sent once")
_UNFIT: Final = Breach("INVALID_FORMAT", "must not contain NUL characters")
_NUL: Final = "\x00"
Pairs = Iterable[tuple[str, Any]]


def location_of(name: str) -> Location:
    """Return a location by its name in webargs and flask-smorest.

    Raises:
        TypeError: the location is not supported.
    """
    try:
        return Location(ALIASES.get(name, name if name in [*Location] else ""))
    except ValueError:
        known = ", ".join((*Location, *ALIASES))
        raise TypeError(f"the location {name!r} is not supported: use one of {known}") from None


def reader(decode: Decoder) -> Callable[[Request], Any]:
    """Return the function that reads the values for a decoder from a location other than query and JSON.

    It reads only the header fields and cookies in the schema.
    """
    location, wanted, repeatable = decode.location, tuple(decode.members), decode.repeatable

    def pairs(request: Request) -> Pairs:
        if location is Location.PATH:
            sent = request.view_args or {}
            return [(name, sent[name]) for name in wanted if name in sent]
        if location is Location.HEADERS:
            return [(name, value) for name in wanted for value in request.headers.getlist(name.replace("_", "-"))]
        if location is Location.COOKIES:
            return [(name, value) for name in wanted for value in request.cookies.getlist(name)[:1]]
        return (request.form if location is Location.FORM else request.files).items(multi=True)

    def read(request: Request) -> dict[str, Any]:
        return values_for(decode, _by_name(request, pairs(request), repeatable, location))

    return read


class Values(dict[str, Any]):
    """The values of a location by name, with the methods of webargs' ``MultiDictProxy`` for hooks of schemas."""

    def getlist(self, name: str) -> list[Any]:
        """Return all values of a name."""
        value = self.get(name, [])
        return value if isinstance(value, list) else [value]

    def to_dict(self, flat: bool = True) -> dict[str, Any]:
        """Return the first value of each name, or all of them."""
        return {name: self.getlist(name)[0] if flat else self.getlist(name) for name in self}


def values_for(decode: Decoder, values: dict[str, Any]) -> dict[str, Any]:
    """Return the values, in the form that hooks expect if marshmallow loads the schema."""
    return values if decode.uncovered is None else Values(values)


def _by_name(request: Request, pairs: Pairs, repeatable: frozenset[str], location: Location) -> dict[str, Any]:
    """Return values by name, with lists for repeatable names. Invalid values add violations."""
    found: dict[str, Any] = {}
    rejected: dict[str, Breach] = {}
    for name, value in pairs:
        if isinstance(value, str) and _NUL in value:
            rejected[name] = _UNFIT
        elif name in repeatable:
            found.setdefault(name, []).append(value)
        elif name in found:
            rejected[name] = _REPEATED
        else:
            found[name] = value
    for name, breach in rejected.items():
        found.pop(name, None)
        request.violations.append(violation((name,), breach, location, None))
    return found
