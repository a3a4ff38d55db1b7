"""Bounds the mails that an address is sent because somebody asked for them, who may be anybody."""

import hashlib
from datetime import timedelta
from typing import Final

from app.resilience.windows import Windows

MAILS: Final = 5
WITHIN: Final = timedelta(hours=1)


class Postage:
    """Counts mails by address, in windows that outlive the request."""

    def __init__(self, windows: Windows) -> None:
        self._windows = windows

    def allows(self, address: str) -> bool:
        """Count a mail, and tell whether it may be sent."""
        key = hashlib.sha256(address.encode()).hexdigest()
        return self._windows.hit(f"mail:{key}", seconds=round(WITHIN.total_seconds())).hits <= MAILS
