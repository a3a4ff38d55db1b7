"""Query parameters that several operations share."""

import re
from collections.abc import Collection, Sequence
from typing import Any, Final

import marshmallow as ma

from app.errs import Violation
from app.errs.requests import ValidationFailed
from app.models.invisible_characters import CONTROLS
from app.wire import fields, page_tokens
from app.wire.field_mask import parse_fields, parse_mask
from app.wire.validators import Breach

DEFAULT_PAGE_SIZE: Final = 50
MAX_PAGE_SIZE: Final = 1000
OPAQUE: Final = frozenset({"page_token", "items_page_token"})
"""Parameters whose values differ even if they look equivalent."""
NOTHING: Final = type(None)
"""A default that is always ``None``. OpenAPI does not list it, because it is a callable."""
_CONTROL: Final = re.compile(f"[{CONTROLS}]")
_DECIMAL: Final = re.compile(r"-?[0-9]+")


def is_legible(text: str) -> bool:
    """Return true if a parameter has no control characters."""
    return not _CONTROL.search(text)


def illegible(name: str) -> Violation:
    """Return the violation of a parameter with control characters or invalid UTF-8."""
    return Violation(name, "INVALID_FORMAT", f"{name} must be UTF-8 without control characters", parameter=name)


class PageSize(fields.Text):
    """``page_size``: 0 means the default, and larger values mean the maximum (AIP-158)."""

    def __init__(self, *, default: int = DEFAULT_PAGE_SIZE, largest: int = MAX_PAGE_SIZE) -> None:
        self.default, self.largest = default, largest
        message = f"The largest number of items to return, at most {largest}. Default: {default}, also for 0."
        schema = {"type": "integer", "minimum": 0, "description": message}
        super().__init__(load_default=default, metadata=schema)

    def decode(self, value: object) -> Any:
        """Return the number of items."""
        if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
            raise Breach("INVALID_TYPE", "must be an integer").error()
        if value.startswith("-"):
            raise Breach("INVALID_VALUE", "must not be negative").error()
        digits = value.lstrip("0")
        return min(int(digits[:5]), self.largest) if digits else self.default


class PageToken(fields.Text):
    """``page_token``: the end of the previous page."""

    def __init__(self, description: str = "`next_page_token` of the previous page.") -> None:
        schema = {"description": description, "maxLength": page_tokens.LONGEST, "pattern": "^[A-Za-z0-9_-]*$"}
        super().__init__(load_default="", metadata=schema)


class MaskParameter(fields.Text):
    """``update_mask``: the properties that an update sets (AIP-134)."""

    def __init__(self, writable: Collection[str]) -> None:
        self.writable = writable
        message = f"The properties to set, separated by commas: {', '.join(writable)}. Default: those in the body."
        super().__init__(metadata={"description": message, "example": "title,tags", **_members(writable)})

    def decode(self, value: object) -> Any:
        """Return the properties."""
        return _as_breach(parse_mask, str(value), writable=self.writable, present=())


class FieldsParameter(fields.Text):
    """``fields``: the properties of the response."""

    def __init__(self, readable: Sequence[str]) -> None:
        self.readable = readable
        message = (
            f"The properties to return, separated by commas: {', '.join(readable)}. Default: all. The response has no"
            " other properties then, so read it as a partial object."
        )
        schema = {"description": message, "example": ",".join(readable[:2]), **_members(readable)}
        super().__init__(load_default=NOTHING, metadata=schema)

    def decode(self, value: object) -> Any:
        """Return the properties, or ``None`` for all."""
        return _as_breach(parse_fields, str(value), readable=self.readable)


def _members(members: Collection[str]) -> dict[str, Any]:
    """Return the OpenAPI schema of a list of properties."""
    member = f" *({'|'.join(members)}) *"
    return {"pattern": f"^{member}(,{member})*$", "x-members": [*members]}


def _as_breach(parse: Any, *args: Any, **kwargs: Any) -> Any:
    """Convert the violations of a parser to a ``ValidationError``, which marshmallow collects."""
    try:
        return parse(*args, **kwargs)
    except ValidationFailed as failed:
        raise ma.ValidationError(list(failed.violations)) from None
