"""Commands that are sent to libpq directly. After its own ROLLBACK, psycopg would drop all prepared statements.

psycopg does so because a ROLLBACK can undo a DROP. The service does not need this: it does not change its schema,
PostgreSQL replans changed statements, and ``stale_plans`` repeats statements whose plan is stale.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg import generators, waiting
from psycopg.pq import ConnStatus, ExecStatus, PipelineStatus, TransactionStatus
from sqlalchemy import PoolProxiedConnection

from app.repositories import psycopg_internals

if TYPE_CHECKING:
    from psycopg.abc import PQGen
    from psycopg.pq.abc import PGconn, PGresult

SUCCEEDED: Final = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)
INTERVAL: Final = 0.1
"""Seconds between checks for signals while waiting: psycopg's own default."""


def roll_back(connection: PoolProxiedConnection, within: float | None = None) -> None:
    """Roll back, as the ``do_rollback`` of a dialect. Prepared statements stay.

    Raises:
        psycopg.Error: the connection is lost, or there is no response within ``within`` seconds.
    """
    driven: Any = connection.dbapi_connection
    if psycopg_internals.is_idle(driven):
        return
    pgconn: PGconn = driven.pgconn
    if pgconn.transaction_status not in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
        driven.rollback()
        return
    pgconn.send_query(b"ROLLBACK")
    check(received(pgconn, within, []), driven)


def received(pgconn: "PGconn", within: float | None, results: "list[PGresult]") -> "PGresult | None":
    """Return the last result of the sent command; ``None`` if it is not complete within ``within`` seconds.

    Args:
        pgconn: the connection.
        within: the time limit in seconds, if any.
        results: the results so far. The time can end between two messages; then a later call continues with them.

    Raises:
        psycopg.Error: the connection is lost.
    """
    try:
        waiting.wait(_collected(pgconn, results), pgconn.socket, interval=INTERVAL, timeout=within)
    except psycopg_internals.WaitTimeout:
        return None
    if not results:
        raise psycopg.OperationalError("the connection was lost")
    return results[-1]


def _collected(pgconn: "PGconn", results: "list[PGresult]") -> "PQGen[None]":
    """Add results until the server is ready for the next command, or has closed the connection with an error."""
    yield from generators.send(pgconn)
    try:
        while result := (yield from generators.fetch(pgconn)):
            results.append(result)
    except psycopg.DatabaseError:
        if not any(each.status == ExecStatus.FATAL_ERROR for each in results):
            raise


def check(result: "PGresult | None", driven: "psycopg.Connection[Any]") -> "PGresult":
    """Return the result of a command that succeeded.

    Raises:
        psycopg.Error: PostgreSQL's error, or there is no result.
    """
    return last([] if result is None else [result], driven)


def last(results: "Sequence[PGresult]", driven: "psycopg.Connection[Any]") -> "PGresult":
    """Return the last result, if all of them succeeded.

    Raises:
        psycopg.Error: PostgreSQL's error, or there is no result.
    """
    for result in results:
        if result.status not in SUCCEEDED:
            raise psycopg.errors.error_from_result(result, encoding=driven.info.encoding)
    if not results:
        raise psycopg.OperationalError("there is no result")
    return results[-1]


def in_pipeline(driven: "psycopg.Connection[Any]", send: Callable[[], None]) -> "list[PGresult]":
    """Call ``send`` in pipeline mode, and return the results of the commands that it has sent.

    Without BEGIN, the commands are one transaction. After an error, the server skips the others.
    """
    pgconn: PGconn = driven.pgconn
    pgconn.enter_pipeline_mode()
    try:
        send()
        pgconn.pipeline_sync()
        return driven.wait(_until_sync(pgconn))
    finally:
        try:  # noqa: SIM105 -- `suppress` costs more
            pgconn.exit_pipeline_mode()
        except psycopg.Error:
            pass
        if pgconn.pipeline_status != PipelineStatus.OFF:
            driven.close()  # results are missing


def _until_sync(pgconn: "PGconn") -> "PQGen[list[PGresult]]":
    """Return the results of a pipeline, up to its end or an error with which the server has closed the connection."""
    yield from generators.send(pgconn)
    results: list[PGresult] = []
    try:
        while True:
            result = yield from generators.fetch(pgconn)
            if result is not None and result.status == ExecStatus.PIPELINE_SYNC:
                return results
            if result is not None:
                results.append(result)
            elif pgconn.status == ConnStatus.BAD:
                raise psycopg.OperationalError("the connection was lost")
    except psycopg.DatabaseError:
        if not any(each.status == ExecStatus.FATAL_ERROR for each in results):
            raise
    return results
