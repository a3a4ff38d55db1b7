"""A limit on emails per address: any client can request them, whether or not the address is theirs.

Each purpose has its own budget: registrations do not use up the budget of password resets. Over the budget an email is
delayed, not dropped, and the newest request replaces the waiting one. The owner of the address therefore gets the
email, however many clients request one, and is not flooded.
"""

import hashlib
from datetime import timedelta
from enum import StrEnum
from typing import Final

from app.resilience.in_memory_rate_limit_store import RateLimitStore

MAILS_PER_WINDOW: Final = 5
"""Emails per purpose and address that are sent immediately within an hour."""
WINDOW: Final = timedelta(hours=1)
FIRST_DELAY: Final = timedelta(minutes=1)
"""The maximum delay of the first email over the budget; each further one waits twice as long, up to 16 minutes."""
MAX_DOUBLINGS: Final = 4


class Purpose(StrEnum):
    """The purpose of an email, whether or not there is an account: a budget must not depend on that."""

    REGISTRATION = "registration"
    PASSWORD_RESET = "password_reset"  # noqa: S105 -- not a password


class MailThrottle:
    """Counts emails per purpose and address, in windows that outlive the request."""

    def __init__(self, rate_limits: RateLimitStore) -> None:
        self._rate_limits = rate_limits

    def delay(self, purpose: Purpose, address: str) -> timedelta:
        """Count a request for an email, and return the delay of the email.

        All delayed emails of one period are due at the same time; only the newest is sent.
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
