"""Bounds the guesses at the password of one account, whoever makes them and whether or not there is such an account.

They are guesses at one password: whoever has set another by mail begins anew, so that nobody is kept out for ever.
"""

import hashlib
from datetime import timedelta
from typing import Final

from app.errs.platform import RateLimitExceeded
from app.resilience.windows import Windows

ATTEMPTS: Final = 10
WITHIN: Final = timedelta(minutes=15)


class Attempts:
    """Counts attempts by address and by what is kept of the password."""

    def __init__(self, windows: Windows) -> None:
        self._windows = windows

    def count(self, address: str, password_hash: str | None) -> None:
        """Count one.

        Raises:
            RateLimitExceeded: there were too many.
        """
        key, seconds = hashlib.sha256(f"{address} {password_hash}".encode()).hexdigest(), round(WITHIN.total_seconds())
        window = self._windows.hit(f"attempts:{key}", seconds=seconds)
        if window.hits > ATTEMPTS:
            left = min(max(1, round(window.left)), seconds)
            raise RateLimitExceeded(limit=ATTEMPTS, window_seconds=seconds, retry_after=left)
