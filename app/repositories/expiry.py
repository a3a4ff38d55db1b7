"""Deletion of what has expired, from every table: those with a column ``expire_time``, and those with an age.

A table that is added with such a column is cleaned, too; ``tests/law/test_expiry.py`` finds others.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Table, delete, func, select, tuple_
from sqlalchemy.orm import Session

from app.models.base import Base
from app.models.failures import Failure
from app.models.jobs import DEAD_FOR, Job, JobState

EXPIRE_TIME: Final = "expire_time"
KEPT_ON: Final = timedelta(minutes=1)
"""How much longer rows are kept than they count, and revocations last than tokens: clocks of instances differ."""
CLEANING: Final = 7_235_121
"""The advisory lock of the transaction that cleans; no other purpose has this number."""


def expiring() -> Iterator[Table]:
    """Yield the tables whose rows expire one by one."""
    return (table for table in Base.metadata.sorted_tables if EXPIRE_TIME in table.columns)


class ExpiryRepository:
    """Deletes what has expired, inside a unit of work."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def lock(self) -> bool:
        """Let no other transaction clean until the unit ends; ``False`` when another does."""
        return bool(self._session.scalar(select(func.pg_try_advisory_xact_lock(CLEANING))))

    def delete(self, *, now: datetime, failures_for: timedelta, most: int) -> int:
        """Delete so many expired rows of each table, passing over those that are locked; return the most of one table.

        Args:
            now: the present moment.
            failures_for: how long failed requests are kept.
            most: rows of each table.
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
