"""Commands that are sent without psycopg's cursors: it drops all prepared statements with each ROLLBACK it knows of.

psycopg does so because a ROLLBACK can undo a DROP. The service does not change its schema, PostgreSQL plans again what
has changed, and ``plans`` repeats what no longer fits.
"""

from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg import generators, waiting
from psycopg.pq import ExecStatus, TransactionStatus
from sqlalchemy import PoolProxiedConnection

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn, PGresult

INTERVAL: Final = 0.1
"""Seconds after which psycopg looks for signals while it waits, as it does by itself."""


def roll_back(connection: PoolProxiedConnection) -> None:
    """Roll back, as the ``do_rollback`` of a dialect; what is prepared stays.

    Raises:
        psycopg.Error: the connection is lost.
    """
    driven: Any = connection.driver_connection
    pgconn: PGconn = driven.pgconn
    if pgconn.transaction_status not in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
        driven.rollback()
        return
    pgconn.send_query(b"ROLLBACK")
    check(received(pgconn, None), driven)


def received(pgconn: "PGconn", within: float | None) -> "PGresult | None":
    """Return the result of what was sent; ``None`` if there is none within so many seconds.

    Raises:
        psycopg.Error: the connection is lost.
    """
    results: list[PGresult]
    try:
        results = waiting.wait(generators.execute(pgconn), pgconn.socket, interval=INTERVAL, timeout=within)
    except psycopg.errors._WaitTimeout:  # noqa: SLF001 -- psycopg raises nothing else
        return None
    return results[-1]


def check(result: "PGresult | None", driven: "psycopg.Connection[Any]") -> "PGresult":
    """Return the result of a command that succeeded.

    Raises:
        psycopg.Error: PostgreSQL's error.
    """
    if result is None:
        raise psycopg.OperationalError("the connection was lost")
    if result.status != ExecStatus.COMMAND_OK:
        raise psycopg.errors.error_from_result(result, encoding=driven.info.encoding)
    return result
