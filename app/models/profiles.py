"""A profile: what two dependencies say of a user, or what there is in their place."""

from dataclasses import dataclass
from enum import StrEnum

from app.models.preferences import PreferencesView
from app.models.users import PublicUser


class DegradationReason(StrEnum):
    """Why an answer is given without the help of a dependency."""

    BREAKER_OPEN = "breaker open"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed out"
    NO_USABLE_ANSWER = "no usable answer"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Degradation:
    """A dependency that did not help, and why."""

    dependency: str
    reason: DegradationReason

    @property
    def field(self) -> str:
        """Return what a header field says of it: ``preferences;reason=breaker-open``."""
        return f"{self.dependency};reason={self.reason.replace(' ', '-')}"

    def __str__(self) -> str:
        """Return what the body says of it: ``preferences: breaker open``."""
        return f"{self.dependency}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Profile:
    """A user and what the user prefers."""

    user: PublicUser
    preferences: PreferencesView
    degradations: tuple[Degradation, ...] = ()

    @property
    def degraded(self) -> bool:
        """Tell whether a part of it is not what it would be."""
        return bool(self.degradations)

    @property
    def degraded_reasons(self) -> list[str]:
        """Return which, and why."""
        return [str(each) for each in self.degradations]
