"""Operations on preferences."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol
from uuid import UUID

from app.errs import raises
from app.errs.requests import PreconditionFailed, PreconditionRequired
from app.errs.users import NotThisUser, UserNotFound
from app.models.precondition import NO_PRECONDITION, Precondition
from app.models.preferences import NewPreferences, Preferences, PreferencesView, revision
from app.models.users import User, check_is_caller
from app.request_context import Principal
from app.resilience.transaction_retry import transaction


class PreferencesReads(Protocol):
    """Preferences as rows; see ``app.repositories.preferences``."""

    def get(self, user_id: UUID) -> PreferencesView: ...  # noqa: D102


class PreferencesCollection(Protocol):
    """Preferences as entities; see ``app.repositories.preferences``."""

    def find(self, user_id: UUID) -> Preferences | None: ...  # noqa: D102
    def add(self, preferences: Preferences) -> None: ...  # noqa: D102


class UserCollection(Protocol):
    """Users as entities; see ``app.repositories.users``."""

    def get(self, user_id: UUID) -> User: ...  # noqa: D102


class Unit(Protocol):
    """One transaction."""

    @property
    def preferences(self) -> PreferencesCollection: ...  # noqa: D102
    @property
    def users(self) -> UserCollection: ...  # noqa: D102
    def commit(self) -> None: ...  # noqa: D102


class PreferencesService:
    """The operations on preferences. Users have access to their own, admins to all."""

    def __init__(self, *, reads: PreferencesReads, unit_of_work: Callable[[], AbstractContextManager[Unit]]) -> None:
        self._reads = reads
        self._unit_of_work = unit_of_work

    @raises(UserNotFound, NotThisUser, PreconditionFailed)
    def get(self, user_id: UUID, *, by: Principal, precondition: Precondition = NO_PRECONDITION) -> PreferencesView:
        """Return the preferences of a user; without stored ones, the defaults in version 0."""
        check_is_caller(user_id, by)
        preferences = self._reads.get(user_id)
        precondition.check(revision(preferences))
        return preferences

    @raises(UserNotFound, NotThisUser, PreconditionRequired, PreconditionFailed)
    @transaction
    def replace(
        self, user_id: UUID, new: NewPreferences, *, by: Principal, precondition: Precondition
    ) -> PreferencesView:
        """Replace the preferences of a user, or the defaults."""
        check_is_caller(user_id, by)
        with self._unit_of_work() as unit:
            user = unit.users.get(user_id)
            preferences = unit.preferences.find(user.id) or Preferences.of(user.id)
            precondition.check(revision(preferences))
            preferences.replace(new)
            unit.preferences.add(preferences)
            unit.commit()
        return preferences
