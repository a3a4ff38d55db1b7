"""Dates and timestamps."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import marshmallow as ma

from app.wire import timestamps
from app.wire.decode_context import under_way
from app.wire.fields.encodable import MESSAGES, Encodable
from app.wire.validators import Breach


class Date(Encodable, ma.fields.Date):
    """A date without a time (RFC 3339, ``full-date``)."""

    default_error_messages = MESSAGES

    def __init__(self, *, metadata: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(metadata={"pattern": timestamps.DATE_PATTERN, **metadata}, **kwargs)

    def encode(self, value: date) -> str:
        """Return the date as ``2030-01-31``."""
        return date.isoformat(value)

    def compiled(self) -> Callable[[date], str]:
        """Return an equivalent function without a Python frame."""
        return date.isoformat

    def decode(self, value: object) -> Any:
        """Return the date."""
        if not isinstance(value, str):
            raise Breach("INVALID_TYPE", "must be a string").error()
        try:
            return timestamps.parse_date(value)
        except ValueError:
            raise Breach("INVALID_FORMAT", f"must be {timestamps.DATE_RULE}").error() from None


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
