"""Reads that are made ready once. Core says what is sent; PostgreSQL's driver alone sends it and reads the rows.

SQLAlchemy's connections and results would cost several times of what the driver does. A row is a named tuple of what
the driver has read; of what a column's type makes something else, such as an enumeration, that is made by name only:
``row.status`` is a member, ``row[3]`` its number, which is all that an encoder of a thousand rows asks for.

While something listens to SQLAlchemy (``listeners``), the same statements pass its ``Connection`` (``observed``).
"""

from collections import namedtuple
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, cast

import psycopg
from sqlalchemy import ColumnElement, Dialect, Insert, PoolProxiedConnection, Select
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from app.resilience import deadline

DIALECT: Final = PGDialect_psycopg(dbapi=psycopg)  # type: ignore[no-untyped-call] # of theirs
NUMERIC: Final = psycopg.adapters.types["numeric"].oid
"""What a numeric column comes as; other types do not ask."""
IDLE: Final = psycopg.pq.TransactionStatus.IDLE
BOUNDED: Final = "SAVEPOINT bounded"
UNBOUNDED: Final = "RELEASE bounded; SET LOCAL statement_timeout TO DEFAULT"
"""What ends the limit without a ROLLBACK, with which psycopg would drop all that is prepared."""
QUERY_CANCELED: Final = psycopg.errors.QueryCanceled
Values = Mapping[str, Any]


class CompiledStatement:
    """A select or insert that is compiled once; its values come by the names of its ``bindparam``s.

    Raises:
        TypeError: its text depends on its values, as that of ``in_`` does; ``any_`` takes an array instead.
    """

    def __init__(self, statement: "Select[*tuple[Any, ...]] | Insert") -> None:
        compiled: SQLCompiler = statement.compile(dialect=DIALECT)
        if compiled.post_compile_params:
            raise TypeError("a text that depends on values cannot be made ready before they are there")
        self.statement, self.text = statement, compiled.string
        named = {name: (bind, _bound(bind.type)) for bind, name in compiled.bind_names.items()}
        self._fixed = {name: make(bind.effective_value) for name, (bind, make) in named.items() if not bind.required}
        self._made = [(name, make) for name, (bind, make) in named.items() if bind.required and make is not _as_it_is]
        row = _row(tuple(statement.selected_columns) if isinstance(statement, Select) else ())
        self.rows: Callable[[object], Callable[[Any], Any]] = lambda _cursor: row
        """Makes rows, as a ``row_factory`` of the driver."""

    def parameters(self, values: Values) -> Values:
        """Return all that is handed to the driver."""
        if not self._fixed and not self._made:
            return values
        return {**self._fixed, **values, **{name: make(values[name]) for name, make in self._made}}


class ReadConnection:
    """A connection at hand to read on. Like all statements, those of reads are sent by the engine's dialect."""

    __slots__ = ("_connection", "_dialect")

    def __init__(self, dialect: Dialect, connection: PoolProxiedConnection) -> None:
        self._dialect, self._connection = dialect, connection

    def all(self, read: CompiledStatement, **values: Any) -> list[Any]:
        """Return all rows."""
        cursor: Any = self._connection.cursor(row_factory=read.rows, binary=True)
        self._dialect.do_execute(cursor, read.text, read.parameters(values))
        return cast("list[Any]", cursor.fetchall())

    def run(self, change: CompiledStatement, **values: Any) -> None:
        """Change something."""
        self._dialect.do_execute(cast("Any", self._connection.cursor()), change.text, change.parameters(values))

    def first(self, read: CompiledStatement, **values: Any) -> Any | None:
        """Return the first row, if there is any."""
        return next(iter(self.all(read, **values)), None)

    def value(self, read: CompiledStatement, **values: Any) -> Any:
        """Return the first column of the row that there is."""
        return self.all(read, **values)[0][0]

    def all_with_timeout(self, milliseconds: int, read: CompiledStatement, **values: Any) -> list[Any] | None:
        """Return all rows, or ``None`` when that took longer; what limits it ends with it."""
        driven: Any = self._connection.driver_connection
        is_alone = driven.autocommit and driven.pgconn.transaction_status == IDLE
        self._send(f"{'BEGIN' if is_alone else BOUNDED}; SET LOCAL statement_timeout = {milliseconds:d}")
        try:
            rows = self.all(read, **values)
        except Exception as exc:
            if not driven.closed:
                self._roll_back(is_alone)
            limit = deadline.current.get()
            if not _is_canceled(exc) or (limit is not None and limit.is_over):
                raise
            return None
        self._send("COMMIT" if is_alone else UNBOUNDED)
        return rows

    def _send(self, statements: str) -> None:
        """Send statements without parameters; only such may be several."""
        self._dialect.do_execute_no_params(cast("Any", self._connection.cursor()), statements)

    def _roll_back(self, is_alone: bool) -> None:
        """End what was bounded; psycopg drops its prepared statements when it knows of a ROLLBACK."""
        if is_alone:
            self._dialect.do_rollback(self._connection)
        else:
            self._send(f"ROLLBACK TO bounded; {UNBOUNDED}")


def _is_canceled(exc: Exception) -> bool:
    """Return whether the server canceled the statement; SQLAlchemy raises the driver's error as a cause."""
    return isinstance(exc, QUERY_CANCELED) or isinstance(exc.__cause__, QUERY_CANCELED)


def _as_it_is(value: Any) -> Any:
    return value


def _bound(type_: TypeEngine[Any]) -> Callable[[Any], Any]:
    """Return what makes a value of this type one that the driver takes."""
    return type_.dialect_impl(DIALECT).bind_processor(DIALECT) or _as_it_is


def _row(columns: tuple[ColumnElement[Any], ...]) -> Callable[[Any], Any]:
    """Return what makes a row of these columns out of a plain tuple."""
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
