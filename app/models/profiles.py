"""Profiles: data of two dependencies about a user, or fallbacks."""

from dataclasses import dataclass
from enum import StrEnum

from app.models.preferences import PreferencesView
from app.models.users import PublicUser


class DegradationReason(StrEnum):
    """The reason why a response does not contain current data of a dependency. Clients see the values."""

    BREAKER_OPEN = "breaker open"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed out"
    NO_USABLE_ANSWER = "no usable answer"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Degradation:
    """A failed dependency, and the reason."""

    dependency: str
    reason: DegradationReason

    @property
    def field(self) -> str:
        """Return its form in a header field: ``preferences;reason=breaker-open``."""
        return f"{self.dependency};reason={self.reason.replace(' ', '-')}"

    def __str__(self) -> str:
        """Return its form in the response body: ``preferences: breaker open``."""
        return f"{self.dependency}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Profile:
    """A user and the user's preferences."""

    user: PublicUser
    preferences: PreferencesView
    degradations: tuple[Degradation, ...] = ()

    @property
    def degraded(self) -> bool:
        """Return whether a part of the profile is a fallback."""
        return bool(self.degradations)

    @property
    def degraded_reasons(self) -> list[str]:
        """Return the failed dependencies and their reasons."""
        return [str(each) for each in self.degradations]
