"""Stored responses by scope, and the lock that allows one request at a time to use a scope."""

from datetime import datetime
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.models.idempotency import StoredResponse

DELETED_PER_RUN: Final = 10
"""The number of expired responses that each new one deletes. It is more than one, therefore the table stays small."""


class StoredResponseRepository:
    """The responses that can be replayed, inside a unit of work."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def lock(self, scope: str) -> bool:
        """Lock the scope until the transaction ends; ``False`` if another transaction holds it. A crash releases it."""
        return bool(self._session.scalar(select(func.pg_try_advisory_xact_lock(func.hashtextextended(scope, 0)))))

    def find(self, scope: str, *, now: datetime) -> StoredResponse | None:
        """Return the unexpired response of the scope, if any."""
        return self._session.scalar(
            select(StoredResponse).where(StoredResponse.scope == scope, StoredResponse.expire_time > now)
        )

    def put(self, answer: StoredResponse, *, now: datetime) -> None:
        """Store the response, replacing an expired one, and delete a few other expired ones."""
        columns = {column.key: getattr(answer, column.key) for column in StoredResponse.__table__.columns}
        self._session.execute(
            insert(StoredResponse).values(columns).on_conflict_do_update(index_elements=["scope"], set_=columns)
        )
        expired = select(StoredResponse.scope).where(StoredResponse.expire_time <= now).limit(DELETED_PER_RUN)
        self._session.execute(
            delete(StoredResponse).where(StoredResponse.scope.in_(expired.with_for_update(skip_locked=True)))
        )
