"""The encoder of a schema. It converts objects, rows or dicts to values that :func:`dumps` renders as JSON.

A schema that :mod:`app.wire.codec_coverage` covers is compiled. marshmallow dumps every other schema, and every value
without a field of a compiled one. A law test compares both on generated schemas.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

import marshmallow as ma
import orjson

from app.wire.codec_coverage import uncovered_on_dump
from app.wire.compiled_encoder import CompiledEncoder
from app.wire.schemas.base import SchemaLike, instance_of

OPTIONS: Final = orjson.OPT_UTC_Z
PROJECTIONS: Final = 256
"""Sets of fields whose encoders are cached: compiling one takes as long as encoding a hundred tasks."""
_MISFITS: Final = (AttributeError, IndexError, KeyError, TypeError, ValueError)


class Encoder:
    """Converts values of one schema to JSON values: an object, or a list for a schema with ``many=True``."""

    def __init__(self, schema: SchemaLike, *, only: Collection[str] | None = None) -> None:
        """Choose how the schema is dumped.

        Args:
            schema: an instance, a class, or a dict of fields.
            only: the fields to keep. A schema with ``projects`` passes them to the items of that field.

        Raises:
            TypeError: the schema is invalid.
        """
        self.schema: Final = instance_of(schema)
        self._only = only
        self.uncovered: Final = uncovered_on_dump(self.schema)
        """The reason why marshmallow dumps the schema, or ``None`` if it is compiled."""
        self._encode: Callable[[Any], Any] = self._dumped
        if self.uncovered is None:
            compiled = CompiledEncoder(self.schema, only=only)
            self._encode = compiled.all if self.schema.many else compiled

    def __call__(self, value: Any) -> Any:
        """Return the value with all fields that the schema writes."""
        try:
            return self._encode(value)
        except _MISFITS:
            if self.uncovered is not None:
                raise
            return self._dumped(value)

    def only(self, names: Collection[str] | None) -> "Encoder":
        """Return an encoder of these fields only; ``None`` means all."""
        return self if names is None else _projection(self.schema, frozenset(names))

    def _dumped(self, value: Any) -> Any:
        dumped = self.schema.dump(value)
        if self._only is None:
            return dumped
        projects = getattr(self.schema, "projects", None)
        if projects is None:
            return _kept(dumped, self._only)
        return {
            name: _kept(each, self._only) if name == projects and each is not None else each
            for name, each in dumped.items()
        }


@lru_cache(PROJECTIONS)
def _projection(schema: ma.Schema, names: frozenset[str]) -> Encoder:
    return Encoder(schema, only=names)


def _kept(dumped: Any, names: Collection[str]) -> Any:
    """Return an object, or each object of a list, with only some properties."""
    if isinstance(dumped, list):
        return [_kept(each, names) for each in dumped]
    return {name: each for name, each in dumped.items() if name in names}


def dumps(value: Any) -> bytes:
    """Return a value as JSON.

    Values without a JSON form are converted as by Flask's ``app.json``: ``Decimal`` and ``UUID`` to strings,
    dataclasses to objects, and ``__html__`` is called. Dates and times are RFC 3339.

    Raises:
        TypeError: the value contains another type.
    """
    try:
        return orjson.dumps(value, default=_default, option=OPTIONS)
    except TypeError:  # also for integers of more than 64 bits, and for names that are not texts
        return json.dumps(_plain(value), separators=(",", ":")).encode()


def _default(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if hasattr(value, "__html__"):
        return str(value.__html__())
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Iterable) and not isinstance(value, bytes | bytearray | memoryview):
        return list(value)
    raise TypeError(f"{type(value).__name__} cannot be rendered as JSON")


def _plain(value: Any) -> Any:
    """Return a value of the types that the standard library renders, for values that orjson does not render."""
    if isinstance(value, dict):
        return {_name(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if value is None or isinstance(value, str | int):
        return value
    try:
        return json.loads(orjson.dumps(value, option=OPTIONS))
    except TypeError:
        return _plain(_default(value))


def _name(name: Any) -> str:
    if isinstance(name, str):
        return name
    rendered = _plain(name)
    return rendered if isinstance(rendered, str) else json.dumps(rendered)
