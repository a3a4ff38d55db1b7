"""The clock as an injected dependency."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Returns the time."""

    def now(self) -> datetime:
        """Return the current time, in UTC."""
        ...


class SystemClock:
    """The system clock."""

    def now(self) -> datetime:
        """Return the current time, in UTC."""
        return datetime.now(UTC)
