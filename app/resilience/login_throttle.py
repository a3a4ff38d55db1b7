"""A limit on password attempts per account and client network, whether or not the account exists.

A limit per account alone would let an attacker lock the owner out. Nothing sleeps: an attempt over the limit is
rejected before anything is hashed. Attempts in an open session are counted separately. Login attempts of others
therefore do not block it. The counters depend on the password: a password reset by email starts new ones.
"""

import hashlib
from datetime import timedelta
from typing import Final
from uuid import UUID

from app.errs.platform import RateLimitExceeded
from app.resilience.in_memory_rate_limit_store import RateLimitStore

MAX_ATTEMPTS: Final = 10
WINDOW: Final = timedelta(minutes=15)


class LoginThrottle:
    """Counts attempts per account, client network and stored password hash."""

    def __init__(self, rate_limits: RateLimitStore) -> None:
        self._rate_limits = rate_limits

    def count_login(self, address: str, password_hash: str | None, *, network: str) -> None:
        """Count an attempt to log in.

        Args:
            address: the email address of the account, which need not exist.
            password_hash: the stored hash of its password.
            network: the client's network; see ``app.wire.client_addresses.network_of``.

        Raises:
            RateLimitExceeded: there were too many attempts.
        """
        self._count("attempts", f"{address} {password_hash} {network}")

    def count_password_check(self, user_id: UUID, password_hash: str | None, *, network: str) -> None:
        """Count an attempt at the caller's password in an open session; see ``count_login``.

        Raises:
            RateLimitExceeded: there were too many attempts.
        """
        self._count("own-attempts", f"{user_id} {password_hash} {network}")

    def _count(self, kind: str, what: str) -> None:
        key, seconds = hashlib.sha256(what.encode()).hexdigest(), round(WINDOW.total_seconds())
        window = self._rate_limits.increment(f"{kind}:{key}", seconds=seconds)
        if window.hits > MAX_ATTEMPTS:
            left = min(max(1, round(window.seconds_left)), seconds)
            raise RateLimitExceeded(limit=MAX_ATTEMPTS, window_seconds=seconds, retry_after=left)
