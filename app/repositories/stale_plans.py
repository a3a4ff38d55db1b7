"""Repetition of prepared statements with a stale plan. Clients do not notice it.

psycopg prepares a statement that it has sent five times. Such a statement fails permanently after a migration has
changed the type of a column that it returns (0A000), or a pooler has given its session to another client (26000,
42P05). This module repeats the first statement of a transaction. A later statement fails with its transaction. The use
case is then repeated on new connections (``resilience.transaction_retry``).
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

import psycopg
from sqlalchemy import Engine, event

from app.observability import metrics
from app.repositories import psycopg_internals
from app.repositories.sqlstates import LOST_STATEMENT, REVALIDATION, STALE_PLAN

IDLE: Final = psycopg.pq.TransactionStatus.IDLE
SENT_BY: Final = ("do_execute", "do_executemany", "do_execute_no_params")
"""The methods of a dialect that send statements."""


def install(engine: Engine) -> None:
    """Repeat statements of the engine whose plan is stale, and use unique names for prepared statements."""
    event.listen(engine.pool, "connect", _use_unique_names)
    for name in SENT_BY:
        setattr(engine.dialect, name, _repeating(getattr(engine.dialect, name), engine))


def is_stale(error: BaseException) -> bool:
    """Return whether an error means that the plan of a prepared statement is stale."""
    if not isinstance(error, psycopg.Error):
        return False
    if error.sqlstate == STALE_PLAN:
        return error.diag.source_function == REVALIDATION
    return error.sqlstate in LOST_STATEMENT


def _use_unique_names(connection: "psycopg.Connection[Any]", _record: object) -> None:
    psycopg_internals.use_unique_names(connection)


def _repeating(send: Callable[..., None], engine: Engine) -> Callable[..., None]:
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
    """Drop the prepared statements of this connection. Behind a pooler, prepare no more statements on it.

    Other connections have the same stale plans. If the transaction has failed, they are replaced at their next use,
    because its repetition must not use another stale plan.
    """
    if exc.sqlstate in LOST_STATEMENT:
        connection.prepare_threshold = None
    if not is_first:
        engine.pool._invalidate(connection, exc, _checkin=False)  # type: ignore[arg-type] # noqa: SLF001 -- marks the time
    elif connection.pgconn.transaction_status != IDLE:
        connection.rollback()  # psycopg drops all prepared statements with it
    elif exc.sqlstate == STALE_PLAN:
        connection.execute("DEALLOCATE ALL")
