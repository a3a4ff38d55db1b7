"""Stored answers by scope, and the lock that lets one request at a time use a scope."""

from datetime import datetime
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.models.idempotency import StoredAnswer

DELETED_PER_RUN: Final = 10
"""Expired answers deleted with each new one, so that they go faster than they come and no job is needed."""


class StoredAnswerRepository:
    """The answers that can be replayed."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def lock(self, scope: str) -> bool:
        """Take the scope until the transaction ends; ``False`` when another holds it. A crash frees it."""
        return bool(self._session.scalar(select(func.pg_try_advisory_xact_lock(func.hashtextextended(scope, 0)))))

    def find(self, scope: str, *, now: datetime) -> StoredAnswer | None:
        """Return the unexpired answer of the scope."""
        return self._session.scalar(
            select(StoredAnswer).where(StoredAnswer.scope == scope, StoredAnswer.expire_time > now)
        )

    def put(self, answer: StoredAnswer, *, now: datetime) -> None:
        """Store the answer, in place of an expired one, and delete a few others that have expired."""
        columns = {column.key: getattr(answer, column.key) for column in StoredAnswer.__table__.columns}
        self._session.execute(
            insert(StoredAnswer).values(columns).on_conflict_do_update(index_elements=["scope"], set_=columns)
        )
        expired = select(StoredAnswer.scope).where(StoredAnswer.expire_time <= now).limit(DELETED_PER_RUN)
        self._session.execute(
            delete(StoredAnswer).where(StoredAnswer.scope.in_(expired.with_for_update(skip_locked=True)))
        )
