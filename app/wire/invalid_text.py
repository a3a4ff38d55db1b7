"""Screening of texts that the database can't store. They break a rule, and hooks and validators never get them."""

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Final

import marshmallow as ma
import orjson

from app.wire.decode_context import under_way
from app.wire.locations import LONGEST_NAME, Found, place
from app.wire.schemas.base import UNKNOWN, UNKNOWN_MEMBER, UNKNOWN_PARAMETER, Path
from app.wire.validators import Breach

UNFIT: Final = re.compile("[\x00\ud800-\udfff]")
"""Characters that PostgreSQL does not store: NUL and lone surrogates."""
UNFIT_TEXT: Final = Breach("INVALID_FORMAT", "must not contain NUL characters or lone surrogates")
ESCAPED_NUL: Final = b"\\u0000"
"""The escape of a NUL character in JSON. Lone surrogates are rejected as syntax errors."""
_REPLACEMENT: Final = "\ufffd"
_OF_LENGTH: Final = frozenset({"TOO_LONG", "TOO_SHORT"})
_OF_WHOLE: Final = frozenset({UNKNOWN_MEMBER.code, UNKNOWN_PARAMETER.code, "INVALID_TYPE"})
Read = Callable[[Any, Path, Found], Any]


def screened(read: Read, schema: ma.Schema) -> Read:
    """Return a function that replaces each unfit character, reads the data, and reports the locations.

    It also reports the violations of other rules, all in the order of the schema's fields. A property with another
    violation gets no violation for its characters. Neither does a part of a value that is not read.
    """

    def read_fit(data: Any, path: Path, found: Found) -> Any:
        is_fit = data is under_way.get().fit is not None or _is_fit(data)
        places = [] if is_fit else [(*path, *at) for at in islice(unfit(data, ()), UNKNOWN)]
        if not places:
            return read(data, path, found)
        before = len(found)
        read(_cleaned(data), path, found)
        own = {at for at, broken in found[before:] if broken.code not in _OF_LENGTH}
        unread = {at for at, broken in found[before:] if broken.code in _OF_WHOLE}
        for at in places:
            if at not in own and not any(at[:depth] in unread for depth in range(len(path), len(at))):
                found.append((at, UNFIT_TEXT))
        found[before:] = sorted(found[before:], key=lambda each: place(schema, each[0][len(path) :]))
        return None

    return read_fit


def _is_fit(data: Any) -> bool:
    """Return true if the data certainly has no unfit character. Rendering as JSON is faster than visiting each text."""
    try:
        return ESCAPED_NUL not in orjson.dumps(data)
    except TypeError:  # a lone surrogate, a large integer, or a value that JSON does not support
        return False


def unfit(data: Any, path: Path) -> Iterator[Path]:
    """Yield the location of each text with unfit characters. The name of a property counts as part of its value."""
    if isinstance(data, str):
        if UNFIT.search(data):
            yield path
    elif isinstance(data, dict):
        for name, each in data.items():
            at = (*path, _named(name))
            yield from [at] if isinstance(name, str) and UNFIT.search(name) else unfit(each, at)
    elif isinstance(data, list | tuple):
        for index, each in enumerate(data):
            yield from unfit(each, (*path, index))


def _named(name: Any) -> str:
    return UNFIT.sub(_REPLACEMENT, str(name))[:LONGEST_NAME]


def _cleaned(data: Any) -> Any:
    """Return a copy with a replacement for each unfit character."""
    if isinstance(data, str):
        return UNFIT.sub(_REPLACEMENT, data)
    if isinstance(data, dict):
        return {_cleaned(name): _cleaned(each) for name, each in data.items()}
    return [_cleaned(each) for each in data] if isinstance(data, list | tuple) else data
