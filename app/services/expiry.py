"""Cleaning: what has expired is deleted, whatever the traffic is like."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Final, Protocol

from app.errs import raises
from app.resilience.clock import Clock
from app.resilience.transaction import transaction

BATCH: Final = 1_000
"""Rows of each table that are deleted in one transaction."""


class Expired(Protocol):
    """See ``app.repositories.expiry``."""

    def lock(self) -> bool: ...  # noqa: D102
    def delete(self, *, now: datetime, failures_for: timedelta, most: int) -> dict[str, int]: ...  # noqa: D102


class Unit(Protocol):
    """One transaction."""

    @property
    def expired(self) -> Expired: ...  # noqa: D102
    def commit(self) -> None: ...  # noqa: D102


class ExpiryService:
    """Deletes what has expired, in batches; a poller calls it, one process at a time does the work."""

    def __init__(
        self, *, unit_of_work: Callable[[], AbstractContextManager[Unit]], clock: Clock, failures_for: timedelta
    ) -> None:
        self._unit_of_work, self._clock, self._failures_for = unit_of_work, clock, failures_for

    @raises()
    def clean(self) -> dict[str, int]:
        """Delete all that has expired, and return how many rows of each table; none when another process is at it."""
        total: dict[str, int] = {}
        while deleted := self._batch():
            for table, count in deleted.items():
                total[table] = total.get(table, 0) + count
            if max(deleted.values()) < BATCH:
                break
        return total

    @transaction
    def _batch(self) -> dict[str, int]:
        with self._unit_of_work() as unit:
            if not unit.expired.lock():
                return {}
            deleted = unit.expired.delete(now=self._clock.now(), failures_for=self._failures_for, most=BATCH)
            unit.commit()
        return deleted
