"""Characters that count for little or may not be there at all, as classes between the brackets of a pattern.

Regular expressions of Python and of ECMA-262, which OpenAPI has, read them alike.
"""

import re
import unicodedata
from typing import Final

CONTROLS: Final = r"\u0000-\u001F\u007F"
"""The control characters of ASCII."""

SPACES: Final = " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
"""Every space of Unicode (category Zs), each for itself: what is trimmed before titles are compared."""

BREAKS: Final = r"\t\n\r"
"""The control characters that a text of several lines may have."""

HIDDEN: Final = (
    r"\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F"  # all other control characters
    r"\u2028-\u202E\u2066-\u2069"  # separators of lines; what reorders the text around it, and makes titles look alike
    r"\uFDD0-\uFDEF\uFFFE\uFFFF"  # what Unicode will never give a meaning; not yet assigned ones are tomorrow's letters
)
"""What no text may have."""

INVISIBLE: Final = (
    r"\u00AD\u034F\u0600-\u0605\u061C\u06DD\u070F\u0890\u0891\u08E2"  # soft hyphen, joiner of graphemes, format
    r"\u115F\u1160\u3164\uFFA0"  # fillers of Hangul
    r"\u17B4\u17B5\u180B-\u180F"  # vowels of Khmer without a form; selectors of Mongolian
    r"\u200B-\u200F\u2060-\u206F\uFEFF\uFFF0-\uFFFC"  # of no width, format, placeholders
    r"\u2800\uFE00-\uFE0F"  # a Braille pattern without dots, selectors of variations
)
"""What may stand in a text, and shows nothing by itself, up to U+FFFF.

The Unicode property Default_Ignorable_Code_Point (UAX #44), the category Cf, and a few signs without ink.
"""
_INVISIBLE: Final = re.compile(f"[{INVISIBLE}\U0001d159\U000e0000-\U000e0fff]")
_UNSEEN: Final = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Cn"})
"""Categories of what is not: separators, controls, formats, surrogates, and what is not assigned."""
_COMMON: Final = re.compile("[!-~\u00a1-\u00ac\u00ae-\u02ff]")
"""Of these, most texts have one."""


def is_blank(text: str) -> bool:
    """Tell whether nothing of a text is seen: no letter, mark, digit or sign that Unicode has assigned.

    Spaces, control and format characters and what is not assigned alone are neither a name nor a title. Of private use,
    those who agreed on it see something.
    """
    if _COMMON.search(text):
        return False
    return not any(unicodedata.category(each) not in _UNSEEN and not _INVISIBLE.match(each) for each in text)


HIGH_NONCHARACTERS: Final = "".join(
    f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0x10000, 0x110000, 0x10000)
)
"""The rest of what will never have a meaning, beyond the reach of patterns without the flag ``u``."""
