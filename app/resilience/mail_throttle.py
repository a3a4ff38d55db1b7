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

MAILS: Final = 5
"""Mails per purpose and address that are sent at once within the hour."""
WITHIN: Final = timedelta(hours=1)
PAUSE: Final = timedelta(minutes=1)
"""How long the first mail beyond that waits at most; each further one waits twice as long, up to 16 minutes."""
DOUBLINGS: Final = 4


class Purpose(StrEnum):
    """What was requested, whether or not there is an account: a budget must not depend on that."""

    REGISTRATION = "registration"
    PASSWORD_RESET = "password_reset"  # noqa: S105 -- not a password


class Postage:
    """Counts mails by purpose and address, in windows that outlive the request."""

    def __init__(self, windows: RateLimitStore) -> None:
        self._windows = windows

    def delay(self, purpose: Purpose, address: str) -> timedelta:
        """Count a request for a mail, and return how long the mail has to wait.

        All that are put off together are due at the same moment; of these, the newest is sent.
        """
        key = hashlib.sha256(f"{purpose} {address}".encode()).hexdigest()
        hour = round(WITHIN.total_seconds())
        if self._windows.hit(f"mail:{key}", seconds=hour).hits <= MAILS:
            return timedelta(0)
        doublings = min(self._windows.peek(f"mail-late:{key}").hits, DOUBLINGS)
        pause = self._windows.hit(f"mail-pause:{key}", seconds=round(PAUSE.total_seconds()) * 2**doublings)
        if pause.hits == 1:
            self._windows.hit(f"mail-late:{key}", seconds=hour)
        return timedelta(seconds=pause.left)
