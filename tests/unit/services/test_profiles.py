"""The use case of profiles, with dependencies that do as they are told."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

import pytest

from app.clients.users import RemoteUser
from app.context import Principal
from app.errs import Error
from app.errs.access import InvalidToken
from app.errs.platform import DeadlineExceeded, ExternalServiceError, ServiceUnavailable
from app.errs.users import NotThisUser, UserNotFound
from app.models.preferences import DEFAULTS, NewPreferences
from app.resilience.stale_cache import StaleCache
from app.services.profiles import Cache, Degraded, ProfileService, local, remote
from tests.fakes.monotonic import FakeMonotonic

LATE: Final = DeadlineExceeded(budget_ms=800, spent_in="users")
DARK: Final = NewPreferences(locale="de", time_zone="UTC", theme="dark")
NOON: Final = datetime(2026, 11, 28, 12, tzinfo=UTC)


def a_user(user_id: UUID) -> RemoteUser:
    """Return a user."""
    return RemoteUser(id=user_id, name="Alice", email="a@example.com", scopes=[], create_time=NOON, update_time=NOON)


@dataclass
class Others:
    """What the dependencies answer, or raise."""

    user: Error | None = None
    preferences: Error | None = None
    asked: int = 0
    told: list[Degraded] = field(default_factory=list)

    def get_user(self, user_id: UUID) -> RemoteUser:
        """Return the user, or fail."""
        self.asked += 1
        if self.user:
            raise self.user
        return a_user(user_id)

    def get_preferences(self, _user_id: UUID) -> NewPreferences:
        """Return preferences, or fail."""
        if self.preferences:
            raise self.preferences
        return DARK


@pytest.fixture
def others() -> Others:
    """Return dependencies that are well."""
    return Others()


@pytest.fixture
def monotonic() -> FakeMonotonic:
    """Return a clock."""
    return FakeMonotonic()


@pytest.fixture
def profiles(others: Others, monotonic: FakeMonotonic) -> ProfileService:
    """Return the service, one of whose dependencies is another instance."""
    copies: Cache = StaleCache(lifetime=timedelta(minutes=5), monotonic=monotonic)
    users, preferences = remote("users", others.get_user), local(others.get_preferences)
    return ProfileService(users=users, preferences=preferences, cache=copies, hooks=(others.told.append,))


@pytest.fixture
def me() -> Principal:
    """Return somebody with an account."""
    return Principal(str(uuid4()), frozenset())


@pytest.fixture
def get(profiles: ProfileService, me: Principal) -> Callable[[], list[str]]:
    """Return what gets the profile, and returns why it is degraded."""
    return lambda: profiles.get(UUID(me.id), by=me).degraded_reasons


Get = Callable[[], list[str]]


class TestGet:
    def test_ok(self, profiles: ProfileService, me: Principal, others: Others) -> None:
        profile = profiles.get(UUID(me.id), by=me)
        assert (profile.user, profile.preferences) == (a_user(UUID(me.id)), DARK)
        assert (profile.degraded, profile.degraded_reasons, others.told) == (False, [], [])

    def test_preferences_can_be_done_without(self, profiles: ProfileService, me: Principal, others: Others) -> None:
        others.preferences = ServiceUnavailable(retry_after=1)
        profile = profiles.get(UUID(me.id), by=me)
        assert (profile.preferences, profile.degraded_reasons) == (DEFAULTS, ["preferences: unreachable"])
        assert others.told == [Degraded(profile.degradations[0], others.preferences)]

    @pytest.mark.parametrize(
        ("error", "reason"),
        [
            (LATE, "timed out"),
            (ServiceUnavailable(), "unreachable"),
            (ServiceUnavailable(breaker="users", state="open"), "breaker open"),
            (ExternalServiceError(), "no usable answer"),
        ],
    )
    def test_a_copy_of_the_user_stands_in(self, get: Get, others: Others, error: Error, reason: str) -> None:
        get()
        others.user = error
        assert get() == [f"user: {reason}"]

    def test_for_five_minutes(self, get: Get, others: Others, monotonic: FakeMonotonic) -> None:
        get()
        others.user = LATE
        monotonic.sleep(299)
        assert get() == ["user: timed out"]
        monotonic.sleep(2)
        with pytest.raises(DeadlineExceeded):
            get()

    @pytest.mark.parametrize("error", [UserNotFound(), NotThisUser(), InvalidToken(description="no")])
    def test_a_refusal_is_passed_on_and_ends_the_copy(self, get: Get, others: Others, error: Error) -> None:
        get()
        others.user = error
        with pytest.raises(type(error)):
            get()
        others.user = LATE
        with pytest.raises(DeadlineExceeded):
            get()

    def test_without_a_copy_the_failure_is_passed_on(self, get: Get, others: Others) -> None:
        others.user = ExternalServiceError()
        with pytest.raises(ExternalServiceError):
            get()

    def test_somebody_else_is_refused_before_anybody_is_asked(
        self, profiles: ProfileService, me: Principal, others: Others
    ) -> None:
        with pytest.raises(NotThisUser):
            profiles.get(uuid4(), by=me)
        assert others.asked == 0

    def test_a_copy_is_of_whom_it_was_shown_to(self, profiles: ProfileService, me: Principal, others: Others) -> None:
        """With other rights, one is somebody else."""
        profiles.get(UUID(me.id), by=Principal("root", frozenset({"admin"})))
        profiles.get(UUID(me.id), by=Principal(me.id, frozenset({"tasks"})))
        others.user = LATE
        with pytest.raises(DeadlineExceeded):
            profiles.get(UUID(me.id), by=me)
