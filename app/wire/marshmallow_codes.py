"""The stable code of a marshmallow message, by its origin: an entry of ``error_messages``, or a validator."""

from collections.abc import Iterable, Iterator, Sized
from string import Formatter
from typing import Any, Final

import marshmallow as ma
from marshmallow import validate

REQUIRED: Final = frozenset({"required", "null"})
_TYPES: Final = frozenset({"invalid", "invalid_uuid", "invalid_ip", "invalid_ip_interface", "type"})
"""Keys of messages about a value that cannot be converted to the field's type."""
_FORMATS: Final = frozenset({"invalid_utf8", "invalid_awareness", "format"})
_TYPED: Final = (
    ma.fields.Number,
    ma.fields.Boolean,
    ma.fields.List,
    ma.fields.Tuple,
    ma.fields.Mapping,
    ma.fields.Nested,
    ma.fields.TimeDelta,
)
"""Fields whose values are not texts: an inconvertible value has the wrong type, even if it is a text."""


Source = ma.fields.Field[Any] | ma.Schema
"""The field or the schema that reported a message."""


def code_of(message: Any, sources: tuple[Source, ...], raw: Any) -> str:
    """Return the code of a message.

    Args:
        message: the text, or its equivalent in ``error_messages``.
        sources: the field or schema that may have reported it; a nested object has both.
        raw: the value that was sent, or ``missing``.
    """
    found = (_of_source(message, each, raw) for each in sources)
    return next(filter(None, found), "INVALID_VALUE")


def _of_source(message: Any, source: Source, raw: Any) -> str | None:
    if isinstance(source, ma.Schema):
        codes = {"unknown": "UNKNOWN_FIELD", "type": "INVALID_TYPE"}
        return next((code for key, code in codes.items() if message == source.error_messages[key]), None)
    if keys := [key for key, template in _templates(source) if _fits(message, template)]:
        return _of_key(_likeliest(keys, raw), source, raw)
    return next(filter(None, (_of_validator(each, message, raw) for each in _validators(source))), None)


def _templates(field: "ma.fields.Field[Any]") -> Iterator[tuple[str, Any]]:
    yield from field.error_messages.items()
    if isinstance(field, ma.fields.Enum):  # another field reads its values
        yield from field.field.error_messages.items()


def _likeliest(keys: list[str], raw: Any) -> str:
    """Return the key of a message; several keys may have the same text."""
    is_absent = raw is None or raw is ma.missing
    return next((key for key in keys if (key in REQUIRED) == is_absent), keys[0])


def _of_key(key: str, field: "ma.fields.Field[Any]", raw: Any) -> str:
    if key in REQUIRED:
        return "REQUIRED_FIELD"
    if key in _FORMATS:
        return "INVALID_FORMAT"
    if key not in _TYPES:
        return "INVALID_VALUE"
    is_text = isinstance(raw, str) or raw is ma.missing
    return "INVALID_FORMAT" if is_text and not isinstance(field, _TYPED) else "INVALID_TYPE"


def _validators(field: "ma.fields.Field[Any]") -> Iterator[Any]:
    pending: list[Any] = list(field.validators)
    if isinstance(field, ma.fields.Tuple):
        pending.append(field.validate_length)
    while pending:
        each = pending.pop(0)
        if isinstance(each, validate.And):
            pending = [*each.validators, *pending]
        else:
            yield each


def _of_validator(validator: Any, message: Any, raw: Any) -> str | None:
    """Return the code of a validator's message, or ``None`` if it is not the validator's or has no specific code."""
    if isinstance(validator, validate.Length):
        return _of_length(validator, message, raw)
    if isinstance(validator, validate.Regexp | validate.URL | validate.Email):
        return "INVALID_FORMAT" if _fits(message, validator.error) else None
    return None


def _of_length(validator: validate.Length, message: Any, raw: Any) -> str | None:
    if not validator.error and _fits(message, validator.message_min):
        return "TOO_SHORT"
    if not validator.error and _fits(message, validator.message_max):
        return "TOO_LONG"
    texts: Iterable[Any] = [validator.error] if validator.error else [validator.message_all, validator.message_equal]
    if not any(_fits(message, text) for text in texts) or not isinstance(raw, Sized):
        return None
    low = validator.min if validator.equal is None else validator.equal
    high = validator.max if validator.equal is None else validator.equal
    if low is not None and len(raw) < low:
        return "TOO_SHORT"
    return "TOO_LONG" if high is not None and len(raw) > high else None


def _fits(message: Any, template: Any) -> bool:
    """Return true if a message can come from a template, by the text before its first variable and after its last."""
    if not isinstance(message, str) or not isinstance(template, str):
        return bool(message == template)
    parts = list(Formatter().parse(template))
    if not any(name is not None for _, name, _, _ in parts):
        return message == "".join(text for text, *_ in parts)
    head, tail = parts[0][0], parts[-1][0] if parts[-1][1] is None else ""
    has_text = bool(head or tail) and len(message) >= len(head) + len(tail)
    return has_text and message.startswith(head) and message.endswith(tail)
