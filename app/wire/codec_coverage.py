"""Test of whether the compiled decoder and encoder cover a schema completely. marshmallow processes all other schemas.

The test is an allowlist: a schema is covered only if it has no difference from the features that the compiled forms
implement. A later feature of marshmallow is therefore not covered, and works.
"""

from collections.abc import Callable, Iterable, Iterator
from keyword import iskeyword
from typing import Any, Final

import marshmallow as ma
from marshmallow import decorators

from app.wire import fields
from app.wire.schemas.base import Schema
from app.wire.validators import Breach, Rule

LOAD_HOOKS: Final = (decorators.PRE_LOAD, decorators.VALIDATES, decorators.VALIDATES_SCHEMA, decorators.POST_LOAD)
DUMP_HOOKS: Final = (decorators.PRE_DUMP, decorators.POST_DUMP)
Classes = tuple[type[ma.Schema], ...]
_OWN_HOOKS: Final = ("_admit", "_check", "_make")
_HARMLESS: Final = frozenset({"Meta", "opts", "error_messages", "_abc_impl", "_declared_fields", "_hooks"})
"""Attributes that every subclass defines, or that are compared by value."""
_FIELD_METHODS: Final = ("deserialize", "serialize", "get_value", "_validate", "_validate_all", "_validate_missing")
_NESTED_METHODS: Final = ("schema", "_load", "_test_collection", "_deserialize", "_serialize")


def uncovered_on_load(schema: ma.Schema) -> str | None:
    """Return the first reason why the schema cannot be compiled for reading; ``None`` if it can."""
    return next(_on_load(schema, ()), None)


def uncovered_on_dump(schema: ma.Schema) -> str | None:
    """Return the first reason why the schema cannot be compiled for writing; ``None`` if it can."""
    return next(_on_dump(schema, ()), None)


def _on_load(schema: ma.Schema, among: Classes) -> Iterator[str]:
    kind = type(schema)
    if not isinstance(schema, Schema):
        yield f"{kind.__name__} is a plain schema"
        return
    yield from _of_schema(schema, LOAD_HOOKS, among)
    if any(vars(Schema)[name] is not getattr(kind, name) for name in _OWN_HOOKS):
        yield f"{kind.__name__} overrides a hook"
    if schema.many or schema.unknown != ma.RAISE or schema.partial not in (None, True, False):
        yield f"{kind.__name__} is made with many, unknown or partial"
    if not all(isinstance(schema.error_messages[key], Breach) for key in ("type", "unknown")):
        yield f"{kind.__name__} has its own messages"
    for field in schema.load_fields.values():
        yield from _of_field(field, _read_by, _on_load, (*among, kind))


def _on_dump(schema: ma.Schema, among: Classes) -> Iterator[str]:
    yield from _of_schema(schema, DUMP_HOOKS, among)
    if among and schema.many:
        yield f"{type(schema).__name__} is made with many"
    for name, field in schema.dump_fields.items():
        attribute = field.attribute or name
        if not attribute.isidentifier() or iskeyword(attribute):
            yield f"{attribute} is not an attribute's name"
        yield from _of_field(field, _written_by, _on_dump, (*among, type(schema)))


def _of_schema(schema: ma.Schema, hooks: Iterable[str], among: Classes) -> Iterator[str]:
    """Yield the differences of a schema from marshmallow's default way of reading or writing."""
    kind = type(schema)
    base = Schema if isinstance(schema, Schema) else ma.Schema
    if kind in among:
        yield f"{kind.__name__} contains itself"
        return
    for hook in hooks:
        if kind._hooks.get(hook, []) != base._hooks.get(hook, []):  # noqa: SLF001 -- no public list of hooks
            yield f"{kind.__name__} has a {hook} hook"
    for parent in kind.__mro__[: kind.__mro__.index(base)]:
        for name in vars(parent).keys() & vars(ma.Schema).keys():
            if name not in _HARMLESS and not name.startswith("__") and _is_other(parent, name):
                yield f"{kind.__name__} overrides {name}"
    if _options(kind) != _options(ma.Schema):
        yield f"{kind.__name__} has Meta options"
    if schema.only is not None or schema.exclude or schema.load_only or schema.dump_only:
        yield f"{kind.__name__} is made with only, exclude, load_only or dump_only"


