"""Detection of listeners: statements may bypass SQLAlchemy's ``Connection`` only while it has no event listeners.

Listeners can be added and removed at any time, on one engine or on a class, therefore each statement checks again.
SQLAlchemy sets ``_has_events`` with the first listener and never unsets it. Only then are the lists of listeners read.
The listeners of the application itself (``error_translation``, ``new_connections``, ``standby``) do not count.
"""

import logging
from collections.abc import Sequence
from functools import lru_cache
from types import FunctionType
from typing import Any, Final

import psycopg
from sqlalchemy import Connection, Dialect, Engine
from sqlalchemy.engine.events import ConnectionEvents

from app.repositories import error_translation, standby

ON_STATEMENTS: Final = tuple(
    name
    for name in vars(ConnectionEvents)
    if not name.startswith("_") and name not in ("dispatch", "engine_disposed", "set_engine_execution_options")
)
"""Events of a connection and of its statements. The two excluded events belong to the engine only."""
ON_TRANSACTIONS: Final = (
    "after_begin",
    "after_commit",
    "after_rollback",
    "after_soft_rollback",
    "after_transaction_create",
    "after_transaction_end",
    "before_commit",
)
"""Events of a session's transaction."""
OWN_ERROR_HANDLERS: Final = frozenset((error_translation.handle, standby.check_error))
EXECUTE: Final[Any] = psycopg.Cursor.execute
IS_WRAPPED: Final = type(EXECUTE) is not FunctionType or EXECUTE.__code__.co_filename != psycopg.cursor.__file__
"""True if a tool replaced the method before this import, as automatic instrumentation does."""
HAS_PIPELINES: Final = psycopg.capabilities.has_pipeline()
OWN: Final[Any] = 2
"""The value of a dialect's ``_has_events`` while only the application listens: truthy, but not ``True``."""


def install(engine: Engine) -> None:
    """Mark all current listeners as the application's own."""
    engine.dialect._has_events = OWN  # noqa: SLF001 -- a truth value


def on_engine(engine: Engine) -> bool:
    """Return whether statements of this engine must pass SQLAlchemy's ``Connection``.

    That is the case with listeners on the engine, on ``Engine`` or on ``Connection``, with listeners of errors or
    replacements of ``do_execute``, with ``echo`` or the logger at INFO, and with execution options of the engine.
    """
    dialect = engine.dialect
    return bool(
        (engine._has_events and _any(engine.dispatch, ON_STATEMENTS))  # noqa: SLF001 -- see above
        or (Connection._has_events and any(_of(Connection, ON_STATEMENTS)))  # noqa: SLF001
        or ((dialect._has_events is not OWN or type(dialect)._has_events) and _on_dialect(dialect))  # noqa: SLF001
        or engine.logger.isEnabledFor(logging.INFO)
        or engine._execution_options  # noqa: SLF001 -- a call less for each statement
    )


def on_connection(connection: Connection) -> bool:
    """Return whether there are listeners on this connection alone."""
    return connection._has_events  # noqa: SLF001 -- SQLAlchemy's own test


def on_sessions(kind: Any) -> bool:
    """Return whether there are listeners to the transactions of sessions of this class, ``kind``."""
    return any(_of(kind, ON_TRANSACTIONS))


def on_driver(connection: object) -> bool:
    """Return whether statements must pass a cursor of psycopg.

    That is the case if its cursor or connection has been replaced, and with a libpq older than 14.
    """
    return not (
        HAS_PIPELINES
        and not IS_WRAPPED
        and type(connection) is psycopg.Connection
        and connection.cursor_factory is psycopg.Cursor
        and psycopg.Cursor.execute is EXECUTE
    )


def _on_dialect(dialect: Dialect) -> bool:
    listeners = dialect.dispatch
    return bool(
        listeners.do_execute
        or listeners.do_execute_no_params
        or not OWN_ERROR_HANDLERS.issuperset(listeners.handle_error)
    )


def _any(dispatch: Any, names: Sequence[str]) -> bool:
    return any(getattr(dispatch, name) for name in names)


@lru_cache(256)
def _of(kind: Any, names: Sequence[str]) -> tuple[Sequence[object], ...]:
    """Return the lists of a class's listeners. The lists change when listeners are added or removed.

    SQLAlchemy provides them only on instances; therefore this creates one without initializing it.
    """
    dispatch: Any = object.__new__(kind).dispatch
    return tuple(getattr(dispatch, name).parent_listeners for name in names)
