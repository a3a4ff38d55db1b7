"""Length limits and hashing of passwords (argon2id, RFC 9106, with the parameters that OWASP recommends)."""

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
"""Characters (code points) of a password as the client sent it."""
TIME_COST: Final = 2
MEMORY_COST: Final = 19456
"""KiB."""


class Argon2Passwords:
    """Hashes and verifies passwords. A verification has the same cost with and without a stored hash.

    A password is normalized (NFC) first, because keyboards compose characters differently. One computation takes
    19 MiB and about 20 ms.

    Args:
        check: called before each computation; it may reject it. See ``app.resilience.hashing_share``.
    """

    def __init__(self, check: Callable[[], None] = lambda: None) -> None:
        self._check = check
        self._hasher = PasswordHasher(time_cost=TIME_COST, memory_cost=MEMORY_COST, parallelism=1)
        self._dummy_hash = _dummy_hash()

    def hash(self, password: Acceptable) -> str:
        """Return the hash of a password that the rules have accepted."""
        self._check()
        return self._hasher.hash(unicodedata.normalize("NFC", password))

    def verify(self, password_hash: str | None, password: str) -> bool:
        """Return whether the password matches the hash, with exactly one computation in every case.

        Args:
            password_hash: the stored hash; ``None`` if there is no such user.
            password: the string that the client sent. A password that is too long or too short never matches.
        """
        self._check()
        fits = MIN_LENGTH <= len(password) <= MAX_LENGTH
        expected = unicodedata.normalize("NFC", password) if fits else ""
        try:
            self._hasher.verify(password_hash if password_hash and fits else self._dummy_hash, expected)
        except VerifyMismatchError:
            return False
        return bool(password_hash and fits)


def _dummy_hash() -> str:
    """Return a random hash with the same parameters; no password matches it."""
    salt, digest = (base64.b64encode(os.urandom(size)).decode().rstrip("=") for size in (16, 32))
    return f"$argon2id$v=19$m={MEMORY_COST},t={TIME_COST},p=1${salt}${digest}"
