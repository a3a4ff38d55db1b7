"""A clock that tests set."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass
class FakeClock:
    """Shows noon of a day in winter until a test changes it."""

    at: datetime = datetime(2026, 1, 31, 12, tzinfo=UTC)

    def now(self) -> datetime:
        """Return the present moment."""
        return self.at

    def advance(self, **by: float) -> None:
        """Let time pass: ``advance(seconds=5)``."""
        self.at += timedelta(**by)
