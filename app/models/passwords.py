"""Passwords: what they may be, and what is kept of them (argon2id, RFC 9106; parameters as OWASP recommends them)."""

import base64
import os
import unicodedata
from collections.abc import Callable
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from app.models.common_passwords import Acceptable

SHORTEST: Final = 8
LONGEST: Final = 128
"""Characters, that is code points, of a password as it was sent."""
TIME_COST: Final = 2
MEMORY_COST: Final = 19456
"""KiB."""


class Passwords:
    """Hashes passwords, and verifies them at the same cost whatever there is to compare.

    A password is normalized (NFC) first, so that it does not depend on the keyboard. One computation takes 19 MiB and
    some 20 ms.

    Args:
        check: is called before each, and may refuse it; see ``app.resilience.hashing_share``.
    """

    def __init__(self, check: Callable[[], None] = lambda: None) -> None:
        self._check = check
        self._hasher = PasswordHasher(time_cost=TIME_COST, memory_cost=MEMORY_COST, parallelism=1)
        self._of_nobody = _of_nobody()

    def hash(self, password: Acceptable) -> str:
        """Return what is kept of a password that the rules have accepted."""
        self._check()
        return self._hasher.hash(unicodedata.normalize("NFC", password))

    def verify(self, kept: str | None, password: str) -> bool:
        """Tell whether this is the password of which that was kept, by exactly one computation.

        Args:
            kept: ``None`` where there is nobody whose password it could be.
            password: whatever was sent; none that is too long is looked at.
        """
        self._check()
        fits = SHORTEST <= len(password) <= LONGEST
        said = unicodedata.normalize("NFC", password) if fits else ""
        try:
            self._hasher.verify(kept if kept and fits else self._of_nobody, said)
        except VerifyMismatchError:
            return False
        return bool(kept and fits)


def _of_nobody() -> str:
    """Return what is kept of a password that nobody knows: a random hash of it, with the same parameters."""
    salt, made = (base64.b64encode(os.urandom(size)).decode().rstrip("=") for size in (16, 32))
    return f"$argon2id$v=19$m={MEMORY_COST},t={TIME_COST},p=1${salt}${made}"
