"""Reads outside a unit of work: one statement, in autocommit, and once more if the connection turned out dead."""

from collections.abc import Callable
from functools import cached_property
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session, scoped_session

from app.errs.platform import ServiceUnavailable
from app.repositories.translate import QUERY_CANCELED

T = TypeVar("T")


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
        if self._session.registry.has() and self._session().in_transaction():
            return read(self._session().connection())
        try:
            return self._once(read)
        except ServiceUnavailable as error:
            if not error.facts.get("disconnected"):
                raise
        return self._once(read)

    def within(self, milliseconds: int, read: Callable[[Connection], T]) -> T | None:
        """Return what ``read`` returns, or ``None`` when one of its statements took longer."""
        with self._engine_of_app().begin() as connection:
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = {milliseconds:d}")
            try:
                return read(connection)
            except ServiceUnavailable as error:
                if error.facts.get("sqlstate") != QUERY_CANCELED:
                    raise
                connection.rollback()
                return None

    def _once(self, read: Callable[[Connection], T]) -> T:
        with self._engine.connect() as connection:
            return read(connection)
