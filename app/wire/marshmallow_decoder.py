"""A decoder that loads a schema with marshmallow and translates its errors. It is slower than a compiled decoder."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

import marshmallow as ma
from marshmallow.decorators import PRE_LOAD

from app.wire.load_errors import load_errors
from app.wire.locations import Broken, Found
from app.wire.schemas.base import UNKNOWN, Path, inside, key_of
from app.wire.validators import Breach, Sentence

_MISUSED: Final = (AttributeError, IndexError, KeyError, TypeError, ValueError)


class MarshmallowDecoder:
    """Loads one schema with marshmallow's ``load``."""

    def __init__(self, schema: ma.Schema, *, unknown: str | None = None) -> None:
        """Store a schema; ``unknown`` replaces its setting."""
        self._schema = schema
        self._options: dict[str, Any] = {} if unknown is None else {"unknown": unknown}
        hooks = schema._hooks.get(PRE_LOAD, [])  # noqa: SLF001 -- no public list of hooks
        self._needs_list = schema.many and not any(takes_all for _, takes_all, _ in hooks)

    def read(self, data: Any, path: Path, found: Found) -> Any:
        """Return the schema's value of the data, and add the broken rules to ``found``, at most 101."""
        if self._needs_list and not isinstance(data, list):  # marshmallow would loop over it before it checks the type
            found.append((path, _wrong_type(self._schema)))
            return None
        try:
            return self._schema.load(data, **self._options)
        except ma.ValidationError as error:
            broken = [*islice(load_errors(self._schema, error, data), UNKNOWN)]
            broken = broken or [((), Sentence("INVALID_VALUE", "Invalid value."))]
        except _MISUSED:
            broken = [*islice(_misfits(self._schema, data, ()), UNKNOWN)]
            if not broken:
                raise
        found += [((*path, *at), each) for at, each in broken]
        return None


def _misfits(schema: ma.Schema, data: Any, path: Path) -> Iterator[tuple[Path, Broken]]:
    """Yield the locations of values that are not objects or lists of objects, although the schema requires them.

    A hook for objects fails on such a value before marshmallow checks its type.
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
