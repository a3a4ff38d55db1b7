"""An encoder compiled from a marshmallow schema: objects, rows or dicts in, out what orjson renders with ``OPTIONS``.

The schema stays the single definition of the wire form; a law test compares both on every schema. A member costs one
look-up, and a call where it has to be made something else; rows are looked up by position.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from operator import attrgetter, itemgetter
from typing import Any, Final

import marshmallow as ma
import orjson

from app.wire import fields

Encode = Callable[[Any], Any]
Pick = Callable[[Any], Sequence[Any]]
OPTIONS: Final = orjson.OPT_UTC_Z


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
        chosen = {
            name: field
            for name, field in schema.dump_fields.items()
            if only is None or projects is not None or name in only
        }
        self._attributes = [field.attribute or name for name, field in chosen.items()]
        self._members = [(name, _compiled(field, only if name == projects else None)) for name, field in chosen.items()]
        self._from_object = _picking(attrgetter, self._attributes)
        self._from_mapping = _picking(itemgetter, self._attributes)
        self._from_rows: dict[tuple[str, ...], Pick] = {}

    def __call__(self, value: Any) -> dict[str, Any]:
        """Return the value with every member."""
        return self._encoded([value], self._from_mapping if isinstance(value, Mapping) else self._from_object)[0]

    def all(self, values: Sequence[Any]) -> list[dict[str, Any]]:
        """Return values, each with every member; of named tuples, such as rows, all have the fields of the first."""
        fields: tuple[str, ...] | None = getattr(values[0], "_fields", None) if values else None
        if fields is None:
            return [self(value) for value in values]
        if fields not in self._from_rows:
            self._from_rows[fields] = _picking(itemgetter, [fields.index(name) for name in self._attributes])
        return self._encoded(values, self._from_rows[fields])

    def _encoded(self, values: Sequence[Any], pick: Pick) -> list[dict[str, Any]]:
        members = self._members
        return [
            {
                name: found if found is None or encode is None else encode(found)
                for (name, encode), found in zip(members, pick(value), strict=True)
            }
            for value in values
        ]

    def only(self, names: Collection[str] | None) -> "Encoder":
        """Return an encoder of just these members; ``None`` means all."""
        return self if names is None else Encoder(self._schema, only=names)


def _picking(getter: "type[attrgetter[Any]] | type[itemgetter[Any]]", keys: Sequence[Any]) -> Pick:
    """Return what looks all of them up in one go."""
    if len(keys) > 1:
        return getter(*keys)
    lookups = [getter(key) for key in keys]
    return lambda value: [look_up(value) for look_up in lookups]


def _compiled(field: "ma.fields.Field[Any]", only: Collection[str] | None) -> Encode | None:
    """Return the compiled form of a field; ``None`` where values are rendered as they are.

    Raises:
        TypeError: its type has none.
    """
    if isinstance(field, fields.Object):
        return Encoder(field.schema, only=only)
    if isinstance(field, fields.Listed):
        inner = _compiled(field.inner, only)
        if isinstance(inner, Encoder):
            return inner.all
        return inner and (lambda values: [inner(value) for value in values])
    if isinstance(field, fields.Encodable):
        return field.compiled()
    raise TypeError(f"{type(field).__name__} has no compiled form")
