"""The transaction at hand: one connection of the pool, once somebody asks for it.

Statements that are made ready once need no more than the driver's connection; entities need a session, which joins it.
"""

from collections.abc import Callable
from contextvars import ContextVar
from functools import cached_property
from typing import Any, Final, TypeVar, cast

from sqlalchemy import Connection, Engine, PoolProxiedConnection
from sqlalchemy.orm import Session, scoped_session

from app.errs.platform import ServiceUnavailable
from app.repositories import error_translation, listeners, pool
from app.repositories.compiled_statement import IDLE, ReadConnection
from app.repositories.observed_connection import ObservedReadConnection

T = TypeVar("T")


class Transaction:
    """What units of work share that join one another."""

    def __init__(self, engine: Engine, sessions: scoped_session[Session]) -> None:
        self.engine, self._sessions = engine, sessions
        self.has_begun = has_begun(sessions)
        """Whether the session had begun a transaction before, of which this is a part then."""
        self.is_undone = False
        """Whether a unit ended without a commit that all the others will have to do without."""

    @cached_property
    def _checked_out(self) -> PoolProxiedConnection:
        """What all is done on, out of the pool from now on until the end; the first statement begins it.

        A session that has begun already, outside of any unit of work, has it; its transaction is this one then.
        """
        if not self.has_begun:
            pool.check_writer_limit(self.engine)
            return pool.checkout_connection(self.engine)
        self.connection = self._sessions().connection(bind_arguments={"bind": self.engine})
        return self.connection.connection

    @property
    def is_connected(self) -> bool:
        """Tell whether anybody has asked for the connection."""
        return "_checked_out" in vars(self)

    @cached_property
    def connection(self) -> Connection:
        """The same as SQLAlchemy has it, for the session."""
        checked_out = self._checked_out
        if self._is_joined:
            return self.connection
        connection = Connection(self.engine, checked_out)
        connection.begin()
        return connection

    @cached_property
    def session(self) -> Session:
        """What entities are kept in."""
        return self._sessions()

    def use(self, work: Callable[[ReadConnection], T]) -> T:
        """Return what comes of using the connection; the driver's errors become those of the house."""
        if self._is_observed:
            with error_translation.translating():
                return work(ObservedReadConnection(self._join()))
        return self._do("execute", lambda borrowed: work(ReadConnection(self.engine.dialect, borrowed)))

    def flush(self) -> None:
        """Send what entities were changed to."""
        if self._is_session_begun:
            self.session.flush()

    def commit(self) -> None:
        """Make all of it last.

        Raises:
            ServiceUnavailable: perhaps it does not; when the connection was lost meanwhile, nobody knows.
        """
        self.flush()
        try:
            if self.is_connected and self._is_observed:
                self._join()
            if self._is_session_begun:
                self.session.commit()
            if self.is_connected and (not self._is_joined or self._has_more):
                self._do("commit", lambda borrowed: self.engine.dialect.do_commit(cast("Any", borrowed)))
        except ServiceUnavailable as error:
            error.facts = {**error.facts, "is_undone": error.facts.get("is_undone") and not error.facts["disconnected"]}
            raise

    def end(self) -> None:
        """Undo what was not committed, and let go of the connection."""
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
        """Return the connection, of which the session's transaction is part from now on."""
        return self.session.connection(bind_arguments={"bind": self.connection})

    @property
    def _has_more(self) -> bool:
        """Return whether something was sent after the session's transaction had ended."""
        driven: Any = self._checked_out.driver_connection if self._checked_out.is_valid else None
        return driven is not None and driven.pgconn.transaction_status != IDLE

    @property
    def _is_observed(self) -> bool:
        """Return whether something listens to what is done here, so that all of it must pass SQLAlchemy's session."""
        return (
            listeners.on_engine(self.engine)
            or listeners.on_sessions(self._sessions.session_factory.class_)
            or (self._is_joined and listeners.on_connection(self.connection))
        )

    @property
    def _is_session_begun(self) -> bool:
        """Return whether the session is in use, by a repository or by itself."""
        return self.session.in_transaction() if "session" in vars(self) else has_begun(self._sessions)

    @property
    def _is_joined(self) -> bool:
        return "connection" in vars(self)


class Usage:
    """Whether this process has ever used a session outside of units of work; until then no read looks for one."""

    is_outside = False


def has_begun(sessions: scoped_session[Session]) -> bool:
    """Return whether the session of this context has begun a transaction; without a context there is none."""
    try:
        return sessions.registry.has() and sessions.registry().in_transaction()
    except RuntimeError:
        return False


current: Final[ContextVar[Transaction | None]] = ContextVar("transaction", default=None)
"""The transaction that this work is part of."""
