"""An encoder compiled from a marshmallow schema: objects, rows or dicts in, what JSON holds out.

The schema stays the single definition of the wire form; a law test compares both on every schema. A member costs one
attribute and one call, without marshmallow's bookkeeping.
"""

from collections.abc import Callable, Collection, Mapping
from operator import attrgetter, itemgetter
from typing import Any

import marshmallow as ma

from app.wire import fields

Encode = Callable[[Any], Any]


class Encoder:
    """Turns what one schema describes into what JSON holds; unset members are ``None``."""

    def __init__(self, schema: ma.Schema, *, only: Collection[str] | None = None) -> None:
        """Compile a schema.

        Args:
            schema: what to compile.
            only: the members to keep. A schema with ``projects`` hands them down to that member's items.
        """
        projects = getattr(schema, "projects", None)
        self._schema = schema
        self._from_object: list[tuple[str, Encode, Encode]] = []
        self._from_mapping: list[tuple[str, Encode, Encode]] = []
        for name, field in schema.dump_fields.items():
            if only is not None and projects is None and name not in only:
                continue
            encode = _compiled(field, only if name == projects else None)
            self._from_object.append((name, attrgetter(field.attribute or name), encode))
            self._from_mapping.append((name, itemgetter(field.attribute or name), encode))

    def __call__(self, value: Any) -> dict[str, Any]:
        """Return the value with every member."""
        members = self._from_mapping if isinstance(value, Mapping) else self._from_object
        return {name: None if (found := get(value)) is None else encode(found) for name, get, encode in members}

    def only(self, names: Collection[str] | None) -> "Encoder":
        """Return an encoder of just these members; ``None`` means all."""
        return self if names is None else Encoder(self._schema, only=names)


def _compiled(field: "ma.fields.Field[Any]", only: Collection[str] | None) -> Encode:
    """Return the compiled form of a field.

    Raises:
        TypeError: its type has none.
    """
    if isinstance(field, fields.Object):
        return Encoder(field.schema, only=only)
    if isinstance(field, fields.Listed):
        inner = _compiled(field.inner, only)
        return lambda values: [inner(value) for value in values]
    if isinstance(field, fields.Encodable):
        return field.encode
    raise TypeError(f"{type(field).__name__} has no compiled form")
