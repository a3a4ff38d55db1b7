"""What all schemas share: unknown members are refused, output-only ones ignored, and every breach has its place."""

from collections.abc import Iterator, Sequence
from heapq import nsmallest
from typing import Any, ClassVar, Final

import marshmallow as ma

from app.wire import fields
from app.wire.rules import Breach

Path = tuple[str | int, ...]
"""Where in a JSON value: names of members, and indexes."""

UNKNOWN: Final = 101
"""Unknown members of one object that are spoken of: one more than a problem document lists."""


class Schema(ma.Schema):
    """A JSON object; ``relative_to`` names a member whose fields are spoken of as if they stood at the top.

    It is read by :class:`app.wire.decoder.Decoder`; marshmallow's own ``load`` comes to the same, more slowly.
    """

    relative_to: ClassVar[str | None] = None
    error_messages: Any = {
        "type": Breach("INVALID_TYPE", "must be an object"),
        "unknown": Breach("UNKNOWN_FIELD", "is not a member"),
    }

    class Meta:
        """Refuse what is not declared."""

        unknown = ma.RAISE

    def admit(self, data: Any) -> Any:
        """Drop the members that only the service writes, so that what was read can be sent back.

        Of unknown ones the first by name are kept: a body full of them is not worth a violation for each.
        """
        if not isinstance(data, dict) or data.keys() <= self.load_fields.keys():
            return data
        unknown = nsmallest(UNKNOWN, data.keys() - self.fields.keys())
        kept = {*self.load_fields, *unknown}
        return {name: value for name, value in data.items() if name in kept}

    def check(self, data: dict[str, Any]) -> Sequence[tuple[Path, Breach]]:
        """Return what members of an object break together, each with its place in it."""
        return ()

    def make(self, values: dict[str, Any]) -> Any:
        """Return what comes of members that break no rule.

        Raises:
            ma.ValidationError: they do, together.
        """
        return values

    @ma.pre_load
    def _admit(self, data: Any, **_: object) -> Any:
        return self.admit(data)

    @ma.validates_schema(pass_original=True, skip_on_field_errors=False)
    def _check(self, _values: object, original: Any, **_: object) -> None:
        errors: dict[Any, Any] = {}
        for path, breach in self.check(original) if isinstance(original, dict) else ():
            at = errors
            for step in path[:-1]:
                at = at.setdefault(step, {})
            at.setdefault(path[-1], []).append(breach)
        if errors:
            raise ma.ValidationError(errors)

    @ma.post_load
    def _make(self, values: dict[str, Any], **_: object) -> Any:
        return self.make(values)


class QuerySchema(Schema):
    """The parameters of a query, by name."""

    error_messages: Any = {
        "type": Breach("INVALID_TYPE", "must be an object"),
        "unknown": Breach("UNKNOWN_PARAMETER", "is not a parameter of this operation"),
    }


def inside(field: "ma.fields.Field[Any] | None") -> ma.Schema | None:
    """Return the schema of the objects that a field holds; ``None`` where it holds none."""
    inner = field.inner if isinstance(field, fields.Listed) else field
    return inner.schema if isinstance(inner, fields.Object) else None


def names(schema: ma.Schema) -> Iterator[str]:
    """Yield the name of every field in which a rule can be broken; the item of a list has the index 0."""
    yield from ("query", "body")
    for path in _paths(schema, ()):
        yield spoken(path, getattr(schema, "relative_to", None))


def _paths(schema: ma.Schema, path: Path) -> Iterator[Path]:
    for name, field in schema.fields.items():
        yield (*path, name)
        item = (0,) if isinstance(field, fields.Listed) else ()
        if item:
            yield (*path, name, *item)
        if (inner := inside(field)) is not None:
            yield from _paths(inner, (*path, name, *item))


def spoken(path: Path, relative_to: str | None) -> str:
    """Return the field's name as a person says it: ``requests[1].task.title``."""
    if len(path) > 1 and path[0] == relative_to:
        path = path[1:]
    name = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return name.removeprefix(".") or "body"
