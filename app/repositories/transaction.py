"""The current transaction: one connection of the pool, checked out at the first use.

Compiled statements need only the driver's connection. Entities need a session, which joins the same connection.
"""

from collections.abc import Callable
from contextvars import ContextVar
from functools import cached_property
from typing import Any, Final, TypeVar, cast

from sqlalchemy import Connection, Engine, PoolProxiedConnection
from sqlalchemy.orm import Session, scoped_session

from app.errs.platform import ServiceUnavailable
from app.repositories import error_translation, listener_detection, pool
from app.repositories.compiled_statement import IDLE, ReadConnection
from app.repositories.connection_with_listeners import ObservedReadConnection

T = TypeVar("T")


class Transaction:
    """The state that joined units of work share."""

    def __init__(self, engine: Engine, sessions: scoped_session[Session]) -> None:
        self.engine, self._sessions = engine, sessions
        self.has_begun = has_begun(sessions)
        """True if the session had already begun a transaction. This transaction is then a part of it."""
        self.is_undone = False
        """True if an inner unit of work ended without a commit. The whole transaction then can't be committed."""

    @cached_property
    def _checked_out(self) -> PoolProxiedConnection:
        """The connection, checked out at the first access until the end. The first statement begins the transaction.

        If a session has already begun a transaction outside of any unit of work, its connection is used.
        """
        if not self.has_begun:
            pool.check_writer_limit(self.engine)
            return pool.checkout_connection(self.engine)
        self.connection = self._sessions().connection(bind_arguments={"bind": self.engine})
        return self.connection.connection

    @property
    def is_connected(self) -> bool:
        """Return whether the connection has been checked out."""
        return "_checked_out" in vars(self)

    @cached_property
    def connection(self) -> Connection:
        """The connection as an SQLAlchemy ``Connection``, for the session."""
        checked_out = self._checked_out
        if self._is_joined:
            return self.connection
        connection = Connection(self.engine, checked_out)
        connection.begin()
        return connection

    @cached_property
    def session(self) -> Session:
        """The session of the entities."""
        return self._sessions()

    def use(self, work: Callable[[ReadConnection], T]) -> T:
        """Call ``work`` with the connection, and return its result. Errors of the driver are translated."""
        if self._is_observed:
            with error_translation.translating():
                return work(ObservedReadConnection(self._join()))
        return self._do("execute", lambda connection: work(ReadConnection(self.engine.dialect, connection)))

    def flush(self) -> None:
        """Send the changes of entities."""
        if self._is_session_begun:
            self.session.flush()

    def commit(self) -> None:
        """Commit the transaction.

        Raises:
            ServiceUnavailable: the commit failed. If the connection was lost during COMMIT, the result is unknown.
        """
        self.flush()
        try:
            if self.is_connected and self._is_observed:
                self._join()
            if self._is_session_begun:
                self.session.commit()
            if self.is_connected and (not self._is_joined or self._has_more):
                self._do("commit", lambda connection: self.engine.dialect.do_commit(cast("Any", connection)))
        except ServiceUnavailable as error:
            error.facts = {**error.facts, "is_undone": error.facts.get("is_undone") and not error.facts["disconnected"]}
            raise

    def end(self) -> None:
        """Roll back uncommitted changes, and return the connection to the pool."""
        try:
            if self._is_session_begun:
                self.session.rollback()
        finally:
            if self._is_joined:
                self.connection.close()
            elif self.is_connected and self._checked_out.is_valid:
                self._checked_out.close()

    def _do(self, step: str, work: Callable[[PoolProxiedConnection], T]) -> T:
        try:
            return work(self._checked_out)
        except error_translation.FOREIGN as exc:
            error = pool.translate_failure(self.engine, self._checked_out, exc, step)
            if self._is_joined and error.facts.get("disconnected"):
                self.connection.invalidate(exc)
            raise error from exc

    def _join(self) -> Connection:
        """Join the session to the connection, and return the connection."""
        return self.session.connection(bind_arguments={"bind": self.connection})

    @property
    def _has_more(self) -> bool:
        """Return whether statements were sent after the session's transaction had ended."""
        driven: Any = self._checked_out.driver_connection if self._checked_out.is_valid else None
        return driven is not None and driven.pgconn.transaction_status != IDLE

    @property
    def _is_observed(self) -> bool:
        """Return whether there are event listeners. Then all statements must pass SQLAlchemy's session."""
        return (
            listener_detection.on_engine(self.engine)
            or listener_detection.on_sessions(self._sessions.session_factory.class_)
            or (self._is_joined and listener_detection.on_connection(self.connection))
        )

    @property
    def _is_session_begun(self) -> bool:
        """Return whether the session has begun a transaction, inside or outside of a unit of work."""
        return self.session.in_transaction() if "session" in vars(self) else has_begun(self._sessions)

    @property
    def _is_joined(self) -> bool:
        return "connection" in vars(self)


class Usage:
    """Marks that this process has used a session outside of a unit of work. Until then, no read checks for one."""

    is_outside = False


def has_begun(sessions: scoped_session[Session]) -> bool:
    """Return whether the session of this context has begun a transaction; ``False`` without a context."""
    if not sessions.registry.registry:  # no context has a session
        return False
    try:
        return sessions.registry.has() and sessions.registry().in_transaction()
    except RuntimeError:
        return False


current: Final[ContextVar[Transaction | None]] = ContextVar("transaction", default=None)
"""The transaction of the current context."""
