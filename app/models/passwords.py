"""Passwords: what they may be, and what is kept of them (argon2id, RFC 9106; parameters as OWASP recommends them)."""

import base64
import os
import unicodedata
from collections.abc import Callable
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from app.models.common_passwords import Acceptable

MIN_LENGTH: Final = 8
MAX_LENGTH: Final = 128
"""Characters, that is code points, of a password as it was sent."""
TIME_COST: Final = 2
MEMORY_COST: Final = 19456
"""KiB."""


class Argon2Passwords:
    """Hashes passwords, and verifies them at the same cost whatever there is to compare.

    A password is normalized (NFC) first, so that it does not depend on the keyboard. One computation takes 19 MiB and
    some 20 ms.

    Args:
        check: is called before each, and may refuse it; see ``app.resilience.hashing_share``.
    """

    def __init__(self, check: Callable[[], None] = lambda: None) -> None:
        self._check = check
        self._hasher = PasswordHasher(time_cost=TIME_COST, memory_cost=MEMORY_COST, parallelism=1)
        self._of_nobody = _dummy_hash()

    def hash(self, password: Acceptable) -> str:
        """Return what is kept of a password that the rules have accepted."""
        self._check()
        return self._hasher.hash(unicodedata.normalize("NFC", password))

    def verify(self, password_hash: str | None, password: str) -> bool:
        """Tell whether this is the password of which that was kept, by exactly one computation.

        Args:
            password_hash: ``None`` where there is nobody whose password it could be.
            password: whatever was sent; none that is too long is looked at.
        """
        self._check()
        fits = MIN_LENGTH <= len(password) <= MAX_LENGTH
        expected = unicodedata.normalize("NFC", password) if fits else ""
        try:
            self._hasher.verify(password_hash if password_hash and fits else self._of_nobody, expected)
        except VerifyMismatchError:
            return False
        return bool(password_hash and fits)


def _dummy_hash() -> str:
    """Return what is kept of a password that nobody knows: a random hash of it, with the same parameters."""
    salt, made = (base64.b64encode(os.urandom(size)).decode().rstrip("=") for size in (16, 32))
    return f"$argon2id$v=19$m={MEMORY_COST},t={TIME_COST},p=1${salt}${made}"
