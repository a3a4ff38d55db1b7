"""Statements that are compiled once with SQLAlchemy Core. libpq sends them, and psycopg's loaders read the rows.

SQLAlchemy's connections and results would take several times as long. A row is a named tuple of the driver's values.
A column type that converts values, such as an enumeration, does so only for access by name. ``row.status`` is a member
of the enumeration, and ``row[3]`` is its number, which is enough to encode a list.

While there are listeners to SQLAlchemy (``listener_detection``), SQLAlchemy's ``Connection`` executes the same
statements (``connection_with_listeners``). While psycopg's cursor is replaced, such a cursor executes them.
"""

from collections import namedtuple
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final, cast

import psycopg
from psycopg.pq import Format
from sqlalchemy import ClauseElement, ColumnElement, Dialect, Executable, Insert, PoolProxiedConnection, Select
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from app.repositories import listener_detection, psycopg_internals
from app.repositories.compiled_cursor import Ahead, CompiledCursor
from app.resilience import deadline

DIALECT: Final = PGDialect_psycopg(dbapi=psycopg)  # type: ignore[no-untyped-call] # of SQLAlchemy
NUMERIC: Final = psycopg.adapters.types["numeric"].oid
"""The type of numeric columns. Result processors of other types ignore this argument."""
IDLE: Final = psycopg.pq.TransactionStatus.IDLE
BOUNDED: Final = "SAVEPOINT bounded"
UNBOUNDED: Final = "RELEASE bounded; SET LOCAL statement_timeout TO DEFAULT"
"""Ends the timeout without a ROLLBACK, after which psycopg would drop all prepared statements."""
QUERY_CANCELED: Final = psycopg.errors.QueryCanceled
Values = Mapping[str, Any]


class Explain(Executable, ClauseElement):
    """The plan that PostgreSQL chooses for a select with the given values, without its execution, as JSON."""

    inherit_cache = False

    def __init__(self, explained: ClauseElement) -> None:
        self.explained = explained


@compiles(Explain)
def _explain(element: Explain, compiler: SQLCompiler, **options: Any) -> str:
    return f"EXPLAIN (FORMAT JSON) {compiler.process(element.explained, **options)}"


class CompiledStatement:
    """A select, insert or explain that is compiled once. Its values are passed by the names of its ``bindparam``s.

    Raises:
        TypeError: its SQL text depends on its values, for example with ``in_``. Use ``any_`` with an array instead.
    """

    def __init__(
        self,
        statement: "Select[*tuple[Any, ...]] | Insert | Explain",
        *,
        planner_settings: Values = MappingProxyType({}),
    ) -> None:
        """Compile a statement.

        Args:
            statement: the statement.
            planner_settings: the settings of PostgreSQL that the statement is planned and executed with.
        """
        compiled = cast("SQLCompiler", statement.compile(dialect=DIALECT))
        if compiled.post_compile_params:
            raise TypeError("a statement whose text depends on its values can't be compiled in advance")
        self.statement, self.text = statement, compiled.string
        self.numbered = psycopg_internals.numbered(self.text)
        self.set_planner = _set(planner_settings)
        """The statement that sets these settings for a transaction; empty without settings."""
        self.reset_planner = _set(dict.fromkeys(planner_settings))
        """The statement that resets them to the values of the session."""
        named = {name: (bind, _bound(bind.type)) for bind, name in compiled.bind_names.items()}
        self._fixed = {name: make(bind.effective_value) for name, (bind, make) in named.items() if not bind.required}
        self._made = [(name, make) for name, (bind, make) in named.items() if bind.required and make is not _identity]
        self.row = row = _row(tuple(statement.selected_columns) if isinstance(statement, Select) else ())
        """The function that converts a plain tuple to a row."""
        self.rows: Callable[[object], Callable[[Any], Any]] = lambda _cursor: row
        """The ``row_factory`` for a cursor of psycopg."""

    def parameters(self, values: Values) -> Values:
        """Return all parameters for the driver."""
        if not self._fixed and not self._made:
            return values
        return {**self._fixed, **values, **{name: make(values[name]) for name, make in self._made}}


