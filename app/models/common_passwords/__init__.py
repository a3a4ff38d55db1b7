"""Passwords that are guessed first, and so accepted for nobody (NIST SP 800-63B, section 5.1.1.2).

That is: those of a list shipped with the code, also with a few digits or signs around them; what repeats or counts up a
few characters; and what is derived from the address, from the name, or from the name of the service.
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
"""A password that ``PasswordRules`` has accepted: nothing else is hashed."""

CODE: Final = "TOO_COMMON"
LIST: Final = Path(__file__).parent / "list.txt"
FEW: Final = 4
"""Characters that make no other password of a common one, or of a name."""
RUN: Final = 3
"""The shortest row of characters that counts as a sequence, such as ``abc`` or ``111``."""
PERIOD: Final = 3
"""The most characters whose repetition is no password, such as ``abcabcabc``."""
ROWS: Final = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "azertyuiop", "1234567890", "йцукенгшщзхъ")
"""Keys beside one another."""
_PAIRS: Final = [pair for row in ROWS for pair in pairwise(row)]
_BESIDE: Final = {one + next_: frozenset({2}) for one, next_ in _PAIRS} | {
    next_ + one: frozenset({-2}) for one, next_ in _PAIRS
}
LISTED: Final = "is one of the passwords that are guessed first"
REPEATED: Final = "repeats or counts up a few characters"
DERIVED: Final = "is derived from the name, the address or the service"


class PasswordRules:
    """Accepts passwords for accounts of this service.

    Args:
        own: what the service is called, which is guessed first as well.
    """

    def __init__(self, own: Iterable[str] = (product.SLUG,)) -> None:
        self._own = tuple(own)

    def accept(self, password: str, *, about: Iterable[str | None]) -> Acceptable:
        """Return the password, if it may be somebody's.

        Args:
            password: what was chosen.
            about: what is known of who chooses: name and address.

        Raises:
            ValidationFailed: it is too common.
        """
        found = reason(password) or self._derived(password, [each for each in about if each])
        if found:
            message = f"password {found}"
            raise ValidationFailed(violations=(Violation.of_member("password", CODE, message),))
        return Acceptable(password)

    def _derived(self, password: str, about: list[str]) -> str | None:
        """Return why a password is too close to what everybody knows of the account."""
        chosen = _letters_and_digits(password)
        known = {_letters_and_digits(each) for text in (*self._own, *about) for each in (text, *_words(text))}
        words = [word for word in known if len(word) >= FEW]
        is_derived = any((word in chosen and len(chosen) - len(word) <= FEW) or chosen in word for word in words)
        return DERIVED if is_derived and chosen else None


def reason(password: str) -> str | None:
    """Return why a password is too common, whoever chooses it; ``None`` when it is not."""
    text = unicodedata.normalize("NFKC", password).casefold().strip()
    if _is_simple(text):
        return REPEATED
    bare = text.strip("0123456789!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ ")
    if _is_listed(text) or (bare and len(text) - len(bare) <= FEW and _is_listed(bare)):
        return LISTED
    period = next((size for size in range(1, len(text) // 2 + 1) if text == text[:size] * (len(text) // size)), 0)
    return (REPEATED if period <= PERIOD else LISTED if _is_listed(text[:period]) else None) if period else None


def _is_simple(text: str) -> bool:
    """Tell whether there is nothing, or nothing but rows: of one character, of the alphabet, or of the keyboard."""
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
    """Return how one character follows another: 0 is the same, 1 and -1 the alphabet, 2 and -2 the keyboard."""
    distance = ord(next_) - ord(one)
    steps = _BESIDE.get(one + next_, frozenset())
    return steps | {distance} if -1 <= distance <= 1 else steps


def _letters_and_digits(text: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))


def _words(text: str) -> list[str]:
    return "".join(each if each.isalnum() else " " for each in text.partition("@")[0]).split()


def _is_listed(text: str) -> bool:
    return "\n" not in text and f"\n{text}\n" in _list()


@cache
def _list() -> str:
    """Return the list as one text: as a set, it would take ten times the memory of each worker."""
    return LIST.read_text(encoding="utf-8")
