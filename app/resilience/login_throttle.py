"""Bounds the guesses at the password of one account from one client network, whether or not there is such an account.

By account and network, because a limit by account alone lets any stranger keep the owner out. Nothing sleeps: a guess
too many is refused before anything is hashed. Guesses in a live session are counted apart, so that no stranger locks
one. They are guesses at one password: whoever has set another one by mail begins anew.
"""

import hashlib
from datetime import timedelta
from typing import Final
from uuid import UUID

from app.errs.platform import RateLimitExceeded
from app.resilience.rate_limit_store import RateLimitStore

MAX_ATTEMPTS: Final = 10
WINDOW: Final = timedelta(minutes=15)


class LoginThrottle:
    """Counts attempts by account, by client network, and by what is kept of the password."""

    def __init__(self, rate_limits: RateLimitStore) -> None:
        self._rate_limits = rate_limits

    def count_login(self, address: str, password_hash: str | None, *, network: str) -> None:
        """Count an attempt to log in.

        Args:
            address: of the account, which need not exist.
            password_hash: what is kept of its password.
            network: where the attempt comes from; see ``app.wire.client_addresses.network_of``.

        Raises:
            RateLimitExceeded: there were too many.
        """
        self._count("attempts", f"{address} {password_hash} {network}")

    def count_password_check(self, user_id: UUID, password_hash: str | None, *, network: str) -> None:
        """Count an attempt at the password of the caller, in a live session; see ``count_login``.

        Raises:
            RateLimitExceeded: there were too many.
        """
        self._count("own-attempts", f"{user_id} {password_hash} {network}")

    def _count(self, kind: str, what: str) -> None:
        key, seconds = hashlib.sha256(what.encode()).hexdigest(), round(WINDOW.total_seconds())
        window = self._rate_limits.increment(f"{kind}:{key}", seconds=seconds)
        if window.hits > MAX_ATTEMPTS:
            left = min(max(1, round(window.seconds_left)), seconds)
            raise RateLimitExceeded(limit=MAX_ATTEMPTS, window_seconds=seconds, retry_after=left)
