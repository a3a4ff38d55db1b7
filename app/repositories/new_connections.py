"""New connections within the deadline: the driver itself has a minimum timeout of two seconds.

This module also rejects a database that can't store the service's data.
"""

from typing import Any, Final, cast

from psycopg import Connection
from sqlalchemy import Dialect

from app.errs.platform import ServiceUnavailable
from app.repositories import error_translation
from app.resilience import deadline
from app.resilience.timed_connect import connect_within

ENCODING: Final = "UTF8"
PROVING: Final = 0.25
"""Seconds without a connection that count as a failure of the database, even if the caller has shortened the deadline.

A connection takes at least four round trips. A shorter wait therefore proves nothing about a distant or busy database.
"""


def connect(dialect: Dialect, _record: object, arguments: Any, options: Any) -> Connection[Any] | None:
    """Return a connection; ``None`` without a deadline: the engine then connects itself.

    Raises:
        DeadlineExceeded: there was no connection in time. If it is established later, it is closed.
    """
    limit = deadline.current.get()
    if limit is None:
        return None

    def open_connection() -> Connection[Any]:
        return cast("Connection[Any]", dialect.connect(*arguments, **options))

    timeout = limit.remaining()
    connection = connect_within(open_connection, close=Connection.close, within=timeout)
    if connection is None:
        late = limit.exceeded("database")
        if timeout >= PROVING:
            late.facts = {**late.facts, "is_answered": False}
        error_translation.count(late, "connect")
        raise late
    return connection


def reject_unfit(connection: Connection[Any], _record: object) -> None:
    """Close a connection to a database with another encoding than UTF-8. The check needs no statement.

    Raises:
        ServiceUnavailable: the database has another encoding. ``detail`` contains the fix.
    """
    encoding = connection.info.parameter_status("server_encoding")
    if encoding in {ENCODING, None}:  # some poolers do not report it
        return
    name = connection.info.dbname
    connection.close()
    raise ServiceUnavailable(
        "database.connect",
        detail=f"the database {name} is encoded in {encoding}, not UTF8: create it again with CREATE DATABASE {name}"
        " TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'",
        retry_after=1,
    )
