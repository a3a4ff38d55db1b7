"""The same reads and changes through SQLAlchemy's ``Connection``, for as long as something listens to it.

Listeners get the statement, its parameters and the context that the SQLAlchemy manual describes. The rows are made by
the driver's cursor in both ways, therefore they are the same.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

from sqlalchemy import Connection, Engine
from sqlalchemy.dialects.postgresql.psycopg import PGExecutionContext_psycopg

from app.repositories import error_translation
from app.repositories.compiled_statement import CompiledStatement, ReadConnection

T = TypeVar("T")
ROWS: Final = "app_rows"
"""The execution option that has the cursor's row factory."""
UNPREPARED: Final = {"no_parameters": True}


class Context(PGExecutionContext_psycopg):
    """Creates the cursor that a prepared read needs."""

    def create_default_cursor(self) -> Any:
        """Return a cursor that reads binary rows of the kind that the statement's execution options name, if any."""
        rows = self.execution_options.get(ROWS)
        if rows is None:
            return super().create_default_cursor()
        return self._dbapi_connection.cursor(row_factory=rows, binary=True)


class ObservedReadConnection(ReadConnection):
    """A connection at hand whose statements SQLAlchemy executes; its errors are translated by ``handle_error``."""

    __slots__ = ("_observed",)

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection.dialect, connection.connection)
        self._observed = connection

    def all(self, read: CompiledStatement, **values: Any) -> list[Any]:
        """Return all rows."""
        result = self._observed.execute(read.statement, values, execution_options={ROWS: read.rows})
        return cast("list[Any]", result.cursor_strategy.fetchall(result, cast("Any", result.cursor)))

    def run(self, change: CompiledStatement, **values: Any) -> None:
        """Change something."""
        self._observed.execute(change.statement, values).close()

    def _send(self, statements: str) -> None:
        self._observed.exec_driver_sql(statements, execution_options=UNPREPARED).close()

    def _roll_back(self, is_alone: bool) -> None:
        if is_alone:
            self._observed.rollback()
        else:
            super()._roll_back(is_alone)


def install(engine: Engine) -> None:
    """Have the engine's statements create the cursors that prepared reads need."""
    engine.dialect.execution_ctx_cls = Context


def checkout(engine: Engine, use: Callable[[ReadConnection], T]) -> T:
    """Return what comes of using a connection in autocommit."""
    with error_translation.translating(), engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        return use(ObservedReadConnection(connection))
