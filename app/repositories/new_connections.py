"""New connections, made within the deadline: the driver itself never gives up before two seconds are over.

A database that can't hold what the service stores is rejected here, whoever connects.
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
"""Seconds without a connection that speak against the database, also if the caller has shortened the budget.

A connection takes four round trips and more, so a shorter wait proves nothing about a distant or busy database.
"""


def connect(dialect: Dialect, _record: object, arguments: Any, options: Any) -> Connection[Any] | None:
    """Return a connection; ``None`` leaves it to the engine where there is no deadline.

    Raises:
        DeadlineExceeded: there was none in time. It is closed should it come after all.
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
    """Close a connection to a database in another encoding than UTF-8; the server has reported it, nothing is sent.

    Raises:
        ServiceUnavailable: the database is unfit; its detail is the sentence that says what to do.
    """
    encoding = connection.info.parameter_status("server_encoding")
    if encoding in {ENCODING, None}:  # a pooler need not report it
        return
    name = connection.info.dbname
    connection.close()
    raise ServiceUnavailable(
        "database.connect",
        detail=f"the database {name} is encoded in {encoding}, not UTF8: make it anew with CREATE DATABASE {name}"
        " TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'",
        retry_after=1,
    )
