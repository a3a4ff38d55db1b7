"""Deletion of expired rows, independent of traffic."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Final, Protocol

from app.errs import raises
from app.resilience.clock import Clock
from app.resilience.transaction_retry import transaction

BATCH: Final = 1_000
"""The maximum number of rows of each table that one transaction deletes."""


class Expired(Protocol):
    """See ``app.repositories.expiry``."""

    def lock(self) -> bool: ...  # noqa: D102
    def delete(self, *, now: datetime, failures_for: timedelta, most: int) -> int: ...  # noqa: D102


class Unit(Protocol):
    """One transaction."""

    @property
    def expired(self) -> Expired: ...  # noqa: D102
    def commit(self) -> None: ...  # noqa: D102


class ExpiryService:
    """Deletes expired rows in batches. A poller of each process calls it; only one process at a time does the work."""

    def __init__(
        self, *, unit_of_work: Callable[[], AbstractContextManager[Unit]], clock: Clock, failures_for: timedelta
    ) -> None:
        self._unit_of_work, self._clock, self._failures_for = unit_of_work, clock, failures_for

    @raises()
    def clean(self) -> None:
        """Delete all expired rows, unless another process is doing it."""
        while self._batch() >= BATCH:
            pass

    @transaction
    def _batch(self) -> int:
        with self._unit_of_work() as unit:
            if not unit.expired.lock():
                return 0
            deleted = unit.expired.delete(now=self._clock.now(), failures_for=self._failures_for, most=BATCH)
            unit.commit()
        return deleted
