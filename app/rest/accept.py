"""The field Accept (RFC 9110, section 12.5.1), read as generously as it was written: clients send many odd ones.

A field excludes what it excludes legibly. A weight that is not one counts as absent, an element that is not a media
range is skipped, and ``*`` stands for ``*/*``, as Java's ``URLConnection`` writes it.

Only the beginning of a long field is parsed. Servers join repeated fields, so a field can have hundreds of kilobytes.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

REMEMBERED: Final = 128
"""Fields that need not be parsed again; clients send few different ones."""
LONGEST: Final = 2048
"""Characters that are parsed, and therefore kept in a cache."""
MOST_RANGES: Final = 64
_NAME: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_ELEMENT: Final = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*"?)+')
_PARAMETER: Final = re.compile(r';((?:[^;"]|"(?:[^"\\]|\\.)*"?)*)')
_RANGE: Final = re.compile(rf"(?P<type>{_NAME})/(?P<subtype>{_NAME})|\*")
_WEIGHT: Final = re.compile(r"[0-9]{1,9}(?:\.[0-9]{0,20})?|\.[0-9]{1,20}")
_DECIMAL_COMMA: Final = re.compile(r"(?i)(;[ \t]*q=[01]),([0-9]{1,3})(?=[ \t]*(?:[,;]|$))")
"""``q=0,5``, as a client formats a number in many languages: what follows the comma cannot be a media range."""
_UTF_8: Final = frozenset({"utf-8", "utf8"})
ANY: Final = "*"


class MediaRange(NamedTuple):
    """A media range in small letters, its parameters but for the weight, and the weight between 0 and 1."""

    type: str
    subtype: str
    parameters: frozenset[tuple[str, str]]
    weight: float

    @property
    def precision(self) -> int:
        """How much of a media type it names: ``*/*`` nothing, ``text/*`` a part, a parameter more than the type."""
        return (self.type != ANY) + (self.subtype != ANY) + len(self.parameters)

    def includes(self, other: "MediaRange") -> bool:
        """Return whether another range, or a media type, is a part of it."""
        is_of_type = self.type in (ANY, other.type) and self.subtype in (ANY, other.subtype)
        return is_of_type and self.parameters <= other.parameters


def weight(field: str, media_type: str) -> float:
    """Return how welcome a media type is; 0: not at all. The most precise range decides, of equal ones the greatest."""
    ranges, (wanted,) = parsed(field), _parsed(media_type)
    if not ranges:
        return 1.0
    return max(((each.precision, each.weight) for each in ranges if each.includes(wanted)), default=(0, 0.0))[1]


def shortened(field: str) -> str:
    """Return the field; of a long one only the first elements, which a cache can keep. The others do not count."""
    if len(field) <= LONGEST and field.count(",") < MOST_RANGES:
        return field
    elements = _ELEMENT.findall(field[:LONGEST])
    whole = elements[:-1] if len(field) > LONGEST else elements  # the last one may be cut
    return ",".join(whole[:MOST_RANGES])


def parsed(field: str) -> tuple[MediaRange, ...]:
    """Return the media ranges of a field; those that cannot be read are left out."""
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
    if given.get("charset", "").lower() in _UTF_8:  # all that we send is in UTF-8
        del given["charset"]
    return MediaRange(type_, subtype, frozenset(given.items()), weight_)


def _parameter(text: str) -> tuple[str, str]:
    """Return name and value; an empty name where there is no value, or the quote around it is not closed."""
    name, _, value = (each.strip() for each in text.partition("="))
    is_read = value and not (value.startswith('"') and (len(value) == 1 or not value.endswith('"')))
    return (name.lower() if is_read else ""), value.strip("\"'")


def _weight(text: str) -> float:
    """Return the weight, also as no grammar has it (``.2``, ``1.5``); 1 where it is not a number."""
    return min(float(text), 1.0) if _WEIGHT.fullmatch(text) else 1.0
