"""Reads outside a unit of work: one statement, in autocommit, and once more if the connection turned out dead."""

from collections.abc import Callable
from datetime import timedelta
from functools import cached_property
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine, Transaction
from sqlalchemy.orm import Session, scoped_session

from app.errs.platform import ServiceUnavailable
from app.repositories.translate import QUERY_CANCELED
from app.resilience import measure
from app.resilience.budget import RetryBudget
from app.resilience.retry import Retry

T = TypeVar("T")


def _is_dead(error: Exception) -> bool:
    return isinstance(error, ServiceUnavailable) and bool(error.facts.get("disconnected"))


ONCE_MORE: Final = Retry(
    "read",
    attempts=2,
    initial=timedelta(0),
    budget=RetryBudget(),
    is_retryable=_is_dead,
    heeds_retry_after=False,
    hooks=(measure.database_retries,),
)
"""For a pooled connection that turns out dead; connections are not pinged when they are checked out."""


class Reads:
    """Runs reads; inside a unit of work on the unit's own connection, so that a request never holds two."""

    def __init__(self, session: scoped_session[Session], engine: Callable[[], Engine]) -> None:
        self._session = session
        self._engine_of_app = engine

    @cached_property
    def _engine(self) -> Engine:
        """The engine's twin in autocommit, which shares its pool."""
        return self._engine_of_app().execution_options(isolation_level="AUTOCOMMIT")

    def run(self, read: Callable[[Connection], T]) -> T:
        """Return what ``read`` returns; it may be called twice and therefore must only read.

        Raises:
            ServiceUnavailable: the database is out of reach.
        """
        if self._is_in_unit():
            return read(self._session().connection())
        return ONCE_MORE(self._once)(read)

    def within(self, milliseconds: int, read: Callable[[Connection], T]) -> T | None:
        """Return what ``read`` returns, or ``None`` when one of its statements took longer."""
        if self._is_in_unit():
            connection = self._session().connection()
            return _bounded(connection, connection.begin_nested(), milliseconds, read)
        with self._engine_of_app().connect() as connection:
            return _bounded(connection, connection.begin(), milliseconds, read)

    def _is_in_unit(self) -> bool:
        return self._session.registry.has() and self._session().in_transaction()

    def _once(self, read: Callable[[Connection], T]) -> T:
        with self._engine.connect() as connection:
            return read(connection)


def _bounded(
    connection: Connection, transaction: Transaction, milliseconds: int, read: Callable[[Connection], T]
) -> T | None:
    """Read in a transaction that is rolled back however it ends, and the timeout with it."""
    try:
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {milliseconds:d}")
        return read(connection)
    except ServiceUnavailable as error:
        if error.facts.get("sqlstate") != QUERY_CANCELED:
            raise
        return None
    finally:
        transaction.rollback()
