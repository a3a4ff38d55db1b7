"""Deletion of expired rows: from each table with a column ``expire_time``, and by age from two other tables.

New tables with such a column are included. ``tests/law/test_expiry.py`` finds tables without a decision.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Table, delete, func, select, tuple_
from sqlalchemy.orm import Session

from app.models.declarative_base import Base
from app.models.failed_requests import Failure
from app.models.jobs import DEAD_FOR, Job, JobState

EXPIRE_TIME: Final = "expire_time"
KEPT_ON: Final = timedelta(minutes=1)
"""How long expired rows are kept, and how long revocations outlast their tokens, because instances' clocks differ."""
CLEANING: Final = 7_235_121
"""The key of the advisory lock for the deletion of expired rows. It has no other use."""


def expiring() -> Iterator[Table]:
    """Yield the tables with an expiry time for each row."""
    return (table for table in Base.metadata.sorted_tables if EXPIRE_TIME in table.columns)


class ExpiryRepository:
    """Deletes expired rows, inside a unit of work."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def lock(self) -> bool:
        """Take the lock until the unit of work ends; ``False`` if another transaction holds it."""
        return bool(self._session.scalar(select(func.pg_try_advisory_xact_lock(CLEANING))))

    def delete(self, *, now: datetime, failures_for: timedelta, most: int) -> int:
        """Delete expired rows that are not locked. Return the largest number of deleted rows of one table.

        Args:
            now: the current time.
            failures_for: how long failed requests are kept.
            most: the maximum number of rows of each table.
        """
        expired: dict[Table, ColumnElement[bool]] = {
            table: table.columns[EXPIRE_TIME] <= now - KEPT_ON for table in expiring()
        }
        expired[_table(Failure)] = Failure.at <= now - failures_for
        expired[_table(Job)] = (Job.state == JobState.DEAD) & (Job.update_time <= now - DEAD_FOR)
        return max(self._delete(table, which, most) for table, which in expired.items())

    def _delete(self, table: Table, which: ColumnElement[bool], most: int) -> int:
        key = tuple_(*table.primary_key.columns)
        some = select(*table.primary_key.columns).where(which).limit(most).with_for_update(skip_locked=True)
        deleted = delete(table).where(key.in_(some)).returning(*table.primary_key.columns)
        return len(self._session.execute(deleted).all())


def _table(kind: type[Base]) -> Table:
    table = kind.__table__
    if not isinstance(table, Table):
        raise TypeError(f"{kind.__name__} is not a table")
    return table
