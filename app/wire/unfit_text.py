"""Texts that no database stores break a rule of their member, and no hook or validator ever sees them."""

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Final

from app.wire.locations import LONGEST_NAME, Found
from app.wire.rules import Breach
from app.wire.schemas.base import UNKNOWN, Path

UNFIT: Final = re.compile("[\x00\ud800-\udfff]")
"""Characters that PostgreSQL does not store: NUL, and halves of surrogate pairs."""
UNFIT_TEXT: Final = Breach("INVALID_FORMAT", "must not contain NUL characters or halves of surrogate pairs")
_REPLACEMENT: Final = "\ufffd"
Read = Callable[[Any, Path, Found], Any]


def screened(read: Read) -> Read:
    """Return a function that reads data with a replacement for each unfit character, and reports where one was.

    The violations of other rules are reported besides.
    """

    def read_fit(data: Any, path: Path, found: Found) -> Any:
        places = [(*path, *at) for at in islice(unfit(data, ()), UNKNOWN)]
        if not places:
            return read(data, path, found)
        found += [(at, UNFIT_TEXT) for at in places]
        read(_cleaned(data), path, found)
        return None

    return read_fit


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
