"""Erasure of a person's data from all tables: rows are deleted, or kept without the person.

docs/policies/data-protection.md explains the decision for each table. ``tests/api/test_erasure.py`` fails if a table
has none.
"""

from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Text, cast, delete, func, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.models.declarative_base import Base
from app.models.failed_requests import Failure
from app.models.idempotency import StoredResponse
from app.models.jobs import Job
from app.models.logger import StoredLoggerSettings
from app.models.movies import Movie
from app.models.orders import Order
from app.models.preferences import Preferences
from app.models.tasks import Task
from app.models.users import DELETED_USER_ID, PasswordReset, Registration

ERASED: Final = str(DELETED_USER_ID)
"""The placeholder for an erased person. No user has this ID, and no token is issued for it."""


class ErasureRepository:
    """Erases a user's data, inside a unit of work. The user's own row and sessions belong to other repositories."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def erase(self, user_id: UUID, *, email: str | None, most: int, failures: bool = True) -> bool:
        """Erase all rows in small tables, and a limited number in each large one. Return whether some may remain.

        Args:
            user_id: the user, also as the subject of tokens.
            email: the user's email address; ``None`` if it has already been erased.
            most: the maximum number of rows in each large table.
            failures: whether to search all stored failed requests, which has no index.
        """
        subject = str(user_id)
        self._delete(Preferences, Preferences.user_id == user_id)
        self._delete(PasswordReset, PasswordReset.user_id == user_id)
        self._delete(StoredResponse, StoredResponse.owner == subject)
        if failures:
            self._delete(Failure, *_mentions(subject, email))
        if email is not None:
            self._delete(Registration, Registration.email == email)
            self._delete(Job, Job.payload["to"].as_string() == email)
        self._replace(StoredLoggerSettings.updated_by, StoredLoggerSettings.id, subject, most)
        return any(
            [
                self._delete_some(Task.created_by, Task.id, subject, most),
                self._replace(Order.customer_id, Order.id, subject, most),
                self._replace(Movie.create_username, Movie.id, subject, most),
                self._replace(Movie.update_username, Movie.id, subject, most),
            ]
        )

    def _delete(self, kind: type[Base], *alternatives: ColumnElement[bool]) -> None:
        self._session.execute(delete(kind).where(or_(*alternatives)).execution_options(synchronize_session=False))

    def _delete_some(
        self, owner: InstrumentedAttribute[str], key: InstrumentedAttribute[UUID], subject: str, most: int
    ) -> bool:
        some = select(key).where(owner == subject).limit(most)
        done = delete(owner.class_).where(key.in_(some)).returning(key).execution_options(synchronize_session=False)
        return len(self._session.scalars(done).all()) == most

    def _replace(
        self,
        owner: InstrumentedAttribute[str],
        key: InstrumentedAttribute[UUID] | InstrumentedAttribute[int],
        subject: str,
        most: int,
    ) -> bool:
        some, table = select(key).where(owner == subject).limit(most), owner.class_.__table__
        values: dict[Any, Any] = {owner: ERASED}
        if "version" in table.columns:  # the representation changes, therefore the ETag must change
            values[table.columns["version"]] = table.columns["version"] + 1
        statement = update(owner.class_).where(key.in_(some)).values(values).returning(key)
        return len(self._session.scalars(statement.execution_options(synchronize_session=False)).all()) == most


def _mentions(subject: str, email: str | None) -> list[ColumnElement[bool]]:
    """Return the conditions for stored failed requests that were sent by this person or mention them."""
    texts = [each for each in (subject, email) if each]
    return [func.strpos(cast(Failure.said, Text), each) > 0 for each in texts]
