"""The lenient parser of the Accept field (RFC 9110, section 12.5.1), because many clients send malformed ones.

Only valid elements exclude a media type. An invalid weight counts as absent, an element that is not a media range is
skipped, and ``*`` means ``*/*``, as Java's ``URLConnection`` sends it.

Only the beginning of a long field is parsed. Servers join repeated fields, so a field can have hundreds of kilobytes.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

REMEMBERED: Final = 128
"""Parsed fields in the cache; clients send few different ones."""
LONGEST: Final = 2048
"""Characters that are parsed and cached."""
MOST_RANGES: Final = 64
_NAME: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_ELEMENT: Final = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*"?)+')
_PARAMETER: Final = re.compile(r';((?:[^;"]|"(?:[^"\\]|\\.)*"?)*)')
_RANGE: Final = re.compile(rf"(?P<type>{_NAME})/(?P<subtype>{_NAME})|\*")
_WEIGHT: Final = re.compile(r"[0-9]{1,9}(?:\.[0-9]{0,20})?|\.[0-9]{1,20}")
_DECIMAL_COMMA: Final = re.compile(r"(?i)(;[ \t]*q=[01]),([0-9]{1,3})(?=[ \t]*(?:[,;]|$))")
"""``q=0,5``: the number format of many languages. The text after the comma cannot be a media range."""
_UTF_8: Final = frozenset({"utf-8", "utf8"})
ANY: Final = "*"


class MediaRange(NamedTuple):
    """A media range in lowercase, its parameters without the weight, and the weight between 0 and 1."""

    type: str
    subtype: str
    parameters: frozenset[tuple[str, str]]
    weight: float

    @property
    def precision(self) -> int:
        """The precision of the range: 0 for ``*/*``, more for ``text/*``, a type and each parameter."""
        return (self.type != ANY) + (self.subtype != ANY) + len(self.parameters)

    def includes(self, other: "MediaRange") -> bool:
        """Return true if the range includes another range or a media type."""
        is_of_type = self.type in (ANY, other.type) and self.subtype in (ANY, other.subtype)
        return is_of_type and self.parameters <= other.parameters


def weight(field: str, media_type: str) -> float:
    """Return the weight of a media type; 0 means excluded. The most precise range wins, then the greatest weight."""
    ranges, (wanted,) = parsed(field), _parsed(media_type)
    if not ranges:
        return 1.0
    return max(((each.precision, each.weight) for each in ranges if each.includes(wanted)), default=(0, 0.0))[1]


def shortened(field: str) -> str:
    """Return the field, or only the first elements of a long one, which a cache can store. The others are ignored."""
    if len(field) <= LONGEST and field.count(",") < MOST_RANGES:
        return field
    elements = _ELEMENT.findall(field[:LONGEST])
    whole = elements[:-1] if len(field) > LONGEST else elements  # the last one can be truncated
    return ",".join(whole[:MOST_RANGES])


def parsed(field: str) -> tuple[MediaRange, ...]:
    """Return the valid media ranges of a field."""
    return _parsed(shortened(field))


@lru_cache(maxsize=REMEMBERED)
def _parsed(field: str) -> tuple[MediaRange, ...]:
    elements = _ELEMENT.findall(_DECIMAL_COMMA.sub(r"\1.\2", field))
    return tuple(each for element in elements if (each := _media_range(element)) is not None)


def _media_range(element: str) -> MediaRange | None:
    found = _RANGE.fullmatch(element.partition(";")[0].strip().lower())
    if found is None:
        return None
    type_, subtype = found["type"] or ANY, found["subtype"] or ANY
    if type_ == ANY and subtype != ANY:
        return None
    given = dict(map(_parameter, _PARAMETER.findall(element)))
    given.pop("", None)
    weight_ = _weight(given.pop("q", ""))
    if given.get("charset", "").lower() in _UTF_8:  # all responses are in UTF-8
        del given["charset"]
    return MediaRange(type_, subtype, frozenset(given.items()), weight_)


def _parameter(text: str) -> tuple[str, str]:
    """Return name and value. The name is empty if there is no value or no closing quote."""
    name, _, value = (each.strip() for each in text.partition("="))
    is_read = value and not (value.startswith('"') and (len(value) == 1 or not value.endswith('"')))
    return (name.lower() if is_read else ""), value.strip("\"'")


def _weight(text: str) -> float:
    """Return the weight, also in invalid forms (``.2``, ``1.5``), or 1 if it is not a number."""
    return min(float(text), 1.0) if _WEIGHT.fullmatch(text) else 1.0
