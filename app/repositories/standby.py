"""Detection of a server that is a standby, after a failover during which the address still led to the old primary.

A demoted primary restarts, therefore its old sessions end. But a load balancer can lead new sessions to it for some
seconds, and does not end them afterwards. Without this detection, the pool would keep them.
"""

from typing import Any, Final

import psycopg
from sqlalchemy import Engine, ExceptionContext, event

from app.repositories import pool

PARAMETER: Final = "in_hot_standby"
"""The parameter that PostgreSQL 14 or newer reports without a query. Poolers don't report it."""


def install(engine: Engine) -> None:
    """Replace the connections of an engine while they lead to a standby, or report SQLSTATE 25006."""

    def check_new(connection: psycopg.Connection[Any], _record: object) -> None:
        if connection.info.parameter_status(PARAMETER) == "on":
            pool.redial(engine)

    event.listen(engine, "connect", check_new)
    event.listen(engine, "handle_error", check_error)


def check_error(context: ExceptionContext) -> None:
    """Replace the connections if an error shows that the server is read-only."""
    if context.engine is not None and getattr(context.original_exception, "sqlstate", None) == pool.READ_ONLY:
        pool.redial(context.engine)
