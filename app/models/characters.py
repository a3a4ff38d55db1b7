"""Characters that count for little or may not be there at all, as classes between the brackets of a pattern.

Regular expressions of Python and of ECMA-262, which OpenAPI has, read them alike.
"""

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

HIGH_NONCHARACTERS: Final = "".join(
    f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0x10000, 0x110000, 0x10000)
)
"""The rest of what will never have a meaning, beyond the reach of patterns without the flag ``u``."""
