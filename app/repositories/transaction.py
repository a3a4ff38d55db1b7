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
from app.repositories import pool, translate
from app.repositories.prepared import Line

T = TypeVar("T")


class Transaction:
    """What units of work share that join one another."""

    def __init__(self, engine: Engine, sessions: scoped_session[Session]) -> None:
        self._engine, self._sessions = engine, sessions
        self.is_undone = False
        """Whether a unit ended without a commit that all the others will have to do without."""

    @cached_property
    def _borrowed(self) -> PoolProxiedConnection:
        """What all is done on, out of the pool from now on until the end; the first statement begins it."""
        return pool.borrowed(self._engine)

    @property
    def is_connected(self) -> bool:
        """Tell whether anybody has asked for the connection."""
        return "_borrowed" in vars(self)

    @cached_property
    def connection(self) -> Connection:
        """The same as SQLAlchemy has it, for the session."""
        connection = Connection(self._engine, self._borrowed)
        connection.begin()
        return connection

    @cached_property
    def session(self) -> Session:
        """What entities are kept in."""
        return self._sessions()

    def use(self, work: Callable[[Line], T]) -> T:
        """Return what comes of using the connection; the driver's errors become those of the house."""
        return self._do("execute", lambda borrowed: work(Line(self._engine.dialect, borrowed)))

    def flush(self) -> None:
        """Send what entities were changed to."""
        if self._has_session:
            self.session.flush()

    def commit(self) -> None:
        """Make all of it last.

        Raises:
            ServiceUnavailable: perhaps it does not; when the connection was lost meanwhile, nobody knows.
        """
        self.flush()
        try:
            if self._is_joined:
                self.session.commit()
            elif self.is_connected:
                self._do("commit", lambda borrowed: self._engine.dialect.do_commit(cast("Any", borrowed)))
        except ServiceUnavailable as error:
            error.facts = {**error.facts, "is_undone": error.facts.get("is_undone") and not error.facts["disconnected"]}
            raise

    def end(self) -> None:
        """Undo what was not committed, and let go of the connection."""
        try:
            if self._has_session and self.session.in_transaction():
                self.session.rollback()
        finally:
            if self._is_joined:
                self.connection.close()
            elif self.is_connected and self._borrowed.is_valid:
                self._borrowed.close()

    def _do(self, step: str, work: Callable[[PoolProxiedConnection], T]) -> T:
        try:
            return work(self._borrowed)
        except translate.FOREIGN as exc:
            error = pool.failed(self._engine, self._borrowed, exc, step)
            if self._is_joined and error.facts.get("disconnected"):
                self.connection.invalidate(exc)
            raise error from exc

    @property
    def _has_session(self) -> bool:
        return "session" in vars(self) or self._is_joined

    @property
    def _is_joined(self) -> bool:
        return "connection" in vars(self)


current: Final[ContextVar[Transaction | None]] = ContextVar("transaction", default=None)
"""The transaction that this work is part of."""
