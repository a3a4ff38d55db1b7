"""The decoder of a schema. It converts data of a request to the schema's value and reports every broken rule.

A schema that :mod:`app.wire.codec_coverage` covers is compiled. marshmallow loads every other schema: hooks,
``validates``, ``unknown``, ``partial``, ``Meta``, plain ``ma.fields`` and ``ma.validate`` work as its manual describes
them. Both ways report the same violations; a law test compares them on generated schemas.
"""

from typing import Any, Final

import marshmallow as ma

from app.errs.error import Violation
from app.wire.codec_coverage import uncovered_on_load
from app.wire.compiled_decoder import CompiledDecoder
from app.wire.decode_context import DecodeContext, under_way
from app.wire.invalid_text import screened
from app.wire.locations import OPEN, SCREENED, Found, Location, violation
from app.wire.marshmallow_decoder import MarshmallowDecoder
from app.wire.schemas.base import QuerySchema, SchemaLike, instance_of, key_of


class Decoder:
    """Reads values of one schema, in one part of a request."""

    def __init__(self, schema: SchemaLike, *, location: str | None = None, unknown: str | None = None) -> None:
        """Choose how the schema is loaded.

        Args:
            schema: an instance, a class, or a dict of fields.
            location: the part of the request, as flask-smorest names it. Default: ``query`` for a ``QuerySchema``,
                ``json`` for all others.
            unknown: ``EXCLUDE``, ``INCLUDE`` or ``RAISE``, which replaces the schema's setting. In header fields and
                cookies, unknown names are ignored unless the schema includes them.

        Raises:
            TypeError: the schema is invalid.
            ValueError: the location is invalid.
        """
        self.schema: Final = instance_of(schema)
        default = Location.QUERY if isinstance(self.schema, QuerySchema) else Location.JSON
        self.location: Final = default if location is None else Location(location)
        if unknown is None and self.location in OPEN and self.schema.unknown != ma.INCLUDE:
            unknown = ma.EXCLUDE
        self.uncovered: Final = uncovered_on_load(self.schema) if unknown is None else "unknown"
        """The reason why marshmallow loads the schema, or ``None`` if it is compiled."""
        self._relative_to: str | None = getattr(self.schema, "relative_to", None)
        if self.uncovered is not None:
            self._read = screened(MarshmallowDecoder(self.schema, unknown=unknown).read, self.schema)
        else:
            read = CompiledDecoder(self.schema).read
            self._read = read if self.location in SCREENED else screened(read, self.schema)

    def __call__(self, data: object, reading: DecodeContext, violations: list[Violation]) -> Any:
        """Return the schema's value of the data. If the data breaks rules, add violations and return ``None``.

        Violations are in the order of the schema's fields; unknown names are last, sorted by name.
        """
        found: Found = []
        token = under_way.set(reading)
        try:
            value = self._read(data, (), found)
        finally:
            under_way.reset(token)
        if not found:
            return value
        violations += [violation(path, broken, self.location, self._relative_to) for path, broken in found]
        return None

    @property
    def repeatable(self) -> frozenset[str]:
        """The fields that accept several values in a query, form or header: lists and tuples, as in webargs."""
        return frozenset(
            key
            for key, field in self.members.items()
            if getattr(field, "is_multiple", isinstance(field, ma.fields.List | ma.fields.Tuple))
        )

    @property
    def members(self) -> "dict[str, ma.fields.Field[Any]]":
        """The fields that are read, by the names that clients send."""
        return {key_of(name, field): field for name, field in self.schema.load_fields.items()}
