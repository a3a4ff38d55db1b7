"""The transaction at hand: a connection, once somebody asks for it, and the session on it, if anybody asks for that.

Statements that are made ready once need no more than the connection; entities need the session, which joins it.
"""

from collections.abc import Callable
from contextvars import ContextVar
from functools import cached_property
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session, scoped_session

from app.errs.platform import ServiceUnavailable
from app.repositories.pool import joined
from app.repositories.prepared import Line

T = TypeVar("T")


class Transaction:
    """What units of work share that join one another."""

    def __init__(self, engine: Engine, sessions: scoped_session[Session]) -> None:
        self._engine, self._sessions = engine, sessions
        self.is_undone = False
        """Whether a unit ended without a commit that all the others will have to do without."""

    @cached_property
    def connection(self) -> Connection:
        """What all is done on, out of the pool from now on until the end."""
        connection = self._engine.connect()
        connection.begin()
        return connection

    @property
    def is_connected(self) -> bool:
        """Tell whether anybody has asked for the connection."""
        return "connection" in vars(self)

    @property
    def session(self) -> Session:
        """What entities are kept in."""
        return self._sessions()

    def use(self, work: Callable[[Line], T]) -> T:
        """Return what comes of using the connection."""
        connection = self.connection
        return joined(connection, lambda proxied: work(Line(connection.dialect, proxied)))

    def flush(self) -> None:
        """Send what entities were changed to."""
        if self._has_session():
            self.session.flush()

    def commit(self) -> None:
        """Make all of it last.

        Raises:
            ServiceUnavailable: perhaps it does not; when the connection was lost meanwhile, nobody knows.
        """
        try:
            if self._has_session():
                self.session.commit()
            elif self.is_connected:
                self.connection.commit()
        except ServiceUnavailable as error:
            error.facts = {**error.facts, "is_undone": error.facts.get("is_undone") and not error.facts["disconnected"]}
            raise

    def end(self) -> None:
        """Undo what was not committed, and let go of the connection."""
        try:
            if self._has_session():
                self.session.rollback()
        finally:
            if self.is_connected:
                self.connection.close()

    def _has_session(self) -> bool:
        return self._sessions.registry.has() and self._sessions().in_transaction()


current: Final[ContextVar[Transaction | None]] = ContextVar("transaction", default=None)
"""The transaction that this work is part of."""
