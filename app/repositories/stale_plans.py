"""Prepared statements that no longer fit: the statement is sent again, and the client sees nothing of it.

psycopg prepares what it has sent five times. Such a statement fails for good once a migration has changed the type of a
column that it returns (0A000), or a pooler has given its session to another client (26000, 42P05). The first statement
of a transaction is repeated here. A later one has taken its transaction with it: the use case is run again
(``resilience.transaction``), on new connections.
"""

import secrets
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

import psycopg
from sqlalchemy import Engine, event

from app.observability import metrics
from app.repositories.sqlstates import LOST_STATEMENT, REVALIDATION, STALE_PLAN

IDLE: Final = psycopg.pq.TransactionStatus.IDLE
NAME_BITS: Final = 48
SENT_BY: Final = ("do_execute", "do_executemany", "do_execute_no_params")
"""The methods of a dialect that send statements."""


def install(engine: Engine) -> None:
    """Have every statement of the engine repeated whose plan is stale, and names that no other connection has."""
    event.listen(engine.pool, "connect", _name_apart)
    for name in SENT_BY:
        setattr(engine.dialect, name, _renewing(getattr(engine.dialect, name), engine))


def is_stale(error: BaseException) -> bool:
    """Return whether an error means that a prepared statement no longer fits."""
    if not isinstance(error, psycopg.Error):
        return False
    if error.sqlstate == STALE_PLAN:
        return error.diag.source_function == REVALIDATION
    return error.sqlstate in LOST_STATEMENT


def _name_apart(connection: Any, _record: object) -> None:
    """Count the names of prepared statements from a random number.

    psycopg counts from 0 on each connection. Behind a pooler, which hands a session on, such a name would execute the
    statement of another client. A name that is missing there is an error, and the statement is sent again.
    """
    connection._prepared._prepared_idx = secrets.randbits(NAME_BITS)  # noqa: SLF001 -- psycopg has no setting for it


def _renewing(send: Callable[..., None], engine: Engine) -> Callable[..., None]:
    @wraps(send)
    def sent(cursor: Any, *arguments: Any, **options: Any) -> None:
        connection = cursor.connection
        is_first = connection.pgconn.transaction_status == IDLE
        try:
            send(cursor, *arguments, **options)
        except psycopg.Error as exc:
            if not is_stale(exc):
                raise
            _forget(connection, exc, engine, is_first=is_first)
            if not is_first:
                raise
            metrics.DATABASE_RETRIES.labels(exc.sqlstate).inc()
            send(cursor, *arguments, **options)

    return sent


def _forget(connection: "psycopg.Connection[Any]", exc: psycopg.Error, engine: Engine, *, is_first: bool) -> None:
    """Drop what was prepared on this connection; behind a pooler prepare nothing more on it.

    Other connections have the same stale plans. Where the transaction is lost, they are replaced at their next use:
    its repetition must not meet another one.
    """
    if exc.sqlstate in LOST_STATEMENT:
        connection.prepare_threshold = None
    if not is_first:
        engine.pool._invalidate(connection, exc, _checkin=False)  # type: ignore[arg-type] # noqa: SLF001 -- marks the time
    elif connection.pgconn.transaction_status != IDLE:
        connection.rollback()  # psycopg drops all prepared statements with it
    elif exc.sqlstate == STALE_PLAN:
        connection.execute("DEALLOCATE ALL")
