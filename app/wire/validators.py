"""Rules for fields, as marshmallow validators. Each breach has a stable code and a message with the rule.

They subclass marshmallow's validators so that apispec writes their bounds into the OpenAPI document.
"""

import re
from dataclasses import dataclass
from typing import ClassVar, Final

from marshmallow import ValidationError, validate

from app.models.invisible_characters import BREAKS, HIDDEN, HIGH_NONCHARACTERS, INVISIBLE, SPACES, is_blank

_BLANKS: Final = "".join(f"\\u{ord(space):04X}" for space in SPACES)

_REJECTED: Final = re.compile(f"[{BREAKS}{HIDDEN}{HIGH_NONCHARACTERS}]")
"""Characters that another rule rejects: a line with them is not also reported as blank."""


@dataclass(frozen=True, slots=True)
class Breach:
    """A broken rule without its location. ``message`` follows the field's name in the message for the client."""

    code: str
    message: str

    def error(self) -> ValidationError:
        """Return the exception for marshmallow."""
        return ValidationError([self])


@dataclass(frozen=True, slots=True)
class Sentence:
    """A broken rule whose message is a complete sentence, such as the text of a ``ValidationError``."""

    code: str
    text: str


class Rule(validate.Validator):
    """The base class of validators that the compiled decoder supports. They raise breaches and change no values."""


class Length(Rule, validate.Length):
    """Limits the number of characters of a text. With a lower bound, the text must not be blank (``is_blank``).

    Raises:
        ValueError: the lower bound is not 1.
    """

    def __init__(self, *, min: int | None = None, max: int) -> None:  # noqa: A002 -- marshmallow's names
        if min not in {None, 1}:
            raise ValueError("the lower bound of a text must be 1, which means not blank")
        super().__init__(min=min, max=max)

    def __call__(self, value: str) -> str:  # type: ignore[override]  # texts only
        """Return the value, or reject it."""
        if self.min is not None and is_blank(value) and not _REJECTED.search(value):
            raise Breach("TOO_SHORT", "must not be blank").error()
        if self.max is not None and len(value) > self.max:
            raise Breach("TOO_LONG", f"must have at most {self.max} characters").error()
        return value


class Range(Rule, validate.Range):
    """Limits a number; both bounds are inclusive."""

    def __init__(self, *, min: int, max: int) -> None:  # noqa: A002 -- marshmallow's names
        super().__init__(min=min, max=max)

    def __call__(self, value: int) -> int:  # type: ignore[override]  # integers only
        """Return the value, or reject it."""
        if not self.min <= value <= self.max:
            raise Breach("INVALID_VALUE", f"must be from {self.min} to {self.max}").error()
        return value


class Printable(Rule):
    """Rejects control characters and characters that reorder text; ``multiline`` allows tabs and line breaks."""

    LINE: ClassVar = rf"^[^{BREAKS}{HIDDEN}]*[^{BREAKS}{HIDDEN}{_BLANKS}{INVISIBLE}][^{BREAKS}{HIDDEN}]*$"
    """The OpenAPI pattern of a single line that is not blank. Patterns do not include unassigned characters."""
    TEXT: ClassVar = rf"^[^{HIDDEN}]*$"
    """The OpenAPI pattern of a text with several lines."""

    def __init__(self, *, multiline: bool = False) -> None:
        self.is_multiline = multiline
        self.rejected = re.compile(f"[{'' if multiline else BREAKS}{HIDDEN}{HIGH_NONCHARACTERS}]")

    def __call__(self, value: str) -> str:
        """Return the value, or reject it."""
        if self.rejected.search(value):
            raise Breach("INVALID_FORMAT", "must not contain control characters").error()
        return value


class OneOf(Rule, validate.OneOf):
    """Requires one of a few texts."""

    def __call__(self, value: str) -> str:
        """Return the value, or reject it."""
        if value not in self.choices:
            raise Breach("INVALID_VALUE", f"must be one of {', '.join(self.choices)}").error()
        return value


class Pattern(Rule, validate.Regexp):
    """Requires a text to match a whole pattern. OpenAPI contains the pattern unchanged."""

    def __init__(self, pattern: str, *, code: str, message: str) -> None:
        super().__init__(pattern)
        self.full = re.compile(pattern, re.ASCII)
        self.breach = Breach(code, message)

    def __call__(self, value: str) -> str:  # type: ignore[override]  # texts only, no bytes
        """Return the value, or reject it."""
        if not self.full.fullmatch(value):
            raise self.breach.error()
        return value
