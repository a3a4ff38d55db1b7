"""Compiled statements executed by SQLAlchemy's ``Connection``, while it has event listeners.

Listeners get the statement, its parameters and the context that the SQLAlchemy manual describes. In both ways the
driver's cursor creates the rows, therefore they are the same.
"""

from collections.abc import Callable
from typing import Any, Final, Self, TypeVar, cast

import psycopg
from psycopg.pq import Format
from sqlalchemy import Connection, Engine
from sqlalchemy.dialects.postgresql.psycopg import PGExecutionContext_psycopg

from app.repositories import error_translation
from app.repositories.compiled_statement import CompiledStatement, ReadConnection, Values
from app.repositories.listener_detection import HAS_PIPELINES

T = TypeVar("T")
READ: Final = "app_read"
"""The execution option for the compiled read."""
UNPREPARED: Final = {"no_parameters": True}


class Context(PGExecutionContext_psycopg):
    """Creates the cursors of compiled reads."""

    def create_default_cursor(self) -> Any:
        """Return a cursor; with the execution option ``READ``, one that reads binary rows with its row factory."""
        read = self.execution_options.get(READ)
        if read is None:
            return super().create_default_cursor()
        connection: Any = self._dbapi_connection
        if read.set_planner and HAS_PIPELINES and connection.cursor_factory is psycopg.Cursor:
            cursor = PlannedCursor(connection.dbapi_connection, row_factory=read.rows)
            cursor.read, cursor.format = read, Format.BINARY
            return cursor
        return connection.cursor(row_factory=read.rows, binary=True)


class PlannedCursor(psycopg.Cursor[Any]):
    """A cursor that sends the settings of a compiled read with it, in one round trip, and resets them."""

    read: CompiledStatement

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        """Execute the read."""
        with self.connection.pipeline():
            self.connection.execute(self.read.set_planner)
            super().execute(query, params, **options)
            self.connection.execute(self.read.reset_planner)
        return self


class ObservedReadConnection(ReadConnection):
    """A connection whose statements SQLAlchemy executes. The event ``handle_error`` translates its errors."""

    __slots__ = ("_observed",)

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection.dialect, connection.connection)
        self._observed = connection

    def all(self, read: CompiledStatement, **values: Any) -> list[Any]:
        """Return all rows."""
        result = self._observed.execute(read.statement, values, execution_options={READ: read})
        return cast("list[Any]", result.cursor_strategy.fetchall(result, cast("Any", result.cursor)))

    def all_before(
        self, milliseconds: int, following: CompiledStatement, read: CompiledStatement, **values: Any
    ) -> list[Any]:
        """Return all rows. The following statement is sent separately."""
        return self.all(read, **values)

    def run(self, change: CompiledStatement, **values: Any) -> None:
        """Run a statement that changes data."""
        self._observed.execute(change.statement, values).close()

    def _send(self, statements: str) -> None:
        self._observed.exec_driver_sql(statements, execution_options=UNPREPARED).close()

    def _alone(self, milliseconds: int, read: CompiledStatement, values: Values) -> list[Any]:
        return self._between("BEGIN", milliseconds, read, values, end="COMMIT", undo=self._observed.rollback)


def install(engine: Engine) -> None:
    """Set the execution context class that creates the cursors of compiled reads."""
    engine.dialect.execution_ctx_cls = Context


def checkout(engine: Engine, use: Callable[[ReadConnection], T]) -> T:
    """Call ``use`` with a connection in autocommit, and return its result."""
    with error_translation.translating(), engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        return use(ObservedReadConnection(connection))
