"""A clock that is moved by hand."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass
class FakeClock:
    """Stands at noon of a winter's day until somebody moves it."""

    at: datetime = datetime(2026, 1, 31, 12, tzinfo=UTC)

    def now(self) -> datetime:
        """Return the present moment."""
        return self.at

    def advance(self, **by: float) -> None:
        """Let time pass: ``advance(seconds=5)``."""
        self.at += timedelta(**by)
