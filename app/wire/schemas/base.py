"""The base classes of schemas. They reject unknown properties, ignore output-only ones, and locate every breach."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from heapq import nsmallest
from typing import Any, ClassVar, Final

import marshmallow as ma

from app.wire.validators import Breach

Path = tuple[str | int, ...]
"""A location in a JSON value: names of properties, and indexes."""

UNKNOWN: Final = 101
"""Unknown properties of one object that are reported: one more than a problem document lists."""


UNKNOWN_MEMBER: Final = Breach("UNKNOWN_FIELD", "is not a property")
UNKNOWN_PARAMETER: Final = Breach("UNKNOWN_PARAMETER", "is not a parameter of this operation")
PROBLEM: Final[Mapping[str, str]] = {"$ref": "#/components/schemas/Problem"}
ITEM_PROBLEM: Final[Mapping[str, str]] = {"$ref": "#/components/schemas/ItemProblem"}
"""The schemas of any problem document, and of an item's in a batch, for the ``metadata`` of a field."""
SchemaLike = ma.Schema | type[ma.Schema] | Mapping[str, Any]
"""The forms in which flask-smorest and webargs accept a schema: an instance, a class, or fields by name."""


class Schema(ma.Schema):
    """A JSON object. ``relative_to`` is a property that is omitted in the names of its fields.

    :class:`app.wire.decoder.Decoder` reads it. marshmallow's ``load`` has the same result, more slowly.
    """

    relative_to: ClassVar[str | None] = None
    error_messages: Any = {
        "type": Breach("INVALID_TYPE", "must be an object"),
        "unknown": UNKNOWN_MEMBER,
    }

    class Meta:
        """Reject undeclared properties."""

        unknown = ma.RAISE

    def _init_fields(self) -> None:
        """Store the property names, each time that marshmallow chooses the fields."""
        super()._init_fields()
        self._members = frozenset(key_of(name, field) for name, field in self.fields.items())
        self._members_read = frozenset(key_of(name, field) for name, field in self.load_fields.items())

    def admit(self, data: Any) -> Any:
        """Remove output-only properties so that clients can send back a resource that they read.

        Keep only the first unknown properties by name: a problem document does not list all of them.
        """
        if not isinstance(data, dict) or data.keys() <= self.load_fields.keys():
            return data
        unknown = nsmallest(UNKNOWN, data.keys() - self._members)
        kept = {*self._members_read, *unknown}
        return {name: value for name, value in data.items() if name in kept}

    def check(self, data: dict[str, Any]) -> Sequence[tuple[Path, Breach]]:
        """Return the rules that properties of an object break together, each with its location."""
        return ()

    def make(self, values: dict[str, Any]) -> Any:
        """Return the schema's value of valid properties.

        Raises:
            ma.ValidationError: the properties break a rule together.
        """
        return values

    @ma.pre_load
    def _admit(self, data: Any, **_: object) -> Any:
        return data if _is_hook(self.admit) else self.admit(data)

    @ma.validates_schema(pass_original=True, skip_on_field_errors=False)
    def _check(self, _values: object, original: Any, **_: object) -> None:
        errors: dict[Any, Any] = {}
        shared = () if _is_hook(self.check) or not isinstance(original, dict) else self.check(original)
        for path, breach in shared:
            at = errors
            for step in path[:-1]:
                at = at.setdefault(step, {})
            at.setdefault(path[-1], []).append(breach)
        if errors:
            raise ma.ValidationError(errors)

    @ma.post_load
    def _make(self, values: dict[str, Any], **_: object) -> Any:
        return values if _is_hook(self.make) else self.make(values)


def _is_hook(method: Callable[..., Any]) -> bool:
    """Return true if marshmallow calls the method itself, because a subclass decorated it (``@post_load``)."""
    return hasattr(method, "__marshmallow_hook__")


class EmptySchema(Schema):
    """An object without properties."""


class QuerySchema(Schema):
    """The parameters of a query, by name."""

    error_messages: Any = {
        "type": Breach("INVALID_TYPE", "must be an object"),
        "unknown": UNKNOWN_PARAMETER,
    }


def instance_of(schema: SchemaLike) -> ma.Schema:
    """Return an instance of the schema.

    Raises:
        TypeError: the value is not a schema in a form that marshmallow supports.
    """
    if isinstance(schema, ma.Schema):
        return schema
    if isinstance(schema, type) and issubclass(schema, ma.Schema):
        return schema()
    if isinstance(schema, Mapping):
        return ma.Schema.from_dict(dict(schema))()
    raise TypeError(f"{schema!r} is not a schema. Use a marshmallow Schema class, an instance, or a dict of fields.")


def inside(field: "ma.fields.Field[Any] | None") -> ma.Schema | None:
    """Return the schema of the objects in a field, or ``None`` if the field has no objects."""
    inner = field.inner if isinstance(field, ma.fields.List) else field
    return inner.schema if isinstance(inner, ma.fields.Nested) and not isinstance(inner, ma.fields.Pluck) else None


def key_of(name: str, field: "ma.fields.Field[Any]") -> str:
    """Return the name of the property that a field describes."""
    return name if field.data_key is None else field.data_key


def names(schema: ma.Schema) -> Iterator[str]:
    """Yield the name of every field that can break a rule. The item of a list has the index 0.

    For a schema that contains itself, it yields one level. Keys of a ``Dict`` have no names.
    """
    yield from ("query", "path", "headers", "cookies", "body")
    for path in _paths(schema, (), (type(schema),)):
        yield dotted_path(path, getattr(schema, "relative_to", None))


def _paths(schema: ma.Schema, path: Path, among: tuple[type[ma.Schema], ...]) -> Iterator[Path]:
    start: Path = (*path, 0) if schema.many else path
    for name, field in schema.fields.items():
        member = (*start, key_of(name, field))
        yield member
        if is_array := _is_array(field):
            yield (*member, 0)
        try:
            inner = inside(field)
        except ma.exceptions.RegistryError:  # the name of a schema that is defined later
            continue
        if inner is not None and type(inner) not in among:
            at = (*member, 0) if is_array and not inner.many else member
            yield from _paths(inner, at, (*among, type(inner)))


def _is_array(field: "ma.fields.Field[Any]") -> bool:
    return isinstance(field, ma.fields.List | ma.fields.Tuple) or bool(getattr(field, "many", False))


def dotted_path(path: Path, relative_to: str | None) -> str:
    """Return the readable name of a field: ``requests[1].task.title``."""
    if len(path) > 1 and path[0] == relative_to:
        path = path[1:]
    name = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return name.removeprefix(".") or "body"
