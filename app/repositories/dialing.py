"""New connections, made within the deadline: the driver itself never gives up before two seconds are over."""

from typing import Any, cast

from psycopg import Connection
from sqlalchemy import Dialect

from app.resilience import deadline
from app.resilience.dialing import dialed


def dial(dialect: Dialect, _record: object, arguments: Any, options: Any) -> Connection[Any] | None:
    """Return a connection; ``None`` leaves it to the engine where there is no deadline.

    Raises:
        DeadlineExceeded: there was none in time. It is closed should it come after all.
    """
    limit = deadline.current.get()
    if limit is None:
        return None

    def connect() -> Connection[Any]:
        return cast("Connection[Any]", dialect.connect(*arguments, **options))

    connection = dialed(connect, hang_up=Connection.close, within=limit.remaining())
    if connection is None:
        raise limit.exceeded("database")
    return connection
