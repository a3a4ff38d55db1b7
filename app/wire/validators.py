"""Rules for members, as marshmallow validators: each breach has a stable code and says what must be instead.

They subclass marshmallow's own, so that apispec writes their bounds into the OpenAPI document.
"""

import re
from dataclasses import dataclass
from typing import ClassVar, Final

from marshmallow import ValidationError, validate

from app.models.characters import BREAKS, HIDDEN, HIGH_NONCHARACTERS, INVISIBLE, SPACES, is_blank

_BLANKS: Final = "".join(f"\\u{ord(space):04X}" for space in SPACES)

_REFUSED: Final = re.compile(f"[{BREAKS}{HIDDEN}{HIGH_NONCHARACTERS}]")
"""What is refused as such: a line of it is not called blank besides."""


@dataclass(frozen=True, slots=True)
class Breach:
    """A broken rule, without the place where it is broken: ``message`` follows the field's name in the message."""

    code: str
    message: str

    def error(self) -> ValidationError:
        """Return the exception by which marshmallow learns of it."""
        return ValidationError([self])


@dataclass(frozen=True, slots=True)
class Sentence:
    """A broken rule whose message is a full sentence of its own, such as the text of a ``ValidationError``."""

    code: str
    text: str


class Rule(validate.Validator):
    """Marks the validators that the compiled decoder knows. Each raises breaches and changes nothing."""


class Length(Rule, validate.Length):
    """Bounds the number of characters of a text; one with a lower bound shows something (``is_blank``).

    Raises:
        ValueError: the lower bound is another than 1.
    """

    def __init__(self, *, min: int | None = None, max: int) -> None:  # noqa: A002 -- marshmallow's names
        if min not in {None, 1}:
            raise ValueError("the lower bound of a text is 1: that it is not blank")
        super().__init__(min=min, max=max)

    def __call__(self, value: str) -> str:  # type: ignore[override]  # texts only
        """Return the value, or refuse it."""
        if self.min is not None and is_blank(value) and not _REFUSED.search(value):
            raise Breach("TOO_SHORT", "must not be blank").error()
        if self.max is not None and len(value) > self.max:
            raise Breach("TOO_LONG", f"must have at most {self.max} characters").error()
        return value


class Range(Rule, validate.Range):
    """Bounds a number; both bounds are allowed."""

    def __init__(self, *, min: int, max: int) -> None:  # noqa: A002 -- marshmallow's names
        super().__init__(min=min, max=max)

    def __call__(self, value: int) -> int:  # type: ignore[override]  # integers only
        """Return the value, or refuse it."""
        if not self.min <= value <= self.max:
            raise Breach("INVALID_VALUE", f"must be from {self.min} to {self.max}").error()
        return value


class Printable(Rule):
    """Refuses control characters and those that reorder text; ``multiline`` lets tab and line breaks pass."""

    LINE: ClassVar = rf"^[^{BREAKS}{HIDDEN}]*[^{BREAKS}{HIDDEN}{_BLANKS}{INVISIBLE}][^{BREAKS}{HIDDEN}]*$"
    """What OpenAPI says of a single line that is not blank; what is not assigned, patterns do not name."""
    TEXT: ClassVar = rf"^[^{HIDDEN}]*$"
    """What OpenAPI says of a text of several lines."""

    def __init__(self, *, multiline: bool = False) -> None:
        self.is_multiline = multiline
        self.rejected = re.compile(f"[{'' if multiline else BREAKS}{HIDDEN}{HIGH_NONCHARACTERS}]")

    def __call__(self, value: str) -> str:
        """Return the value, or refuse it."""
        if self.rejected.search(value):
            raise Breach("INVALID_FORMAT", "must not contain control characters").error()
        return value


class OneOf(Rule, validate.OneOf):
    """Asks for one of a few texts."""

    def __call__(self, value: str) -> str:
        """Return the value, or refuse it."""
        if value not in self.choices:
            raise Breach("INVALID_VALUE", f"must be one of {', '.join(self.choices)}").error()
        return value


class Pattern(Rule, validate.Regexp):
    """Asks a text to match a whole pattern, written for OpenAPI as it stands."""

    def __init__(self, pattern: str, *, code: str, says: str) -> None:
        super().__init__(pattern)
        self.full = re.compile(pattern, re.ASCII)
        self.breach = Breach(code, says)

    def __call__(self, value: str) -> str:  # type: ignore[override]  # texts only, no bytes
        """Return the value, or refuse it."""
        if not self.full.fullmatch(value):
            raise self.breach.error()
        return value
