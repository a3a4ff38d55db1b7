"""Rejection of common passwords (NIST SP 800-63B, section 5.1.1.2).

Common passwords are:

- the passwords of a list in the code, also with a few digits or symbols around them
- repetitions and sequences of a few characters
- passwords that are derived from the email address, the user's name, or the name of the service
"""

import unicodedata
from collections.abc import Iterable
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final, NewType

from app import product
from app.errs import Violation
from app.errs.requests import ValidationFailed

Acceptable = NewType("Acceptable", str)
"""A password that ``PasswordRules`` has accepted. Only such a password can be hashed."""

CODE: Final = "TOO_COMMON"
LIST: Final = Path(__file__).parent / "list.txt"
FEW: Final = 4
"""The number of extra characters with which a common password, or a name, is still rejected."""
RUN: Final = 3
"""The minimum length of a sequence, such as ``abc`` or ``111``."""
PERIOD: Final = 3
"""The maximum length of a unit whose repetition is rejected, such as ``abc`` in ``abcabcabc``."""
ROWS: Final = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "azertyuiop", "1234567890", "йцукенгшщзхъ")
"""Rows of adjacent keys."""
_PAIRS: Final = [pair for row in ROWS for pair in pairwise(row)]
_ADJACENT: Final = {one + next_: frozenset({2}) for one, next_ in _PAIRS} | {
    next_ + one: frozenset({-2}) for one, next_ in _PAIRS
}
LISTED: Final = "is a common password"
REPEATED: Final = "is a repetition or a sequence of a few characters"
DERIVED: Final = "is derived from your name, your email address or the name of the service"


class PasswordRules:
    """Accepts passwords for accounts of this service.

    Args:
        own: the names of the service. Passwords that are derived from them are rejected.
    """

    def __init__(self, own: Iterable[str] = (product.SLUG,)) -> None:
        self._own = tuple(own)

    def accept(self, password: str, *, about: Iterable[str | None]) -> Acceptable:
        """Return the password if it is acceptable.

        Args:
            password: the new password.
            about: the user's name and email address.

        Raises:
            ValidationFailed: the password is too common.
        """
        found = reason(password) or self._derived(password, [each for each in about if each])
        if found:
            message = f"password {found}"
            raise ValidationFailed(violations=(Violation.of_member("password", CODE, message),))
        return Acceptable(password)

    def _derived(self, password: str, about: list[str]) -> str | None:
        """Return why a password is too similar to public data of the account; ``None`` if it is not."""
        chosen = _letters_and_digits(password)
        known = {_letters_and_digits(each) for text in (*self._own, *about) for each in (text, *_words(text))}
        words = [word for word in known if len(word) >= FEW]
        is_derived = any((word in chosen and len(chosen) - len(word) <= FEW) or chosen in word for word in words)
        return DERIVED if is_derived and chosen else None


def reason(password: str) -> str | None:
    """Return why a password is too common for every user; ``None`` if it is not."""
    text = unicodedata.normalize("NFKC", password).casefold().strip()
    if _is_simple(text):
        return REPEATED
    bare = text.strip("0123456789!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ ")
    if _is_listed(text) or (bare and len(text) - len(bare) <= FEW and _is_listed(bare)):
        return LISTED
    period = next((size for size in range(1, len(text) // 2 + 1) if text == text[:size] * (len(text) // size)), 0)
    return (REPEATED if period <= PERIOD else LISTED if _is_listed(text[:period]) else None) if period else None


def _is_simple(text: str) -> bool:
    """Return whether a text is empty or consists of sequences: of one character, the alphabet, or the keyboard."""
    run, steps = 1, frozenset[int]()
    for one, next_ in pairwise(text):
        taken = _steps(one, next_)
        if run > 1:
            taken &= steps
        if taken:
            run, steps = run + 1, taken
        elif run < RUN:
            return False
        else:
            run = 1
    return not text or run >= RUN


def _steps(one: str, next_: str) -> frozenset[int]:
    """Return the steps between two characters: 0 is the same, 1 and -1 the alphabet, 2 and -2 the keyboard."""
    distance = ord(next_) - ord(one)
    steps = _ADJACENT.get(one + next_, frozenset())
    return steps | {distance} if -1 <= distance <= 1 else steps


def _letters_and_digits(text: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))


def _words(text: str) -> list[str]:
    return "".join(each if each.isalnum() else " " for each in text.partition("@")[0]).split()


def _is_listed(text: str) -> bool:
    return "\n" not in text and f"\n{text}\n" in _list()


@cache
def _list() -> str:
    """Return the list as one string. As a set, it would need ten times the memory in each worker."""
    return LIST.read_text(encoding="utf-8")
