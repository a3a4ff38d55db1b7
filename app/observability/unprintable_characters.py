"""Escapes for characters that control a terminal or reorder the text around them, because people read logs there.

They are control characters (C0, DEL and C1, ECMA-48), the bidirectional controls of Unicode (UAX 9), other invisible
format characters, line separators, and surrogate halves.
"""

import re
from typing import Final

UNPRINTABLE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
_BMP: Final = 0xFFFF


def escaped(text: str) -> str:
    """Return a text on one line, in which each such character is a Python escape."""
    return text if text.isascii() and text.isprintable() else UNPRINTABLE.sub(_spelled, text)


def escaped_json(text: str) -> str:
    """Return JSON in which each such character within a string is a JSON escape; a line end stays.

    JSON encoders escape only C0 within strings (RFC 8259, section 7).
    """
    return UNPRINTABLE.sub(_spelled_in_json, text)


def _spelled(found: re.Match[str]) -> str:
    return ascii(found[0])[1:-1]


def _spelled_in_json(found: re.Match[str]) -> str:
    code = ord(found[0])
    if found[0] == "\n":
        return "\n"
    if code > _BMP:
        high, low = divmod(code - _BMP - 1, 0x400)
        return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
    return f"\\u{code:04x}"
