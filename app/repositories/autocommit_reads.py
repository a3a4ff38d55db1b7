"""Reads outside a unit of work: one statement in autocommit, repeated once if the database rolled it back."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final, TypeVar

from sqlalchemy import Engine
from sqlalchemy.orm import Session, scoped_session

from app.repositories import connection_with_listeners, listener_detection
from app.repositories.compiled_statement import CompiledStatement, ReadConnection
from app.repositories.pool import checkout, redial
from app.repositories.transaction import Transaction, Usage, current, has_begun
from app.resilience import instrumentation
from app.resilience.budget import RetryBudget
from app.resilience.retry import Retry
from app.resilience.transaction_retry import is_stale, is_undone

T = TypeVar("T")


ONCE_MORE: Final = Retry(
    "read",
    attempts=2,
    initial=timedelta(0),
    budget=RetryBudget(),
    is_retryable=is_undone,
    is_free=is_stale,
    honors_retry_after=False,
    hooks=(instrumentation.count_database_retry,),
)
"""The retry after a dead pooled connection. Connections are not pinged when they are checked out."""


class Reads:
    """Runs reads. Inside a unit of work it uses the unit's connection, because a request must never hold two.

    The same applies if ``db.session`` has begun a transaction outside of a unit of work.
    """

    def __init__(self, engine: Callable[[], Engine], sessions: scoped_session[Session] | None = None) -> None:
        self._engine, self._sessions = engine, sessions
        self._run_with_retry = ONCE_MORE(self._run_once)

    def all(self, read: CompiledStatement, **values: Any) -> list[Any]:
        """Return all rows.

        Raises:
            ServiceUnavailable: the database is not reachable.
        """
        rows: list[Any] = self.run(lambda connection: connection.all(read, **values))
        return rows

    def first(self, read: CompiledStatement, **values: Any) -> Any | None:
        """Return the first row, if there is any.

        Raises:
            ServiceUnavailable: the database is not reachable.
        """
        return next(iter(self.all(read, **values)), None)

    def value(self, read: CompiledStatement, **values: Any) -> Any:
        """Return the first column of the first row, which must exist.

        Raises:
            ServiceUnavailable: the database is not reachable.
        """
        return self.all(read, **values)[0][0]

    def run(self, read: Callable[[ReadConnection], T]) -> T:
        """Call ``read`` with a connection and return its result. It may be called twice, therefore it must only read.

        Raises:
            ServiceUnavailable: the database is not reachable.
        """
        transaction = current.get()
        if Usage.is_outside and transaction is None and self._sessions is not None and has_begun(self._sessions):
            transaction = Transaction(self._engine(), self._sessions)
        if transaction is not None and (transaction.is_connected or transaction.has_begun):
            return transaction.use(read)
        return self._run_alone(read) if transaction is None else self._run_at_primary(read)

    def _run_alone(self, read: Callable[[ReadConnection], T]) -> T:
        """Run a read outside of any unit of work. ``ReplicaReads`` chooses the server here."""
        return self._run_at_primary(read)

    def _run_at_primary(self, read: Callable[[ReadConnection], T]) -> T:
        found: T = self._run_with_retry(read)
        return found

    def redial(self) -> None:
        """Replace the connections, because the server is read-only."""
        redial(self._engine())

    def _run_once(self, read: Callable[[ReadConnection], Any]) -> Any:
        engine = self._engine()
        if listener_detection.on_engine(engine):
            return connection_with_listeners.checkout(engine, read)
        return checkout(engine, lambda connection: read(ReadConnection(engine.dialect, connection)))
