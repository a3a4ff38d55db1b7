"""Say where a large body stops being strict JSON, as exactly as that is known without walking through it.

What is known is the exception that decoding has ended with, and up to where :mod:`app.wire.json_locator` has found
nothing. The cost is a few searches around one place.
"""

import json
import re
from typing import Final

from app.wire.json_locator import MAX_DEPTH, Defect, Expect

INVALID: Final = "The JSON is invalid"
_BEFORE: Final = {"[": Expect.FIRST_VALUE, "{": Expect.FIRST_NAME, ":": Expect.VALUE}
_TRAILING: Final = re.compile(r",[ \t\n\r]*([\]}])")
_BLANKS: Final = " \t\n\r"
_BEGUN: Final = frozenset('"\\-0123456789tfn')
"""Characters with which a value begins that may itself be wrong, and what may stand in a string."""
_LOOKED_AT: Final = 4096
"""Characters before a place that are looked at, which may all be blanks."""


class Unfit(ValueError):
    """A text that is JSON and still refused; the text of the exception says why, in a phrase."""


def estimate(text: str, cause: Exception, reached: int) -> tuple[Defect, str | None]:
    """Return a defect and, where its place is only known to be after the position, a message that says so.

    Args:
        text: the body.
        cause: what decoding has ended with.
        reached: an index before which there is no defect.
    """
    is_deep = isinstance(cause, RecursionError)
    if isinstance(cause, json.JSONDecodeError):
        is_deep = _depth(text[: cause.pos]) > MAX_DEPTH  # that comes before the syntax error, if it is one
    if isinstance(cause, json.JSONDecodeError) and not is_deep:
        reason, at = _syntax(text, cause.pos)
        return Defect(reason, _byte(text, at)), None
    deep = f"Nesting deeper than {MAX_DEPTH} is not allowed"
    reason = deep if is_deep else str(cause)
    position = _byte(text, reached)
    return Defect(reason, position), f"{reason}, and it is somewhere after character {position}."


def _depth(text: str) -> int:
    """Return how many containers are open at the end of a text in which there is no syntax error."""
    outside = "".join(text.replace("\\\\", "").replace('\\"', "").split('"')[::2])
    return sum(map(outside.count, "[{")) - sum(map(outside.count, "]}"))


def _syntax(text: str, at: int) -> tuple[str, int]:
    """Return the reason and the index of a syntax error, of which a decoder has found the place."""
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
