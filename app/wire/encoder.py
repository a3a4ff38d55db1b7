"""An encoder compiled from a marshmallow schema: objects, rows or dicts in, out what orjson renders with ``OPTIONS``.

The schema stays the single definition of the wire form; a law test compares both on every schema. For a kind of value
a schema becomes one Python expression, ``{"name": encode_0(value[0]), "title": value[1], …}``, as dataclasses do it for
``__init__``: it costs a third of a loop over members.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import marshmallow as ma
import orjson

from app.wire import fields

Encode = Callable[[Any], Any]
OPTIONS: Final = orjson.OPT_UTC_Z
PROJECTIONS: Final = 256
"""Choices of members whose encoders are kept: to compile one costs as much as to encode a hundred tasks."""


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
        self._members = [
            (name, field.attribute or name, _compiled(field, only if name == projects else None))
            for name, field in schema.dump_fields.items()
            if only is None or projects is not None or name in only
        ]
        attributes = [attribute for _, attribute, _ in self._members]
        self._of_object = self._expression(f".{each}" for each in attributes)
        self._of_mapping = self._expression(f"[{each!r}]" for each in attributes)
        self._of_rows: dict[tuple[str, ...], Encode] = {}

    def __call__(self, value: Any) -> dict[str, Any]:
        """Return the value with every member."""
        encode = self._of_mapping if isinstance(value, Mapping) else self._of_object
        encoded: dict[str, Any] = encode(value)
        return encoded

    def all(self, values: Sequence[Any]) -> list[dict[str, Any]]:
        """Return values, each with every member; of named tuples, such as rows, all have the fields of the first."""
        columns: tuple[str, ...] | None = getattr(values[0], "_fields", None) if values else None
        if columns is None:
            return [self(value) for value in values]
        if columns not in self._of_rows:
            self._of_rows[columns] = self._expression(f"[{columns.index(each)}]" for _, each, _ in self._members)
        encode = self._of_rows[columns]
        return [encode(value) for value in values]

    def _expression(self, look_ups: Iterable[str]) -> Encode:
        """Return a function that looks members up as said, ``value`` and what follows it, and encodes them."""
        parts, encodes = [], {}
        for number, ((name, _, encode), look_up) in enumerate(zip(self._members, look_ups, strict=True)):
            said = f"value{look_up}"
            if encode is not None:
                encodes[f"encode_{number}"] = encode
                said = f"None if (found := {said}) is None else encode_{number}(found)"
            parts.append(f"{name!r}: {said}")
        made: Encode = eval(f"lambda value: {{{', '.join(parts)}}}", encodes)  # noqa: S307 -- names of our own schemas
        return made

    def only(self, names: Collection[str] | None) -> "Encoder":
        """Return an encoder of just these members; ``None`` means all."""
        return self if names is None else _projection(self._schema, frozenset(names))


@lru_cache(PROJECTIONS)
def _projection(schema: ma.Schema, names: frozenset[str]) -> Encoder:
    return Encoder(schema, only=names)


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
