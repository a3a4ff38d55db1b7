"""Parameters that many operations take in their query."""

import re
from collections.abc import Collection, Sequence
from typing import Any, Final

import marshmallow as ma

from app.errs import Violation
from app.errs.requests import ValidationFailed
from app.models.characters import CONTROLS
from app.wire import fields, page_tokens
from app.wire.field_mask import parse_fields, parse_mask
from app.wire.validators import Breach

DEFAULT_PAGE_SIZE: Final = 50
MAX_PAGE_SIZE: Final = 1000
OPAQUE: Final = frozenset({"page_token", "items_page_token"})
"""Parameters whose every spelling has an answer of its own."""
NOTHING: Final = type(None)
"""A default that is always ``None``, and that OpenAPI does not list, because it is called."""
_CONTROL: Final = re.compile(f"[{CONTROLS}]")
_DECIMAL: Final = re.compile(r"-?[0-9]+")


def is_legible(text: str) -> bool:
    """Tell whether there are no control characters in a parameter."""
    return not _CONTROL.search(text)


def illegible(name: str) -> Violation:
    """Return what is wrong with a parameter that has some, or is no text at all."""
    return Violation(name, "INVALID_FORMAT", f"{name} must be UTF-8 without control characters", parameter=name)


class PageSize(fields.Text):
    """``page_size``: 0 means the default, and what is too large is coerced (AIP-158)."""

    def __init__(self, *, default: int = DEFAULT_PAGE_SIZE, largest: int = MAX_PAGE_SIZE) -> None:
        self.default, self.largest = default, largest
        message = f"The largest number of items to return, at most {largest}. Default: {default}, also for 0."
        schema = {"type": "integer", "minimum": 0, "description": message}
        super().__init__(load_default=default, metadata=schema)

    def decode(self, value: object) -> Any:
        """Return how many."""
        if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
            raise Breach("INVALID_TYPE", "must be an integer").error()
        if value.startswith("-"):
            raise Breach("INVALID_VALUE", "must not be negative").error()
        digits = value.lstrip("0")
        return min(int(digits[:5]), self.largest) if digits else self.default


class PageToken(fields.Text):
    """``page_token``: where the previous page ended."""

    def __init__(self, says: str = "`next_page_token` of the previous page.") -> None:
        schema = {"description": says, "maxLength": page_tokens.LONGEST, "pattern": "^[A-Za-z0-9_-]*$"}
        super().__init__(load_default="", metadata=schema)


class MaskParameter(fields.Text):
    """``update_mask``: the members that an update sets (AIP-134)."""

    def __init__(self, writable: Collection[str]) -> None:
        self.writable = writable
        message = f"The properties to set, separated by commas: {', '.join(writable)}. Default: those in the body."
        super().__init__(metadata={"description": message, "example": "title,tags", **_members(writable)})

    def decode(self, value: object) -> Any:
        """Return the members."""
        return _as_breach(parse_mask, str(value), writable=self.writable, present=())


class FieldsParameter(fields.Text):
    """``fields``: the members that are answered."""

    def __init__(self, readable: Sequence[str]) -> None:
        self.readable = readable
        message = (
            f"The properties to return, separated by commas: {', '.join(readable)}. Default: all. The response has no"
            " other properties then, so read it as a partial object."
        )
        schema = {"description": message, "example": ",".join(readable[:2]), **_members(readable)}
        super().__init__(load_default=NOTHING, metadata=schema)

    def decode(self, value: object) -> Any:
        """Return the members, or ``None`` for all."""
        return _as_breach(parse_fields, str(value), readable=self.readable)


def _members(members: Collection[str]) -> dict[str, Any]:
    """Return what OpenAPI says of a list of members."""
    member = f" *({'|'.join(members)}) *"
    return {"pattern": f"^{member}(,{member})*$", "x-members": [*members]}


def _as_breach(parse: Any, *args: Any, **kwargs: Any) -> Any:
    """Let marshmallow collect what a parser refuses."""
    try:
        return parse(*args, **kwargs)
    except ValidationFailed as failed:
        raise ma.ValidationError(list(failed.violations)) from None