def _is_other(parent: type, name: str) -> bool:
    return vars(parent)[name] is not vars(ma.Schema)[name]


def _options(kind: type[ma.Schema]) -> dict[str, Any]:
    return {**vars(kind.opts), "register": None, "": type(kind.opts)}


def _of_field(
    field: "ma.fields.Field[Any]",
    how: Callable[["ma.fields.Field[Any]"], Iterator[str]],
    of_schema: Callable[[ma.Schema, Classes], Iterator[str]],
    among: Classes,
) -> Iterator[str]:
    """Yield the differences in a field, in its items and in their schema."""
    kind = type(field)
    if not isinstance(field, fields.Encodable | fields.Listed | fields.Object):
        yield f"{kind.__name__} has no compiled form"
        return
    if any(getattr(kind, name) is not getattr(ma.fields.Field, name) for name in _FIELD_METHODS):
        yield f"{kind.__name__} overrides how marshmallow reads or writes"
    if not kind._CHECK_ATTRIBUTE:  # noqa: SLF001 -- the mark of computed fields
        yield f"{kind.__name__} is computed"
    if field.data_key is not None or "." in (field.attribute or ""):
        yield f"{field.name} has a data_key or a path as attribute"
    yield from how(field)
    if isinstance(field, fields.Listed):
        yield from _of_field(field.inner, how, of_schema, among)
    elif isinstance(field, fields.Object):
        if field.many or field.only is not None or field.exclude or field.unknown is not None:
            yield f"{field.name} is made with many, only, exclude or unknown"
        elif any(getattr(kind, name) is not getattr(ma.fields.Nested, name) for name in _NESTED_METHODS):
            yield f"{kind.__name__} overrides how marshmallow nests"
        else:
            yield from _of_nested(field, of_schema, among)


def _of_nested(
    field: ma.fields.Nested, of_schema: Callable[[ma.Schema, Classes], Iterator[str]], among: Classes
) -> Iterator[str]:
    try:
        schema = field.schema
    except ma.exceptions.RegistryError:
        yield f"{field.name} names a schema that is defined later"
        return
    yield from of_schema(schema, among)


def _read_by(field: "ma.fields.Field[Any]") -> Iterator[str]:
    """Yield the differences in the way a field is read."""
    kind = type(field)
    base = next((each for each in (fields.Encodable, fields.Listed) if issubclass(kind, each)), ma.fields.Nested)
    yield from _overridden(kind, "_deserialize", base)
    if field.pre_load or field.post_load:
        yield f"{field.name} has pre_load or post_load"
    if not all(isinstance(each, Rule) for each in field.validators):
        yield f"{field.name} has a validator without a compiled form"
    for key in ("required", "null"):
        breaches: Any = field.error_messages[key]
        if not isinstance(breaches, list) or not all(isinstance(each, Breach) for each in breaches):
            yield f"{field.name} has its own message for {key}"


def _written_by(field: "ma.fields.Field[Any]") -> Iterator[str]:
    """Yield the differences in the way a field is written."""
    kind = type(field)
    if isinstance(field, fields.Encodable):
        yield from _overridden(kind, "_serialize", fields.Encodable)
        order = [each for each in kind.__mro__ if "encode" in vars(each) or "compiled" in vars(each)]
        if "compiled" not in vars(order[0]) and _is_compiled(kind):
            yield f"{kind.__name__} overrides encode and not compiled"
    elif isinstance(field, fields.Listed):
        yield from _overridden(kind, "_serialize", ma.fields.List)


def _is_compiled(kind: type) -> bool:
    """Return true if a type has its own compiled form, which can differ from its ``encode``."""
    return getattr(kind, "compiled", None) is not fields.Encodable.compiled


def _overridden(kind: type, name: str, base: type) -> Iterator[str]:
    if getattr(kind, name) is not vars(base)[name]:
        yield f"{kind.__name__} overrides {name}"