class ReadConnection:
    """A connection for reads. The engine's dialect sends the statements, as it does all others."""

    __slots__ = ("_ahead", "_connection", "_dialect")

    def __init__(self, dialect: Dialect, connection: PoolProxiedConnection) -> None:
        self._dialect, self._connection = dialect, connection
        self._ahead: Ahead | None = None

    def all(self, read: CompiledStatement, **values: Any) -> list[Any]:
        """Return all rows."""
        if read.set_planner and listener_detection.on_driver(self._driven):
            return self._with_planner_settings(read, values)
        return self._all(read, values)

    def all_before(
        self, milliseconds: int, following: CompiledStatement, read: CompiledStatement, **values: Any
    ) -> list[Any]:
        """Return all rows. ``all_with_timeout`` probably follows, with another statement and the same values.

        In autocommit, both are sent together once they are prepared, which is one round trip less.
        """
        if not self._is_alone or listener_detection.on_driver(self._driven):
            return self.all(read, **values)
        self._ahead = Ahead(following, following.parameters(values), milliseconds)
        return self._all(read, values, ahead=self._ahead)

    def run(self, change: CompiledStatement, **values: Any) -> None:
        """Run a statement that changes data."""
        cursor = self._cursor(change, Format.TEXT)
        self._dialect.do_execute(cursor, change.text, change.parameters(values))

    def first(self, read: CompiledStatement, **values: Any) -> Any | None:
        """Return the first row, if there is any."""
        return next(iter(self.all(read, **values)), None)

    def value(self, read: CompiledStatement, **values: Any) -> Any:
        """Return the first column of the first row, which must exist."""
        return self.all(read, **values)[0][0]

    def all_with_timeout(self, milliseconds: int, read: CompiledStatement, **values: Any) -> list[Any] | None:
        """Return all rows, or ``None`` if that takes longer. The timeout applies only to this statement."""
        try:
            if self._is_alone:
                return self._alone(milliseconds, read, values)
            return self._within_transaction(milliseconds, read, values)
        except Exception as exc:
            limit = deadline.current.get()
            if not _is_canceled(exc) or (limit is not None and limit.is_over):
                raise
            return None

    @property
    def _is_alone(self) -> bool:
        """Return whether a statement is one transaction, in autocommit."""
        driven = self._driven
        return bool(driven.autocommit and driven.pgconn.transaction_status == IDLE)

    def _alone(self, milliseconds: int, read: CompiledStatement, values: Values) -> list[Any]:
        """Send the timeout and the statement together, in autocommit."""
        if listener_detection.on_driver(self._driven):
            return self._between("BEGIN", milliseconds, read, values, end="COMMIT", undo=self._roll_back)
        ahead = self._ahead
        if ahead is not None and (ahead.compiled is not read or ahead.timeout != milliseconds):
            ahead = None
        return self._all(read, values, milliseconds, ahead)

    def _within_transaction(self, milliseconds: int, read: CompiledStatement, values: Values) -> list[Any]:
        """Run the statement inside a savepoint. After an error, the transaction continues."""
        undo = partial(self._send, f"ROLLBACK TO bounded; {UNBOUNDED}")
        return self._between(BOUNDED, milliseconds, read, values, end=UNBOUNDED, undo=undo)

    def _with_planner_settings(self, read: CompiledStatement, values: Values) -> list[Any]:
        """Run a statement between its settings. After an error, PostgreSQL resets them with the transaction."""
        is_alone = self._is_alone
        self._send(f"BEGIN; {read.set_planner}" if is_alone else read.set_planner)
        try:
            rows = self._all(read, values)
        except Exception:
            if is_alone and not self._driven.closed:
                self._roll_back()
            raise
        self._send("COMMIT" if is_alone else read.reset_planner)
        return rows

    def _between(
        self,
        begin: str,
        milliseconds: int,
        read: CompiledStatement,
        values: Values,
        *,
        end: str,
        undo: Callable[[], None],
    ) -> list[Any]:
        self._send(f"{begin}; SET LOCAL statement_timeout = {milliseconds:d}")
        try:
            rows = self.all(read, **values)
        except Exception:
            if not self._driven.closed:
                undo()
            raise
        self._send(end)
        return rows

    @property
    def _driven(self) -> Any:
        """The connection of psycopg."""
        return self._connection.dbapi_connection

    def _all(
        self, read: CompiledStatement, values: Values, timeout: int | None = None, ahead: Ahead | None = None
    ) -> list[Any]:
        cursor = self._cursor(read, Format.BINARY, timeout, ahead)
        self._dialect.do_execute(cursor, read.text, read.parameters(values))
        rows: list[Any] = cursor.fetchall()
        return rows

    def _cursor(
        self,
        compiled: CompiledStatement,
        result_format: Format,
        timeout: int | None = None,
        ahead: Ahead | None = None,
    ) -> Any:
        driven = self._driven
        if listener_detection.on_driver(driven):
            return driven.cursor(row_factory=compiled.rows, binary=result_format == Format.BINARY)
        return CompiledCursor(driven, compiled, result_format, timeout, ahead)

    def _send(self, statements: str) -> None:
        """Send one or more statements without parameters."""
        self._dialect.do_execute_no_params(cast("Any", self._connection.cursor()), statements)

    def _roll_back(self) -> None:
        """Roll back. It bypasses psycopg, which drops its prepared statements after a ROLLBACK."""
        self._dialect.do_rollback(self._connection)


def _is_canceled(exc: Exception) -> bool:
    """Return whether the server canceled the statement. SQLAlchemy raises its own error, with the driver's as cause."""
    return isinstance(exc, QUERY_CANCELED) or isinstance(exc.__cause__, QUERY_CANCELED)


def _identity(value: Any) -> Any:
    return value


def _set(settings: Values) -> str:
    """Return the statement that sets the settings for a transaction, or resets those that are ``None``."""
    calls = (f"set_config('{name}', {(value and repr(value)) or 'NULL'}, true)" for name, value in settings.items())
    return f"SELECT {', '.join(calls)}" if settings else ""


def _bound(type_: TypeEngine[Any]) -> Callable[[Any], Any]:
    """Return the function that converts a value of this type for the driver."""
    return type_.dialect_impl(DIALECT).bind_processor(DIALECT) or _identity


def _row(columns: tuple[ColumnElement[Any], ...]) -> Callable[[Any], Any]:
    """Return the function that converts a plain tuple to a row of these columns."""
    names = [str(column.key) for column in columns]
    made: dict[str, Any] = {
        name: property(partial(_member, at, make))
        for at, (name, column) in enumerate(zip(names, columns, strict=True))
        if (make := column.type.dialect_impl(DIALECT).result_processor(DIALECT, NUMERIC)) is not None
    }
    plain = namedtuple("Row", names, rename=True)  # type: ignore[misc] # Core knows the names
    return partial(tuple.__new__, type("Row", (plain,), {"__slots__": (), **made}))


def _member(at: int, make: Callable[[Any], Any], row: tuple[Any, ...]) -> Any:
    return make(row[at])
