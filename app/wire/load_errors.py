"""Translation of the messages of a ``ValidationError`` into broken rules, each with its location and a stable code.

The text of a message is unchanged: it is a sentence of marshmallow or of the code that raised it. The code depends on
the origin of the text: an entry of ``error_messages``, or a validator. A message that is a ``Breach``, a ``Violation``,
or a dict ``{"code": "UPPER_SNAKE", "message": "..."}`` contains its code. All other texts, such as those of
``@validates`` and ``@post_load``, are ``INVALID_VALUE``.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import marshmallow as ma

from app.errs.error import CODE, Violation
from app.wire.locations import LONGEST_NAME, Broken
from app.wire.marshmallow_codes import Source, code_of
from app.wire.schemas.base import Path, key_of
from app.wire.validators import Breach, Sentence

SCHEMA: Final = ma.exceptions.SCHEMA
"""The key of messages about an object as a whole."""
Located = Iterator[tuple[Path, Broken]]


def load_errors(schema: ma.Schema, error: ma.ValidationError, data: Any) -> Located:
    """Yield the broken rules: of an object itself, of its fields in order, of unknown properties by name."""
    return _of_object(schema, (schema,), messages_of(error), (), data)


def messages_of(error: ma.ValidationError) -> Any:
    """Return the messages of an error by property, as marshmallow merges them into the messages of the object."""
    return error.messages if error.field_name == SCHEMA else {error.field_name: error.messages}


def sentences(messages: Any, path: Path, sources: tuple[Source, ...] = (), raw: Any = ma.missing) -> Located:
    """Yield the broken rules in messages, at or below a location that has no fields."""
    for each in _listed(messages):
        if isinstance(each, dict) and not _is_coded(each, sources):
            for step, inner in each.items():
                yield from sentences(inner, path if step == SCHEMA else (*path, _short(step)), sources, raw)
        else:
            yield path, _broken(each, sources, raw)


def _of_object(schema: ma.Schema, sources: tuple[Source, ...], messages: Any, path: Path, raw: Any) -> Located:
    """Yield the broken rules that a schema reports for an object, or by index for several."""
    for each in _listed(messages):
        if isinstance(each, dict) and not _is_coded(each, sources):
            yield from _of_members(schema, sources, each, path, raw)
        else:
            yield path, _broken(each, sources, raw)


def _of_members(
    schema: ma.Schema, sources: tuple[Source, ...], messages: dict[Any, Any], path: Path, raw: Any
) -> Located:
    members = {key_of(name, field): field for name, field in schema.fields.items()}
    loaded = {key_of(name, field) for name, field in schema.load_fields.items()}
    errors, others = _split(schema, messages, raw)
    yield from _of_object(schema, sources, errors, path, raw)
    order = list(members)
    for key, each in sorted(others, key=lambda other: _place(other[0], order)):
        at, inner = (*path, _short(key)), _inside(raw, key)
        if isinstance(key, int):
            yield from _of_object(schema, sources, each, at, inner)
        elif key in loaded:
            yield from _of_field(members[key], each, at, inner)
        else:
            yield from sentences(each, at, (schema,), inner)


def _split(schema: ma.Schema, messages: dict[Any, Any], raw: Any) -> tuple[list[Any], list[tuple[Any, Any]]]:
    """Return the messages about the object itself, and those about its properties by key.

    A property can have the key that marshmallow uses for messages about the object.
    """
    keys = {name: key_of(name, field) for name, field in schema.fields.items()}
    others = [
        (step if step in keys.values() or _is_unknown(schema, each) else keys.get(step, step), each)
        for step, each in messages.items()
        if step != SCHEMA
    ]
    own = _listed(messages.get(SCHEMA, []))
    if SCHEMA in keys.values():
        return [], [*others, (SCHEMA, own)]
    if isinstance(raw, Mapping) and SCHEMA in raw:
        unknown = [each for each in own if each == schema.error_messages["unknown"]]
        own = [each for each in own if each not in unknown]
        others += [(SCHEMA, unknown)] if unknown else []
    return own, others


def _is_unknown(schema: ma.Schema, messages: Any) -> bool:
    return all(each == schema.error_messages["unknown"] for each in _listed(messages))


def _of_field(field: "ma.fields.Field[Any]", messages: Any, path: Path, raw: Any) -> Located:
    """Yield the broken rules that a field reports for its value, or by step for the parts of the value."""
    for each in _listed(messages):
        if not isinstance(each, dict) or _is_coded(each, (field,)):
            yield path, _broken(each, (field,), raw)
        elif isinstance(field, ma.fields.Pluck):
            yield from _of_plucked(field.schema.fields[field.field_name], each, path, raw)
        elif isinstance(field, ma.fields.Nested):
            yield from _of_object(field.schema, (field.schema, field), each, path, raw)
        else:
            for step, inner in sorted(each.items(), key=_rank):
                yield from _of_item(field, step, inner, path, raw)


def _of_item(field: "ma.fields.Field[Any]", step: Any, messages: Any, path: Path, raw: Any) -> Located:
    """Yield the broken rules of an item of a list or tuple, or of a key or value of a dict."""
    at, inner = (*path, _short(step)), _inside(raw, step)
    if step == SCHEMA:
        yield from _of_field(field, messages, path, raw)
    elif isinstance(field, ma.fields.List):
        yield from _of_field(field.inner, messages, at, inner)
    elif isinstance(field, ma.fields.Tuple) and isinstance(step, int) and step < len(field.tuple_fields):
        yield from _of_field(field.tuple_fields[step], messages, at, inner)
    elif isinstance(field, ma.fields.Mapping) and isinstance(messages, dict) and messages.keys() <= {"key", "value"}:
        if field.key_field is not None and "key" in messages:
            yield from _of_field(field.key_field, messages["key"], at, step)
        if field.value_field is not None and "value" in messages:
            yield from _of_field(field.value_field, messages["value"], at, inner)
    else:
        yield from sentences(messages, at)


def _of_plucked(field: "ma.fields.Field[Any]", messages: dict[Any, Any], path: Path, raw: Any) -> Located:
    """Yield the broken rules of a value that represents an object with this single property."""
    for step, each in messages.items():
        if isinstance(step, int) and isinstance(each, dict):
            yield from _of_plucked(field, each, (*path, step), _inside(raw, step))
        else:
            yield from _of_field(field, each, path, raw)


def _broken(message: Any, sources: tuple[Source, ...], raw: Any) -> Broken:
    if isinstance(message, Breach | Violation | Sentence):
        return message
    code, text = (message.get("code"), message["message"]) if isinstance(message, dict) else (None, message)
    if not isinstance(code, str) or not CODE.fullmatch(code):
        code = code_of(message, sources, raw)
    return Sentence(code, str(text))


def _is_coded(messages: Mapping[Any, Any], sources: tuple[Source, ...]) -> bool:
    """Return true if a dict is one message with a code, as in ``error_messages`` of marshmallow's manual."""
    if not isinstance(messages.get("message"), str):
        return False
    if any(messages in source.error_messages.values() for source in sources):
        return True
    schemas = [getattr(source, "schema", source) for source in sources]
    if any(isinstance(each, ma.Schema) and "message" in each.fields for each in schemas):
        return False
    return messages.keys() == {"code", "message"} and isinstance(messages["code"], str)


def _listed(messages: Any) -> list[Any]:
    is_list = isinstance(messages, list | tuple) and not isinstance(messages, Violation)
    return list(messages) if is_list else [messages]


def _place(key: Any, order: list[str]) -> tuple[int, int, str]:
    if isinstance(key, int):
        return 0, key, ""
    return (1, order.index(key), "") if key in order else (2, 0, str(key))


def _rank(entry: tuple[Any, Any]) -> tuple[int, int]:
    """Return the rank of the messages at a step of a value: the value itself first, then by index."""
    step = entry[0]
    return (1, step) if isinstance(step, int) else (0 if step == SCHEMA else 2, 0)


def _inside(raw: Any, step: Any) -> Any:
    """Return the part of the data at a step, or ``missing``."""
    try:
        return raw[step]
    except (KeyError, IndexError, TypeError):
        return ma.missing


def _short(step: Any) -> str | int:
    return step if isinstance(step, int) else str(step)[:LONGEST_NAME]
