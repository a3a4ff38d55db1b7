"""Estimate of the position of the first JSON error in a large body, without reading all tokens.

The estimate uses the exception of the decoder and the position up to which
:mod:`app.wire.json_error_locator` found no error.
The cost is a few searches around one position.
"""

import json
import re
from typing import Final

from app.wire.json_error_locator import MAX_DEPTH, Defect, Expect

INVALID: Final = "The JSON is invalid"
_BEFORE: Final = {"[": Expect.FIRST_VALUE, "{": Expect.FIRST_NAME, ":": Expect.VALUE}
_TRAILING: Final = re.compile(r",[ \t\n\r]*([\]}])")
_BLANKS: Final = " \t\n\r"
_BEGUN: Final = frozenset('"\\-0123456789tfn')
"""First characters of values that can be invalid themselves, and escapes in strings."""
_LOOKED_AT: Final = 4096
"""Characters before a position that are searched. All of them can be blanks."""


class Unfit(ValueError):
    """Valid JSON that is rejected. The text of the exception is the reason."""


def estimate(text: str, cause: Exception, reached: int) -> tuple[Defect, str | None]:
    """Return a defect and, if its exact position is unknown, a message with the position that it follows.

    Args:
        text: the body.
        cause: the exception of the decoder.
        reached: an index before which there is no defect.
    """
    is_deep = isinstance(cause, RecursionError)
    if isinstance(cause, json.JSONDecodeError):
        is_deep = _depth(text[: cause.pos]) > MAX_DEPTH  # excessive nesting comes before the syntax error
    if isinstance(cause, json.JSONDecodeError) and not is_deep:
        reason, at = _syntax(text, cause.pos)
        return Defect(reason, _byte(text, at)), None
    deep = f"Nesting deeper than {MAX_DEPTH} is not allowed"
    reason = deep if is_deep else str(cause)
    position = _byte(text, reached)
    return Defect(reason, position), f"{reason}. The error is after character {position}."


def _depth(text: str) -> int:
    """Return the number of open containers at the end of a text without syntax errors."""
    outside = "".join(text.replace("\\\\", "").replace('\\"', "").split('"')[::2])
    return sum(map(outside.count, "[{")) - sum(map(outside.count, "]}"))


def _syntax(text: str, at: int) -> tuple[str, int]:
    """Return the reason and the index of a syntax error whose position a decoder reported."""
    if found := _TRAILING.match(text, at):
        return Expect.VALUE if found[1] == "]" else Expect.NAME, found.start(1)
    before = text[max(0, at - _LOOKED_AT) : at].rstrip(_BLANKS)[-1:]
    character = text[at : at + 1]
    if before in _BEFORE and character and character not in _BEGUN and character >= " ":
        return _BEFORE[before], at
    return INVALID, at


def _byte(text: str, at: int) -> int:
    """Return the position of a character, counted in bytes from 1."""
    return len(text[:at].encode()) + 1
