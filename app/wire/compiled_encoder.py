"""An encoder compiled from a schema. It converts objects, rows or dicts to values that orjson renders.

The schema stays the single definition of the wire format; a law test compares both on every schema. For a type of value
a schema becomes one Python expression, ``{"name": encode_0(value[0]), "title": value[1], …}``, as dataclasses do it for
``__init__``. It takes a third of the time of a loop over fields.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final

import marshmallow as ma

from app.wire import fields

Encode = Callable[[Any], Any]
REPLACED: Final = ("inline", "encode", "compiled")
"""Methods of a field. The first one is not used if a subclass overrides only another one."""
TYPES: Final = 256
"""Types of values whose encoder is cached."""
_FOUND: Final = re.compile(r"\bfound\b")


class CompiledEncoder:
    """Converts values of one schema to JSON values. Unset fields are ``None``.

    A value without one of the fields raises the exception of its type, such as ``KeyError``.
    """

    def __init__(self, schema: ma.Schema, *, only: Collection[str] | None = None) -> None:
        """Compile a schema.

        Args:
            schema: the schema to compile.
            only: the fields to keep. A schema with ``projects`` passes them to the items of that field.
        """
        projects = getattr(schema, "projects", None)
        self._members = [
            (name, field.attribute or name, _inline(field, only if name == projects else None))
            for name, field in schema.dump_fields.items()
            if only is None or projects is not None or name in only
        ]
        attributes = [attribute for _, attribute, _ in self._members]
        self._of_object = self._expression(f".{each}" for each in attributes)
        self._of_mapping = self._expression(f"[{each!r}]" for each in attributes)
        self._of_rows: dict[tuple[str, ...], Encode] = {}
        self._by_type: dict[type, Encode] = {}

    def __call__(self, value: Any) -> dict[str, Any]:
        """Return the value with all fields."""
        encode = self._by_type.get(type(value)) or self._chosen(type(value))
        encoded: dict[str, Any] = encode(value)
        return encoded

    def _chosen(self, kind: type) -> Encode:
        """Return the encoder of a type's values.

        Raises:
            TypeError: the type has items and attributes; marshmallow tries one after the other.
        """
        if issubclass(kind, Mapping):
            encode = self._of_mapping
        elif hasattr(kind, "__getitem__") and not hasattr(kind, "_fields"):
            raise TypeError(f"{kind.__name__} has items and attributes")
        else:
            encode = self._of_object
        if len(self._by_type) >= TYPES:
            self._by_type.clear()
        self._by_type[kind] = encode
        return encode

    def all(self, values: Sequence[Any]) -> list[dict[str, Any]]:
        """Return values, each with all fields. Named tuples, such as rows, must have the fields of the first one."""
        columns: tuple[str, ...] | None = getattr(values[0], "_fields", None) if values else None
        if columns is None:
            return [self(value) for value in values]
        if columns not in self._of_rows:
            self._of_rows[columns] = self._of_all(columns)
        encoded: list[dict[str, Any]] = self._of_rows[columns](values)
        return encoded

    def _of_all(self, columns: tuple[str, ...]) -> Encode:
        """Return a function that encodes rows of these columns. Unpacking a row costs less than reading each column.

        Raises:
            ValueError: a column is missing.
        """
        row = [f"column_{number}" for number in range(len(columns))]
        object_, encodes = self._object((row[columns.index(each)], None) for _, each, _ in self._members)
        made: Encode = eval(f"lambda rows: [{object_} for [{', '.join(row)}] in rows]", encodes)  # noqa: S307 -- as below
        return made

    def _expression(self, look_ups: Iterable[str]) -> Encode:
        """Return a function that reads each field with its ``value`` expression, and encodes it."""
        object_, encodes = self._object(("found", f"value{each}") for each in look_ups)
        made: Encode = eval(f"lambda value: {object_}", encodes)  # noqa: S307 -- names of schema fields
        return made

    def _object(self, values: Iterable[tuple[str, str | None]]) -> tuple[str, dict[str, Any]]:
        """Return the expression of the encoded object, and the objects in it by their names.

        Args:
            values: for each field the name of its value, and the expression to assign to it, if it is not yet assigned.
        """
        parts, encodes = [], dict[str, Any]()
        for number, ((name, _, encode), (value, look_up)) in enumerate(zip(self._members, values, strict=True)):
            code = look_up or value
            if encode is not None:
                (expression, used), suffix = encode, f"_{number}"
                encodes |= {each.replace("_N", suffix): meaning for each, meaning in used.items()}
                expression = _FOUND.sub(value, expression.replace("_N", suffix))
                test = value if look_up is None else f"({value} := {look_up})"
                code = f"({expression}) if {test} is not None else None"
            parts.append(f"{name!r}: {code}")
        return f"{{{', '.join(parts)}}}", encodes


def _inline(field: "ma.fields.Field[Any]", only: Collection[str] | None) -> tuple[str, dict[str, Any]] | None:
    """Return the compiled form of a field as ``Encodable.inline``, or ``None`` if its values are rendered unchanged."""
    encode = _compiled(field, only)
    if encode is None:
        return None
    if isinstance(field, fields.Encodable):
        inline, *others = (next(each for each in type(field).__mro__ if name in vars(each)) for name in REPLACED)
        if all(issubclass(inline, each) for each in others):
            return field.inline()
    return "encode_N(found)", {"encode_N": encode}


def _compiled(field: "ma.fields.Field[Any]", only: Collection[str] | None) -> Encode | None:
    """Return the compiled form of a field, or ``None`` if its values are rendered unchanged.

    Raises:
        TypeError: its type has no compiled form.
    """
    if isinstance(field, fields.Object):
        return CompiledEncoder(field.schema, only=only)
    if isinstance(field, fields.Listed):
        inner = _compiled(field.inner, only)
        if isinstance(inner, CompiledEncoder):
            return inner.all
        return inner and _each(inner)
    if isinstance(field, fields.Encodable):
        return field.compiled()
    raise TypeError(f"{type(field).__name__} has no compiled form")


def _each(encode: Encode) -> Encode:
    """Return an encoder of lists. marshmallow encodes iterators, which can be read only once."""

    def of_list(values: Any) -> list[Any]:
        if not isinstance(values, list | tuple):
            raise TypeError(f"{type(values).__name__} is not a list")
        return [None if value is None else encode(value) for value in values]

    return of_list
