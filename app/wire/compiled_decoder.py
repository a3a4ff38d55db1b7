"""A decoder compiled from a schema. It converts JSON to the schema's value and reports every broken rule.

The schema stays the single definition of the wire format; a law test compares both on every schema. The compiled form
avoids marshmallow's tree of messages, which is built, merged and sorted. It finds breaches in the order of the fields.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

import marshmallow as ma

from app.wire import fields
from app.wire.load_errors import messages_of, sentences
from app.wire.locations import LONGEST_NAME, Found, place
from app.wire.schemas.base import Path, Schema
from app.wire.validators import Breach

Read = Callable[[Any, Path, Found], Any]


class CompiledDecoder:
    """Reads values of one schema."""

    def __init__(self, schema: ma.Schema, *, is_partial: bool | None = None) -> None:
        """Compile a schema. A partial schema has no required fields.

        Raises:
            TypeError: it, or the type of a field, has no compiled form; :mod:`app.wire.codec_coverage` reports that.
        """
        if not isinstance(schema, Schema):
            raise TypeError(f"{type(schema).__name__} is not a {Schema.__module__}.Schema")
        self.schema: Final = schema
        kind = type(schema)
        self._admits = kind.admit is not Schema.admit
        self._makes = kind.make is not Schema.make
        self._checks = kind.check is not Schema.check
        self._keys = schema.load_fields.keys()
        self._is_partial = bool(schema.partial if is_partial is None else is_partial)
        self._members = [
            (name, field.attribute or name, _reader(field, self._is_partial or None), *self._in_absence_of(field))
            for name, field in schema.load_fields.items()
        ]

    def _in_absence_of(self, field: "ma.fields.Field[Any]") -> tuple[Iterable[Breach], Any]:
        """Return the rules that a missing property breaks, and its default."""
        if self._is_partial:
            return (), ma.missing
        required: Any = field.error_messages["required"] if field.required else ()
        return required, field.load_default

    def read(self, data: Any, path: Path, found: Found) -> Any:
        """Return the schema's value of the object at the path, and add broken rules to ``found``."""
        schema, before = self.schema, len(found)
        if self._admits or not isinstance(data, dict) or not data.keys() <= self._keys:
            data = schema.admit(data)
        if not isinstance(data, dict):
            found.append((path, schema.error_messages["type"]))
            return None
        values = {}
        for name, key, read, required, default in self._members:
            if name in data:
                values[key] = read(data[name], (*path, name), found)
            elif required:
                found += [((*path, name), breach) for breach in required]
            elif default is not ma.missing:
                values[key] = default() if callable(default) else default
        if unknown := data.keys() - self._keys:
            breach = schema.error_messages["unknown"]
            found += [((*path, name[:LONGEST_NAME]), breach) for name in sorted(unknown)]
        if self._checks:
            self._check(data, path, found, before)
        if len(found) > before:
            return None
        return self._made(values, path, found) if self._makes else values

    def _made(self, values: dict[str, Any], path: Path, found: Found) -> Any:
        """Return the schema's value of properties that break no rule separately."""
        try:
            return self.schema.make(values)
        except ma.ValidationError as error:
            found += sentences(messages_of(error), path)
            return None

    def _check(self, data: dict[str, Any], path: Path, found: Found, before: int) -> None:
        """Add the rules that properties break together, in the order of the fields."""
        if shared := self.schema.check(data):
            there = [((*path, *inner), breach) for inner, breach in shared]
            found[before:] = sorted(
                [*found[before:], *there], key=lambda each: place(self.schema, each[0][len(path) :])
            )


def _reader(field: "ma.fields.Field[Any]", is_partial: bool | None) -> Read:
    """Return the function that reads the value of a field.

    Raises:
        TypeError: its type has no compiled form.
    """
    if isinstance(field, fields.Object):
        return _ruled(field, CompiledDecoder(field.schema, is_partial=is_partial).read)
    if isinstance(field, fields.Listed):
        return _ruled(field, _items(field, _reader(field.inner, is_partial)))
    if isinstance(field, fields.Encodable):
        return _ruled(field, _plain(field))
    raise TypeError(f"{type(field).__name__} has no compiled form")


def _ruled(field: "ma.fields.Field[Any]", read_type: Read) -> Read:
    """Return the function that reads a value of the field's type and validates it by the field's rules."""
    null: Any = field.error_messages["null"]
    is_nullable, rules = field.allow_none, field.validators

    def read(value: Any, path: Path, found: Found) -> Any:
        if value is None:
            if not is_nullable:
                found += [(path, breach) for breach in null]
            return None
        before = len(found)
        value = read_type(value, path, found)
        if len(found) == before:
            for rule in rules:
                try:
                    rule(value)
                except ma.ValidationError as error:
                    found += sentences(error.messages, path)
        return value

    return read


def _plain(field: fields.Encodable) -> Read:
    """Return the function that reads a value of a type that contains no other values."""
    decode = field.decode

    def read(value: Any, path: Path, found: Found) -> Any:
        try:
            return decode(value)
        except ma.ValidationError as error:
            found += sentences(error.messages, path)
            return None

    return read


def _items(field: fields.Listed, read_item: Read) -> Read:
    """Return the function that reads a list. Shared rules are not reported for an item that breaks rules itself."""

    def read(value: Any, path: Path, found: Found) -> Any:
        if rejection := field.rejection(value):
            found.append((path, rejection))
            return None
        if len(value) > field.longest:
            found.append((path, field.too_long()))
        shared = field.check(value) if field.check else {}
        items = []
        for index, each in enumerate(value):
            before = len(found)
            items.append(read_item(each, (*path, index), found))
            if index in shared and len(found) == before:
                found.append(((*path, index), shared[index]))
        return items

    return read
