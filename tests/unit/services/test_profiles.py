"""The use case of profiles, with dependencies that the test controls."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

import pytest

from app.clients.remote_users import RemoteUser
from app.errs import Error
from app.errs.access import InvalidToken
from app.errs.platform import DeadlineExceeded, ExternalServiceError, ServiceUnavailable
from app.errs.users import NotThisUser, UserNotFound
from app.models.preferences import DEFAULTS, NewPreferences
from app.request_context import Principal
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
    """The results or errors of the dependencies."""

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
    """Return dependencies that work."""
    return Others()


@pytest.fixture
def monotonic() -> FakeMonotonic:
    """Return a clock."""
    return FakeMonotonic()


@pytest.fixture
def profiles(others: Others, monotonic: FakeMonotonic) -> ProfileService:
    """Return the service, with another instance as one of its dependencies."""
    copies: Cache = StaleCache(lifetime=timedelta(minutes=5), monotonic=monotonic)
    users, preferences = remote("users", others.get_user), local(others.get_preferences)
    return ProfileService(users=users, preferences=preferences, cache=copies, hooks=(others.told.append,))


@pytest.fixture
def me() -> Principal:
    """Return a user with an account."""
    return Principal(str(uuid4()), frozenset())


@pytest.fixture
def get(profiles: ProfileService, me: Principal) -> Callable[[], list[str]]:
    """Return a function that gets the profile and returns why it is degraded."""
    return lambda: profiles.get(UUID(me.id), by=me).degraded_reasons


Get = Callable[[], list[str]]


class TestGet:
    def test_ok(self, profiles: ProfileService, me: Principal, others: Others) -> None:
        profile = profiles.get(UUID(me.id), by=me)
        assert (profile.user, profile.preferences) == (a_user(UUID(me.id)), DARK)
        assert (profile.degraded, profile.degraded_reasons, others.told) == (False, [], [])

    def test_a_profile_without_preferences_is_returned(
        self, profiles: ProfileService, me: Principal, others: Others
    ) -> None:
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
    def test_a_copy_of_the_user_is_returned_during_an_outage(
        self, get: Get, others: Others, error: Error, reason: str
    ) -> None:
        get()
        others.user = error
        assert get() == [f"user: {reason}"]

    def test_a_copy_is_valid_for_five_minutes(self, get: Get, others: Others, monotonic: FakeMonotonic) -> None:
        get()
        others.user = LATE
        monotonic.sleep(299)
        assert get() == ["user: timed out"]
        monotonic.sleep(2)
        with pytest.raises(DeadlineExceeded):
            get()

    @pytest.mark.parametrize("error", [UserNotFound(), NotThisUser(), InvalidToken(description="no")])
    def test_a_rejection_is_passed_on_and_deletes_the_copy(self, get: Get, others: Others, error: Error) -> None:
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

    def test_another_user_s_profile_is_rejected_before_any_call(
        self, profiles: ProfileService, me: Principal, others: Others
    ) -> None:
        with pytest.raises(NotThisUser):
            profiles.get(uuid4(), by=me)
        assert others.asked == 0

    def test_a_copy_is_only_returned_to_the_caller_who_got_the_original(
        self, profiles: ProfileService, me: Principal, others: Others
    ) -> None:
        """A caller with other scopes counts as another caller."""
        profiles.get(UUID(me.id), by=Principal("root", frozenset({"admin"})))
        profiles.get(UUID(me.id), by=Principal(me.id, frozenset({"tasks"})))
        others.user = LATE
        with pytest.raises(DeadlineExceeded):
            profiles.get(UUID(me.id), by=me)
