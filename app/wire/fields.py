"""The types of fields. They read strictly, and each has a compiled form for writing.

``decode`` converts a JSON value, and ``encode`` converts it back, for marshmallow's ``dump``. The compiled encoder
calls the result of ``compiled`` instead, and leaves values to orjson if orjson renders them in the same way. A law test
compares both.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from enum import IntEnum
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

import marshmallow as ma

from app.models.products import MINOR_DIGITS
from app.wire import timestamps
from app.wire.decode_context import under_way
from app.wire.validators import Breach

REQUIRED: Final = [Breach("REQUIRED_FIELD", "is required")]
MESSAGES: Final[Any] = {"required": REQUIRED, "null": REQUIRED, "validator_failed": REQUIRED}
JUDGED: Final = 100
"""The longest list whose items are checked. For a longer list, only the length is reported."""
EnumT = TypeVar("EnumT", bound=IntEnum)


class Encodable:
    """A field with a compiled form."""

    def decode(self, value: Any) -> Any:
        """Return the value of JSON other than ``null``.

        Raises:
            ma.ValidationError: with a breach.
        """
        return value

    def encode(self, value: Any) -> Any:
        """Return the JSON value of a value that is not ``None``."""
        return value

    def compiled(self) -> Callable[[Any], Any] | None:
        """Return a function that converts a value for orjson, or ``None`` if orjson can render the value unchanged."""
        return self.encode if type(self).encode is not Encodable.encode else None

    def inline(self) -> tuple[str, dict[str, Any]]:
        """Return ``compiled`` as an expression of ``found`` and the objects in it; their names end with ``_N``."""
        return "encode_N(found)", {"encode_N": self.compiled()}

    def _serialize(self, value: Any, *_: object, **__: object) -> Any:
        return None if value is None else self.encode(value)

    def _deserialize(self, value: Any, *_: object, **__: object) -> Any:
        return self.decode(value)


ANY_TEXT: Final = r"^[^\u0000]*$"
"""The OpenAPI pattern of a text without a specific rule: no text has a NUL character."""


class Text(Encodable, ma.fields.String):
    """A JSON string, kept unchanged."""

    default_error_messages = MESSAGES

    def decode(self, value: object) -> str:
        """Return the text."""
        if not isinstance(value, str):
            raise Breach("INVALID_TYPE", "must be a string").error()
        return value


class Money(Text):
    """An exact amount: a string with a fixed number of fractional digits, never a JSON number."""

    def __init__(self, *, digits: int, metadata: dict[str, Any], **kwargs: Any) -> None:
        self.most = f"{'9' * (digits - MINOR_DIGITS)}.{'9' * MINOR_DIGITS}"
        self.pattern = re.compile(rf"^(0|[1-9][0-9]{{0,{digits - MINOR_DIGITS - 1}}})\.[0-9]{{{MINOR_DIGITS}}}$")
        super().__init__(metadata={**metadata, "pattern": self.pattern.pattern}, **kwargs)

    def encode(self, value: Decimal) -> str:
        """Return every digit, without an exponent."""
        return f"{value:f}"

    def compiled(self) -> Callable[[Decimal], str]:
        """Return an equivalent function without a Python frame."""
        return "{:f}".format

    def decode(self, value: object) -> Any:
        """Return the amount."""
        if not isinstance(value, str):
            raise Breach("INVALID_TYPE", "must be a string").error()
        if not self.pattern.fullmatch(value):
            message = f"must be an amount with {MINOR_DIGITS} fractional digits, such as 4.90, and at most {self.most}"
            raise Breach("INVALID_FORMAT", message).error()
        return Decimal(value)


class Integer(Encodable, ma.fields.Integer):
    """A JSON integer; ``1.0``, ``true`` and ``"1"`` are not integers."""

    default_error_messages = MESSAGES

    def decode(self, value: object) -> int:
        """Return the number."""
        if type(value) is not int:
            raise Breach("INVALID_TYPE", "must be an integer").error()
        return value


class Boolean(Encodable, ma.fields.Boolean):
    """A JSON boolean; ``1`` and ``"true"`` are not booleans."""

    default_error_messages = MESSAGES

    def decode(self, value: object) -> bool:
        """Return the boolean."""
        if not isinstance(value, bool):
            raise Breach("INVALID_TYPE", "must be true or false").error()
        return value


class Timestamp(Encodable, ma.fields.DateTime):
    """An RFC 3339 timestamp, converted to UTC; ``future`` requires a time in the future."""

    default_error_messages = MESSAGES

    def __init__(self, *, future: bool = False, invalid: str = "INVALID_FORMAT", **kwargs: Any) -> None:
        metadata = {"pattern": timestamps.PATTERN, "description": "", **kwargs.pop("metadata", {})}
        rule = f"{timestamps.RULE[:1].upper()}{timestamps.RULE[1:]}."
        if not kwargs.get("dump_only") and rule not in metadata["description"]:
            metadata["description"] = f"{metadata['description']} {rule}".lstrip()
        super().__init__(metadata=metadata, **kwargs)
        self.future = future
        self.invalid = invalid

    def encode(self, value: datetime) -> str:
        """Return the timestamp in UTC, with ``Z``."""
        return timestamps.render(value)

    def compiled(self) -> Callable[[datetime], datetime]:
        """Return the conversion of a time to UTC, which orjson can render."""
        return timestamps.in_utc

    def inline(self) -> tuple[str, dict[str, Any]]:
        """Return the same. A time of the database is in UTC already."""
        return "found.tzinfo is utc_N and found or encode_N(found)", {"utc_N": UTC, "encode_N": timestamps.in_utc}

    def decode(self, value: object) -> datetime:
        """Return the time in UTC."""
        if not isinstance(value, str):
            raise Breach("INVALID_TYPE", "must be a string").error()
        try:
            moment = timestamps.parse(value)
        except ValueError:
            raise Breach(self.invalid, f"must be {timestamps.RULE}").error() from None
        if self.future and moment <= under_way.get().now:
            raise Breach("MUST_BE_FUTURE", "must be in the future").error()
        return moment


class EnumName(Encodable, ma.fields.String, Generic[EnumT]):
    """A member of an enumeration by its name with a prefix; ``…_UNSPECIFIED`` and null mean the default."""

    default_error_messages = MESSAGES

    def __init__(self, enum: type[EnumT], *, prefix: str, default: EnumT, **kwargs: Any) -> None:
        self.by_name = {f"{prefix}{member.name}": member for member in enum}
        self.names = {member: name for name, member in self.by_name.items()}
        self.names_by_number = {member.value: name for member, name in self.names.items()}
        self.default = default
        self.unspecified = f"{prefix}UNSPECIFIED"
        values: list[str | None] = [*self.by_name]
        metadata = kwargs.pop("metadata", {})
        if kwargs.get("allow_none"):
            values += [self.unspecified, None]
            assumed = f"`null` and {self.unspecified} mean {self.names[default]}."
            described = f"{metadata.get('description', '')} {assumed}".lstrip()
            metadata = {**metadata, "description": described, "x-default": self.names[default]}
        super().__init__(metadata={**metadata, "enum": values}, **kwargs)

    def encode(self, value: EnumT) -> str:
        """Return the member's name."""
        return self.names[value]

    def compiled(self) -> Callable[[int], str]:
        """Return a lookup by number: rows contain numbers, and ``IntEnum`` members equal them."""
        return self.names_by_number.__getitem__

    def decode(self, value: object) -> Any:
        """Return the member."""
        if not isinstance(value, str):
            raise Breach("INVALID_TYPE", "must be a string").error()
        if value == self.unspecified:
            return self.default
        if value not in self.by_name:
            raise Breach("INVALID_VALUE", f"must be one of {', '.join(self.by_name)}").error()
        return self.by_name[value]


