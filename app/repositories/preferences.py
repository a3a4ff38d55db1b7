"""The preferences of users."""

from typing import Final, cast
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from app.errs.users import UserNotFound
from app.models.preferences import DEFAULTS, Preferences, PreferencesView
from app.models.users import User
from app.repositories.autocommit_reads import Reads
from app.repositories.compiled_statement import CompiledStatement

COLUMNS: Final = tuple(column for column in Preferences.__table__.columns if column.key != "user_id")
OF_USER: Final = CompiledStatement(
    select(*COLUMNS)
    .select_from(User.__table__.outerjoin(Preferences.__table__))
    .where(User.id == bindparam("of"), User.delete_time.is_(None))
)


class PreferencesReads:
    """Reads preferences as rows of columns."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    def get(self, user_id: UUID) -> PreferencesView:
        """Return the preferences of a user; without stored ones, the defaults.

        Raises:
            UserNotFound: there is no such user.
        """
        row = self._reads.first(OF_USER, of=user_id)
        if row is None:
            raise UserNotFound
        return DEFAULTS if row.version is None else cast("PreferencesView", row)


class PreferencesRepository:
    """Preferences as entities, inside a unit of work. The lock on the user protects them, too."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, user_id: UUID) -> Preferences | None:
        """Return the stored preferences of a user, if any."""
        return self._session.get(Preferences, user_id, populate_existing=True)

    def add(self, preferences: Preferences) -> None:
        """Store the preferences."""
        self._session.add(preferences)
        self._session.flush()
