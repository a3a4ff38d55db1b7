"""Rules for members, as marshmallow validators: each breach has a stable code and says what must be instead.

They subclass marshmallow's own, so that apispec writes their bounds into the OpenAPI document.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import ClassVar, Final

from marshmallow import ValidationError, validate

BIDI: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that reorder the text around them and can make one title look like another."""

_BREAKS: Final = r"\t\n\r"
_HIDDEN: Final = (
    r"\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069\uFDD0-\uFDEF\uFFFE\uFFFF"
)
_BLANKS: Final = r" \u00A0\u1680\u2000-\u200A\u202F\u205F\u3000"


@dataclass(frozen=True, slots=True)
class Breach:
    """A broken rule, without the place where it is broken: ``says`` follows the field's name in the message."""

    code: str
    says: str

    def error(self) -> ValidationError:
        """Return the exception by which marshmallow learns of it."""
        return ValidationError([self])


class Length(validate.Length):
    """Bounds the number of characters of a text."""

    def __init__(self, *, min: int | None = None, max: int) -> None:  # noqa: A002 -- marshmallow's names
        super().__init__(min=min, max=max)

    def __call__(self, value: str) -> str:  # type: ignore[override]  # texts only
        """Return the value, or refuse it."""
        if self.min is not None and len(value) < self.min:
            raise Breach("TOO_SHORT", f"must have at least {self.min} character").error()
        if self.max is not None and len(value) > self.max:
            raise Breach("TOO_LONG", f"must have at most {self.max} characters").error()
        return value


class Printable(validate.Validator):
    """Refuses control characters and those that reorder text; ``multiline`` lets tab and line breaks pass."""

    LINE: ClassVar = rf"^[^{_BREAKS}{_HIDDEN}]*[^{_BREAKS}{_HIDDEN}{_BLANKS}][^{_BREAKS}{_HIDDEN}]*$"
    """What OpenAPI says of a single line that is not blank."""
    TEXT: ClassVar = rf"^[^{_HIDDEN}]*$"
    """What OpenAPI says of a text of several lines."""

    def __init__(self, *, multiline: bool = False) -> None:
        self.spared = "\t\n\r" if multiline else ""

    def __call__(self, value: str) -> str:
        """Return the value, or refuse it."""
        if not value.isprintable() and any(map(self._is_hidden, value)):
            raise Breach("INVALID_FORMAT", "must not contain control characters").error()
        return value

    def _is_hidden(self, character: str) -> bool:
        if character in self.spared:
            return False
        return character in BIDI or unicodedata.category(character) in {"Cc", "Zl", "Zp"} or _is_noncharacter(character)


def _is_noncharacter(character: str) -> bool:
    """Tell whether Unicode will never give the code point a meaning; those not yet assigned are tomorrow's letters."""
    return 0xFDD0 <= ord(character) <= 0xFDEF or ord(character) & 0xFFFE == 0xFFFE


class NotBlank(validate.Validator):
    """Refuses a text of nothing but spaces."""

    def __call__(self, value: str) -> str:
        """Return the value, or refuse it."""
        if value and not value.strip():
            raise Breach("TOO_SHORT", "must not be blank").error()
        return value


class Pattern(validate.Regexp):
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
