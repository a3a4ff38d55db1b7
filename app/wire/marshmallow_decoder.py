"""A decoder that lets marshmallow load a schema and translates its errors: slower than a compiled one, and complete."""

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

import marshmallow as ma
from marshmallow.decorators import PRE_LOAD

from app.wire.load_errors import load_errors
from app.wire.locations import LONGEST_NAME, Broken, Found
from app.wire.rules import Breach, Sentence
from app.wire.schemas.base import UNKNOWN, Path, inside, key_of

UNFIT: Final = re.compile("[\x00\ud800-\udfff]")
"""Characters that PostgreSQL does not store: NUL, and halves of surrogate pairs."""
UNFIT_TEXT: Final = Breach("INVALID_FORMAT", "must not contain NUL characters or halves of surrogate pairs")
_REPLACEMENT: Final = "\ufffd"
_MISUSED: Final = (AttributeError, IndexError, KeyError, TypeError, ValueError)


class MarshmallowDecoder:
    """Loads one schema with marshmallow's own ``load``."""

    def __init__(self, schema: ma.Schema, *, unknown: str | None = None) -> None:
        """Take a schema; ``unknown`` replaces its own."""
        self._schema = schema
        self._options: dict[str, Any] = {} if unknown is None else {"unknown": unknown}
        hooks = schema._hooks.get(PRE_LOAD, [])  # noqa: SLF001 -- no public list of hooks
        self._needs_list = schema.many and not any(takes_all for _, takes_all, _ in hooks)

    def read(self, data: Any, path: Path, found: Found) -> Any:
        """Return what the schema makes of the data; each rule that is broken joins what was found, 101 at most.

        Hooks and validators never see a text that no database stores. They get it with a replacement character.
        """
        broken: list[tuple[Path, Broken]] = [((*path, *at), UNFIT_TEXT) for at in islice(_unfit(data, ()), UNKNOWN)]
        if broken:
            data = _cleaned(data)
        if self._needs_list and not isinstance(data, list):  # marshmallow would loop over it before it looks
            found.append((path, _wrong_type(self._schema)))
            return None
        value = None
        try:
            value = self._schema.load(data, **self._options)
        except ma.ValidationError as error:
            errors = [((*path, *at), each) for at, each in islice(load_errors(self._schema, error, data), UNKNOWN)]
            broken += errors or [(path, Sentence("INVALID_VALUE", "Invalid value."))]
        except _MISUSED:
            misfits = [((*path, *at), each) for at, each in islice(_misfits(self._schema, data, ()), UNKNOWN)]
            if not broken and not misfits:
                raise
            broken += misfits
        found += broken
        return None if broken else value


def _unfit(data: Any, path: Path) -> Iterator[Path]:
    """Yield the place of each text with unfit characters; a member's name counts as part of its value."""
    if isinstance(data, str):
        if UNFIT.search(data):
            yield path
    elif isinstance(data, dict):
        for name, each in data.items():
            at = (*path, _named(name))
            yield from [at] if isinstance(name, str) and UNFIT.search(name) else _unfit(each, at)
    elif isinstance(data, list | tuple):
        for index, each in enumerate(data):
            yield from _unfit(each, (*path, index))


def _named(name: Any) -> str:
    return UNFIT.sub(_REPLACEMENT, str(name))[:LONGEST_NAME]


def _cleaned(data: Any) -> Any:
    """Return a copy with a replacement for each unfit character."""
    if isinstance(data, str):
        return UNFIT.sub(_REPLACEMENT, data)
    if isinstance(data, dict):
        return {_cleaned(name): _cleaned(each) for name, each in data.items()}
    return [_cleaned(each) for each in data] if isinstance(data, list | tuple) else data


def _misfits(schema: ma.Schema, data: Any, path: Path) -> Iterator[tuple[Path, Broken]]:
    """Yield the places of values that are not objects, or not lists of them, where a schema needs them.

    A hook that is written for objects fails on such a value before marshmallow looks at it.
    """
    if not schema.many:
        yield from _members(schema, data, path)
    elif isinstance(data, list):
        for index, each in enumerate(data):
            yield from _members(schema, each, (*path, index))
    else:
        yield path, _wrong_type(schema)


def _members(schema: ma.Schema, data: Any, path: Path) -> Iterator[tuple[Path, Broken]]:
    if not isinstance(data, Mapping):
        yield path, _wrong_type(schema)
        return
    for name, field in schema.load_fields.items():
        key = key_of(name, field)
        inner = inside(field) if data.get(key) is not None else None
        if inner is None:
            continue
        is_listed = isinstance(field, ma.fields.List) and isinstance(data[key], list)
        for index, each in enumerate(data[key]) if is_listed else [(None, data[key])]:
            yield from _misfits(inner, each, (*path, key) if index is None else (*path, key, index))


def _wrong_type(schema: ma.Schema) -> Broken:
    message: Any = schema.error_messages["type"]
    return message if isinstance(message, Breach) else Sentence("INVALID_TYPE", str(message))
