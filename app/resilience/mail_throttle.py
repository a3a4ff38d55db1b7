"""Bounds the mails that an address is sent because somebody requested them, who may be anybody.

Each purpose has a budget of its own: what a stranger spends on registrations is not missing for a password reset.
Beyond the budget a mail is put off, not dropped, and the newest request supersedes the one that still waits: so the
owner of the address gets the mail, however many strangers request one, and is not flooded either.
"""

import hashlib
from datetime import timedelta
from enum import StrEnum
from typing import Final

from app.resilience.rate_limit_store import RateLimitStore

MAILS_PER_WINDOW: Final = 5
"""Mails per purpose and address that are sent at once within the hour."""
WINDOW: Final = timedelta(hours=1)
FIRST_DELAY: Final = timedelta(minutes=1)
"""How long the first mail beyond that waits at most; each further one waits twice as long, up to 16 minutes."""
MAX_DOUBLINGS: Final = 4


class Purpose(StrEnum):
    """What was requested, whether or not there is an account: a budget must not depend on that."""

    REGISTRATION = "registration"
    PASSWORD_RESET = "password_reset"  # noqa: S105 -- not a password


class MailThrottle:
    """Counts mails by purpose and address, in windows that outlive the request."""

    def __init__(self, rate_limits: RateLimitStore) -> None:
        self._rate_limits = rate_limits

    def delay(self, purpose: Purpose, address: str) -> timedelta:
        """Count a request for a mail, and return how long the mail has to wait.

        All that are put off together are due at the same moment; of these, the newest is sent.
        """
        key = hashlib.sha256(f"{purpose} {address}".encode()).hexdigest()
        hour = round(WINDOW.total_seconds())
        if self._rate_limits.increment(f"mail:{key}", seconds=hour).hits <= MAILS_PER_WINDOW:
            return timedelta(0)
        doublings = min(self._rate_limits.peek(f"mail-late:{key}").hits, MAX_DOUBLINGS)
        pause = self._rate_limits.increment(
            f"mail-pause:{key}", seconds=round(FIRST_DELAY.total_seconds()) * 2**doublings
        )
        if pause.hits == 1:
            self._rate_limits.increment(f"mail-late:{key}", seconds=hour)
        return timedelta(seconds=pause.seconds_left)
