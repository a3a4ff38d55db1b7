"""Character classes for insignificant and forbidden characters, to be put inside the brackets of a pattern.

They have the same meaning in regular expressions of Python and of ECMA-262, which OpenAPI uses.
"""

import re
import unicodedata
from typing import Final

CONTROLS: Final = r"\u0000-\u001F\u007F"
"""The control characters of ASCII."""

SPACES: Final = " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
"""All Unicode spaces (category Zs). They are trimmed before titles are compared."""

BREAKS: Final = r"\t\n\r"
"""The control characters that a multi-line text may contain."""

HIDDEN: Final = (
    r"\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F"  # all other control characters
    r"\u2028-\u202E\u2066-\u2069"  # line separators; bidirectional controls, which can make different titles look equal
    r"\uFDD0-\uFDEF\uFFFE\uFFFF"  # noncharacters; unassigned characters are allowed, as Unicode may assign them later
)
"""The characters that no text may contain."""

INVISIBLE: Final = (
    r"\u00AD\u034F\u0600-\u0605\u061C\u06DD\u070F\u0890\u0891\u08E2"  # soft hyphen, grapheme joiner, format characters
    r"\u115F\u1160\u3164\uFFA0"  # Hangul fillers
    r"\u17B4\u17B5\u180B-\u180F"  # Khmer inherent vowels, Mongolian variation selectors
    r"\u200B-\u200F\u2060-\u206F\uFEFF\uFFF0-\uFFFC"  # zero-width characters, format characters, placeholders
    r"\u2800\uFE00-\uFE0F"  # the Braille pattern without dots, variation selectors
)
"""The characters that a text may contain but that are invisible alone, up to U+FFFF.

They are the Unicode property Default_Ignorable_Code_Point (UAX #44), the category Cf, and a few blank characters.
"""
_INVISIBLE: Final = re.compile(f"[{INVISIBLE}\U0001d159\U000e0000-\U000e0fff]")
_UNSEEN: Final = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Cn"})
"""The categories without a visible form: separators, controls, formats, surrogates, and unassigned characters."""
_COMMON: Final = re.compile("[!-~\u00a1-\u00ac\u00ae-\u02ff]")
"""Common visible characters. Most texts contain one, therefore the check for them comes first."""


def is_blank(text: str) -> bool:
    """Return whether a text has no visible character: no letter, mark, digit or symbol that Unicode has assigned.

    Spaces, control characters, format characters and unassigned characters alone are not a name or a title. Characters
    for private use count as visible.
    """
    if _COMMON.search(text):
        return False
    return not any(unicodedata.category(each) not in _UNSEEN and not _INVISIBLE.match(each) for each in text)


HIGH_NONCHARACTERS: Final = "".join(
    f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0x10000, 0x110000, 0x10000)
)
"""The noncharacters above U+FFFF. A pattern without the flag ``u`` can't contain them."""
