"""A cursor for compiled statements. It calls libpq itself, which takes about half as long as the cursor of psycopg.

A dialect executes statements on it as on a cursor of psycopg, therefore each wrapper of ``do_execute`` works with both.
Both prepare statements by the same rules, and share the record of the prepared statements of a connection.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, cast

import psycopg
from psycopg import generators
from psycopg.abc import Buffer
from psycopg.pq import Format

from app.repositories import libpq_commands, psycopg_internals
from app.repositories.psycopg_internals import PREPARE, UNPREPARED, Numbered, Record, State

if TYPE_CHECKING:
    from psycopg.abc import Transformer
    from psycopg.pq.abc import PGconn, PGresult

TIMEOUT: Final = b"SELECT set_config('statement_timeout', $1, true)"
"""Sets a timeout until the transaction ends. Outside of a transaction, this is the end of the pipeline."""
TUPLES_OK: Final = psycopg.pq.ExecStatus.TUPLES_OK
IDLE: Final = psycopg.pq.TransactionStatus.IDLE
TEXT: Final = 25
"""The type of the parameter of ``TIMEOUT``."""


class Compiled(Protocol):
    """A compiled statement."""

    text: str
    numbered: Numbered
    set_planner: str
    reset_planner: str
    row: Callable[[Any], Any]


class Statement(NamedTuple):
    """A statement with its values. It is prepared once for each combination of text and types."""

    query: bytes
    types: tuple[int, ...] = ()
    values: Sequence[Buffer | None] = ()
    formats: Sequence[Format] = ()


class Ahead:
    """A statement with a time limit that is sent together with the one before it, in autocommit.

    Its cursor takes the result when the dialect executes it. Without a result, it sends the statement.
    """

    __slots__ = ("_results", "compiled", "parameters", "timeout")

    def __init__(self, compiled: Compiled, parameters: Mapping[str, Any], timeout: int) -> None:
        self.compiled, self.parameters, self.timeout = compiled, parameters, timeout
        self._results: Sequence[PGresult] = ()

    def receive(self, results: "Sequence[PGresult]") -> None:
        """Keep the results: those of the limit and of the statement."""
        self._results = results

    def take(self, text: str, parameters: Mapping[str, Any]) -> "Sequence[PGresult]":
        """Return the results once, for the same text and parameters."""
        results, self._results = self._results, ()
        return results if text is self.compiled.text and parameters == self.parameters else ()


class CompiledCursor:
    """A cursor for one compiled statement."""

    __slots__ = ("_adapter", "_ahead", "_compiled", "_result", "_timeout", "connection", "format")

    def __init__(
        self,
        connection: "psycopg.Connection[Any]",
        compiled: Compiled,
        result_format: Format,
        timeout: int | None = None,
        ahead: Ahead | None = None,
    ) -> None:
        """Create a cursor.

        Args:
            connection: the connection of psycopg.
            compiled: the statement.
            result_format: the format of the rows.
            timeout: the time limit of the statement in milliseconds. It requires autocommit.
            ahead: the statement that is sent together with this one, or this statement, after that. It requires
                autocommit.
        """
        self.connection, self.format = connection, result_format
        self._compiled, self._timeout, self._ahead = compiled, timeout, ahead

    @property
    def set_planner(self) -> str:
        """The statement that sets the planner for this one, if any."""
        return self._compiled.set_planner

    def execute(self, text: str, parameters: Mapping[str, Any]) -> None:
        """Execute the statement, or another text that replaces it.

        Raises:
            psycopg.Error: PostgreSQL's error, or the connection is lost.
        """
        compiled, connection, ahead = self._compiled, self.connection, self._ahead
        self._adapter = adapter = psycopg_internals.adapter(connection, compiled)
        if ahead is not None and ahead.compiled is compiled and (results := ahead.take(text, parameters)):
            self._result = libpq_commands.last(results, connection)
            return
        statement = _statement(adapter, compiled, text, parameters)
        begin = psycopg_internals.begin_command(connection)
        before = [Statement(compiled.set_planner.encode())] if compiled.set_planner else []
        if before and (begin is not None or connection.pgconn.transaction_status != IDLE):
            after = [Statement(compiled.reset_planner.encode())]
        else:
            after = []  # the settings end with the pipeline
        if begin is not None:
            before = [Statement(begin), *before]
        elif self._timeout is not None:
            before = [_limit(self._timeout), *before]
        elif ahead is not None and ahead.compiled is not compiled and self._execute_with([*before, statement], ahead):
            return
        results = _execute(connection, [*before, statement, *after], self.format)
        self._result = [each for each in results if each.status == TUPLES_OK][-2] if after else results[-1]

    def _execute_with(self, statements: list[Statement], ahead: Ahead) -> bool:
        """Execute the statements, and send the other one with them. Return false if one of them is not prepared yet."""
        connection = self.connection
        adapter = psycopg_internals.adapter(connection, ahead.compiled)
        other = _statement(adapter, ahead.compiled, ahead.compiled.text, ahead.parameters)
        every = [*statements, _limit(ahead.timeout), other]
        names = _names(connection, every)
        if None in names:
            return False
        results = _execute_prepared(connection, names, every, self.format)
        self._result = libpq_commands.last(results[: len(statements)], connection)
        ahead.receive(results[len(statements) :])
        return True

    def fetchall(self) -> list[Any]:
        """Return the rows."""
        adapter = self._adapter
        adapter.set_pgresult(self._result)
        rows: list[Any] = adapter.load_rows(0, self._result.ntuples, self._compiled.row)
        adapter.set_pgresult(None)  # it is kept, and would keep the result
        return rows


def _statement(adapter: "Transformer", compiled: Compiled, text: str, parameters: Mapping[str, Any]) -> Statement:
    """Return the compiled statement, or another text that replaces it, with its values."""
    query, formats, names = compiled.numbered if text is compiled.text else psycopg_internals.numbered(text)
    values = adapter.dump_sequence([parameters[name] for name in names], formats)
    return Statement(query, adapter.types or (), values, adapter.formats or ())


def _limit(milliseconds: int) -> Statement:
    """Return the statement that limits the next one."""
    return Statement(TIMEOUT, (TEXT,), (b"%d" % milliseconds,), (Format.TEXT,))


def _names(connection: "psycopg.Connection[Any]", statements: Sequence[Statement]) -> list[bytes | None]:
    """Return the names of statements that are prepared, and ``None`` for others."""
    return [psycopg_internals.name_of(connection, each.query, each.types) for each in statements]


def _execute(
    connection: "psycopg.Connection[Any]", statements: Sequence[Statement], result_format: Format
) -> "Sequence[PGresult]":
    """Send the statements in one round trip, and return their results, all successful."""
    pgconn = connection.pgconn
    names = _names(connection, statements)
    if None in names:
        return _prepare(connection, statements, result_format)
    if len(names) == 1:
        (name,), (statement,) = names, statements
        pgconn.send_query_prepared(name or b"", statement.values, statement.formats, result_format)
        results: Sequence[PGresult] = connection.wait(generators.execute(pgconn))
    else:
        results = _execute_prepared(connection, names, statements, result_format)
    libpq_commands.last(results, connection)
    return results


def _execute_prepared(
    connection: "psycopg.Connection[Any]",
    names: Sequence[bytes | None],
    statements: Sequence[Statement],
    result_format: Format,
) -> "Sequence[PGresult]":
    """Send prepared statements in one round trip, and return their results. Only the first failure is an error."""
    pgconn = connection.pgconn

    def send() -> None:
        for name, each in zip(names, statements, strict=True):
            pgconn.send_query_prepared(name or b"", each.values, each.formats, result_format)

    return libpq_commands.in_pipeline(connection, send)


def _prepare(
    connection: "psycopg.Connection[Any]", statements: Sequence[Statement], result_format: Format
) -> "Sequence[PGresult]":
    """Do the same with statements that are not prepared yet, by psycopg's rules."""
    pgconn, record = connection.pgconn, psycopg_internals.prepared(connection)
    states = [record.get(cast("Any", each)) for each in statements]

    def send() -> None:
        for each, state in zip(statements, states, strict=True):
            _send(pgconn, each, *state, result_format)

    if len(states) == 1 and states[0][0] is not PREPARE:
        send()
        results: Sequence[PGresult] = connection.wait(generators.execute(pgconn))
    else:
        results = libpq_commands.in_pipeline(connection, send)
    is_full = _record(record, statements, states, results)
    libpq_commands.last(results, connection)
    if is_full:
        connection.wait(record.maintain_gen(connection))
    return results


def _record(
    record: Record,
    statements: Sequence[Statement],
    states: "Sequence[tuple[State, bytes]]",
    results: "Sequence[PGresult]",
) -> bool:
    """Record the statements, even if they failed. Return whether old ones may have to be dropped."""
    found, is_full = iter(results), False
    for statement, (state, name) in zip(statements, states, strict=True):
        if state is PREPARE and not _succeeded(next(found, None)):
            break
        result = next(found, None)
        if result is None:
            break
        key = record.maybe_add_to_cache(cast("Any", statement), state, name)
        if key is not None:
            record.validate(key, state, name, [result])
            is_full = True
        if not _succeeded(result):
            break
    return is_full


def _succeeded(result: "PGresult | None") -> bool:
    return result is not None and result.status in libpq_commands.SUCCEEDED


def _send(pgconn: "PGconn", statement: Statement, state: State, name: bytes, result_format: Format) -> None:
    query, types, values, formats = statement
    if state is UNPREPARED:
        pgconn.send_query_params(query, values, types, formats, result_format)
        return
    if state is PREPARE:
        pgconn.send_prepare(name, query, types)
    pgconn.send_query_prepared(name, values, formats, result_format)