class Choice(Encodable, ma.fields.Field[EnumT], Generic[EnumT]):
    """A member of an enumeration by its plain name."""

    default_error_messages = MESSAGES

    def __init__(self, enum: type[EnumT], *, metadata: dict[str, Any], **kwargs: Any) -> None:
        self.members = {member.name: member for member in enum}
        super().__init__(metadata={**metadata, "type": "string", "enum": [*self.members]}, **kwargs)

    def encode(self, value: EnumT) -> str:
        """Return the member's name."""
        return value.name

    def decode(self, value: object) -> EnumT:
        """Return the member."""
        if not isinstance(value, str):
            raise Breach("INVALID_TYPE", "must be a string").error()
        if value not in self.members:
            raise Breach("INVALID_VALUE", f"must be one of {', '.join(self.members)}").error()
        return self.members[value]


class Name(Encodable, ma.fields.String):
    """A resource name (AIP-122) of a collection and an ID."""

    def __init__(self, collection: str, **kwargs: Any) -> None:
        super().__init__(dump_only=True, **kwargs)
        self.collection = collection

    def encode(self, value: object) -> str:
        """Return ``collection/id``."""
        return f"{self.collection}/{value}"

    def inline(self) -> tuple[str, dict[str, Any]]:
        """Return ``encode`` with the text of a UUID, which the standard library makes in Python."""
        digits = "{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
        is_uuid = "type(found) is uuid_N and (digits := '%032x' % found.int)"
        text = f"{is_uuid} and f'{{start_N}}{digits}' or encode_N(found)"
        return text, {"uuid_N": UUID, "start_N": f"{self.collection}/", "encode_N": self.compiled()}


class Listed(ma.fields.List[Any]):
    """A JSON array of one type; ``check`` returns breaches between items, by index."""

    default_error_messages = MESSAGES

    def __init__(
        self,
        inner: "ma.fields.Field[Any]",
        *,
        longest: int,
        check: Callable[[list[Any]], dict[int, Breach]] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(inner, metadata={"maxItems": longest, **kwargs.pop("metadata", {})}, **kwargs)
        self.longest = longest
        self.check = check

    def rejection(self, value: object) -> Breach | None:
        """Return the reason why no item is checked, or ``None``."""
        if not isinstance(value, list):
            return Breach("INVALID_TYPE", "must be an array")
        return self.too_long() if len(value) > JUDGED else None

    def _deserialize(self, value: Any, *_: object, **kwargs: Any) -> list[Any]:
        if rejection := self.rejection(value):
            raise rejection.error()
        errors: dict[int | str, Any] = {
            index: [breach] for index, breach in (self.check(value) if self.check else {}).items()
        }
        if len(value) > self.longest:
            errors[ma.exceptions.SCHEMA] = [self.too_long()]
        items = []
        for index, each in enumerate(value):
            try:
                items.append(self.inner.deserialize(each, **kwargs))
            except ma.ValidationError as error:
                errors[index] = error.messages
        if errors:
            raise ma.ValidationError(errors)
        return items

    def too_long(self) -> Breach:
        """Return the breach of a list with too many items."""
        return Breach("TOO_LONG", f"must have at most {self.longest} items")


class Object(ma.fields.Nested):
    """A JSON object described by another schema."""

    default_error_messages = MESSAGES


class Anything(Encodable, ma.fields.Raw):
    """Output that is already JSON."""

    default_error_messages = MESSAGES
