"""Profiles, combined from two dependencies, with fallbacks if one of them fails."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar
from uuid import UUID

from app.errs import Error, Kind, raises
from app.errs.access import InvalidToken
from app.errs.platform import ExternalServiceError
from app.errs.users import NotThisUser, UserNotFound
from app.models.preferences import DEFAULTS, PreferencesView
from app.models.profiles import Degradation, DegradationReason, Profile
from app.models.users import PublicUser, check_is_caller
from app.request_context import Principal
from app.resilience.background_work import run_in_background
from app.resilience.event_dispatch import notify
from app.resilience.stale_cache import StaleCache

T = TypeVar("T")
Source = Callable[[UUID], Callable[[], T]]
"""Starts to read the data of a user, and returns a function that waits for the result."""
Cache = StaleCache[tuple[UUID, Principal], PublicUser]
"""Users by ID and by the principal that was allowed to read them. Only that principal gets the cached copy."""

REASONS: Final = {
    Kind.UNAVAILABLE: DegradationReason.UNREACHABLE,
    Kind.DEADLINE: DegradationReason.TIMED_OUT,
    Kind.EXTERNAL: DegradationReason.NO_USABLE_ANSWER,
}
"""Kinds of errors that mean that a dependency is unavailable. All others are results about the user."""


@dataclass(frozen=True, slots=True)
class Degraded:
    """The event that a profile was returned without a dependency."""

    degradation: Degradation
    error: Error


def local(get: Callable[[UUID], T]) -> Source[T]:
    """Return a source that reads in the thread and on the connection of the request, when the result is waited for."""
    return lambda user_id: partial(get, user_id)


def remote(name: str, get: Callable[[UUID], T]) -> Source[T]:
    """Return a source that starts the call immediately, in a separate thread."""
    return lambda user_id: run_in_background(partial(get, user_id), name=name).result


class ProfileService:
    """The operation on profiles. Users have access to their own, admins to all.

    A profile requires the user; if there is a ``cache``, a cached copy can replace it. Preferences are optional: the
    defaults replace them.
    """

    def __init__(
        self,
        *,
        users: Source[PublicUser],
        preferences: Source[PreferencesView],
        cache: Cache | None = None,
        hooks: tuple[Callable[[Degraded], None], ...] = (),
    ) -> None:
        self._users, self._preferences = users, preferences
        self._cache, self._hooks = cache, hooks

    @raises(UserNotFound, NotThisUser, InvalidToken, ExternalServiceError)
    def get(self, user_id: UUID, *, by: Principal) -> Profile:
        """Return a profile. Both dependencies are called concurrently."""
        check_is_caller(user_id, by)
        user, preferences = self._users(user_id), self._preferences(user_id)
        failed: list[Degradation] = []
        found = self._found(user, (user_id, by), failed)
        preferred = self._preferences_or_default(preferences, failed)
        return Profile(found, preferred, tuple(failed))

    def _found(
        self, wait: Callable[[], PublicUser], key: tuple[UUID, Principal], failed: list[Degradation]
    ) -> PublicUser:
        try:
            user = wait()
        except Error as error:
            copy = self._cached(key, error)
            if copy is None:
                raise
            self._report("user", error, failed)
            return copy
        if self._cache is not None:
            self._cache.put(key, user)
        return user

    def _cached(self, key: tuple[UUID, Principal], error: Error) -> PublicUser | None:
        """Return the cached copy. If the error denies access or means that the user does not exist, delete the copy."""
        if self._cache is None:
            return None
        if error.kind not in REASONS:
            self._cache.delete(key)
        return self._cache.get(key)

    def _preferences_or_default(
        self, wait: Callable[[], PreferencesView], failed: list[Degradation]
    ) -> PreferencesView:
        try:
            return wait()
        except Error as error:
            self._report("preferences", error, failed)
            return DEFAULTS

    def _report(self, dependency: str, error: Error, failed: list[Degradation]) -> None:
        is_open = "breaker" in error.facts
        reason = DegradationReason.BREAKER_OPEN if is_open else REASONS.get(error.kind, DegradationReason.REFUSED)
        failed.append(Degradation(dependency, reason))
        notify(self._hooks, Degraded(failed[-1], error))
