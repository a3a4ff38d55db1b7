"""Texts, numbers, booleans and UUIDs."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import marshmallow as ma
import orjson

from app.models.products import MINOR_DIGITS
from app.wire import ids
from app.wire.fields.encodable import MESSAGES, Encodable
from app.wire.validators import Breach

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


class Uuid(Encodable, ma.fields.UUID):
    """A UUID in its canonical form (RFC 9562, section 4). Both cases are read, and lowercase is written."""

    default_error_messages = MESSAGES

    def encode(self, value: object) -> str:
        """Return the canonical form."""
        return str(value)

    def compiled(self) -> None:
        """Return ``None``: orjson renders UUIDs."""

    def decode(self, value: object) -> Any:
        """Return the UUID."""
        if not isinstance(value, str):
            raise Breach("INVALID_TYPE", "must be a string").error()
        if not ids.is_id(value):
            raise Breach("INVALID_FORMAT", f"must be {ids.RULE}").error()
        return UUID(value)


class Name(Encodable, ma.fields.String):
    """A resource name (AIP-122) of a collection and an ID."""

    def __init__(self, collection: str, **kwargs: Any) -> None:
        super().__init__(dump_only=True, **kwargs)
        self.collection = collection

    def encode(self, value: object) -> str:
        """Return ``collection/id``."""
        return f"{self.collection}/{value}"

    def compiled(self) -> Callable[[object], str]:
        """Return an equivalent function without an attribute lookup."""
        collection = self.collection
        return lambda value: f"{collection}/{value}"

    def inline(self) -> tuple[str, dict[str, Any]]:
        """Return the same. orjson writes the text of a UUID in a fraction of the time of the standard library."""
        is_uuid = "type(found) is uuid_N and f'{start_N}{dumps_N(found)[1:-1].decode()}'"
        text = f"{is_uuid} or encode_N(found)"
        return text, {
            "uuid_N": UUID,
            "start_N": f"{self.collection}/",
            "dumps_N": orjson.dumps,
            "encode_N": self.compiled(),
        }
