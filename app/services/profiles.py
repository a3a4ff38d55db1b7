"""What can be done with profiles, whatever becomes of the dependencies that they are made of."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar
from uuid import UUID

from app.context import Principal
from app.errs import Error, Kind, raises
from app.errs.access import InvalidToken
from app.errs.platform import ExternalServiceError
from app.errs.users import NotThisUser, UserNotFound
from app.models.preferences import DEFAULTS, PreferencesView
from app.models.profiles import Degradation, DegradationReason, Profile
from app.models.users import PublicUser, check_is_caller
from app.resilience.background_thread import run_in_background
from app.resilience.events import notify
from app.resilience.stale_cache import StaleCache

T = TypeVar("T")
Source = Callable[[UUID], Callable[[], T]]
"""Begins to get what there is of a user, and returns what waits for it."""
Cache = StaleCache[tuple[UUID, Principal], PublicUser]
"""Users by id and by who was allowed to see them: nobody else is shown the copy."""

REASONS: Final = {
    Kind.UNAVAILABLE: DegradationReason.UNREACHABLE,
    Kind.DEADLINE: DegradationReason.TIMED_OUT,
    Kind.EXTERNAL: DegradationReason.NO_USABLE_ANSWER,
}
"""Kinds that say nothing about the user, but that there is no telling just now."""


@dataclass(frozen=True, slots=True)
class Degraded:
    """A profile was made without the help of a dependency."""

    degradation: Degradation
    error: Error


def local(get: Callable[[UUID], T]) -> Source[T]:
    """Return a source that reads in the request's own thread, and so on its connection, once it is waited for."""
    return lambda user_id: partial(get, user_id)


def remote(name: str, get: Callable[[UUID], T]) -> Source[T]:
    """Return a source that asks in a thread of its own, from the beginning."""
    return lambda user_id: run_in_background(partial(get, user_id), name=name).result


class ProfileService:
    """The use case of profiles: everybody's own, and to an admin anybody's.

    Without the user there is no profile, but a copy may stand in, if there are ``copies``. Preferences can be done
    without.
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
        """Return a profile; both dependencies are asked at the same time."""
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
        """Return the copy that may stand in; there is none any more of what is refused, or does not exist."""
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
        is_left_alone = "breaker" in error.facts
        reason = DegradationReason.BREAKER_OPEN if is_left_alone else REASONS.get(error.kind, DegradationReason.REFUSED)
        failed.append(Degradation(dependency, reason))
        notify(self._hooks, Degraded(failed[-1], error))
