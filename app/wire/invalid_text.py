"""Texts that no database stores break a rule of their member, and no hook or validator ever sees them."""

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
"""Characters that PostgreSQL does not store: NUL, and halves of surrogate pairs."""
UNFIT_TEXT: Final = Breach("INVALID_FORMAT", "must not contain NUL characters or halves of surrogate pairs")
ESCAPED_NUL: Final = b"\\u0000"
"""How JSON spells a NUL character; halves of surrogate pairs are rejected as syntax."""
_REPLACEMENT: Final = "\ufffd"
_OF_LENGTH: Final = frozenset({"TOO_LONG", "TOO_SHORT"})
_OF_WHOLE: Final = frozenset({UNKNOWN_MEMBER.code, UNKNOWN_PARAMETER.code, "INVALID_TYPE"})
Read = Callable[[Any, Path, Found], Any]


def screened(read: Read, schema: ma.Schema) -> Read:
    """Return a function that reads data with a replacement for each unfit character, and reports where one was.

    The violations of other rules are reported besides, all in the order of the schema's members. A member that has one
    already gets no other for its characters, nor does a part of a value that is not read at all.
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
    """Return whether JSON certainly has no unfit character. To have it written costs less than to walk through it."""
    try:
        return ESCAPED_NUL not in orjson.dumps(data)
    except TypeError:  # half of a surrogate pair, a large integer, or what is not JSON
        return False


def unfit(data: Any, path: Path) -> Iterator[Path]:
    """Yield the place of each text with unfit characters; a member's name counts as part of its value."""
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
