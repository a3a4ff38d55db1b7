"""Commands that are sent without psycopg's cursors: it drops all prepared statements with each ROLLBACK it knows of.

psycopg does so because a ROLLBACK can undo a DROP. The service does not change its schema, PostgreSQL plans again what
has changed, and ``plans`` repeats what no longer fits.
"""

import select
import time
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.pq import ExecStatus, TransactionStatus
from sqlalchemy import PoolProxiedConnection

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn, PGresult


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
    if is_received(pgconn, None):
        check(received(pgconn), driven)


def is_received(pgconn: "PGconn", until: float | None) -> bool:
    """Wait for a result until then, in monotonic seconds; return whether it is there."""
    poll = select.poll()
    poll.register(pgconn.socket, select.POLLIN)
    pgconn.flush()
    while pgconn.is_busy():
        left = None if until is None else (until - time.monotonic()) * 1000
        if left is not None and left <= 0:
            return False
        if poll.poll(left):
            pgconn.consume_input()
            pgconn.flush()
    return True


def received(pgconn: "PGconn") -> "PGresult | None":
    """Return the result that is there."""
    result = pgconn.get_result()
    while pgconn.get_result() is not None:
        pass
    return result


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
