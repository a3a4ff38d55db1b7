"""An encoder compiled from a marshmallow schema: objects or rows in, what JSON holds out, without marshmallow's cost.

The schema stays the single definition of the wire form; a law test compares both on every schema.
"""

from collections.abc import Callable, Collection
from operator import attrgetter
from typing import Any

import marshmallow as ma

from app.wire import fields

Encode = Callable[[Any], Any]


class Encoder:
    """Turns what one schema describes into what JSON holds."""

    def __init__(self, schema: ma.Schema) -> None:
        self._members = [
            (name, attrgetter(field.attribute or name), _encode(field)) for name, field in schema.dump_fields.items()
        ]

    def __call__(self, value: Any) -> dict[str, Any]:  # noqa: ANN401 -- whatever has the schema's attributes
        """Return the value with every member, unset ones as ``None``."""
        return {name: None if (found := get(value)) is None else encode(found) for name, get, encode in self._members}

    def only(self, names: Collection[str] | None) -> "Encoder":
        """Return an encoder of just these members; ``None`` means all."""
        if names is None:
            return self
        chosen = Encoder.__new__(Encoder)
        chosen._members = [member for member in self._members if member[0] in names]
        return chosen


def _encode(field: "ma.fields.Field[Any]") -> Encode:
    if isinstance(field, fields.Object):
        return Encoder(field.schema)
    if isinstance(field, fields.Listed) and isinstance(field.inner, fields.Object):
        inner = Encoder(field.inner.schema)
        return lambda values: [inner(value) for value in values]
    return fields.encoder_of(field)
