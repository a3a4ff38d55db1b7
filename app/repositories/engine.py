"""The engine: a bounded pool whose connections know the deadline of the request that uses them."""

from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Engine, QueuePool, event
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from app.errs.platform import ServiceUnavailable
from app.repositories import dialing, translate
from app.resilience import deadline
from app.resilience.watchdog import GRACE, Watchdog

POOL_WAIT: Final = 1.0
"""Seconds that a request waits for a connection, unless its deadline comes first."""
LOCK_WAIT: Final = timedelta(seconds=2)
DIAL: Final = 2
"""Seconds for a new connection, the least that libpq keeps to."""


class BoundedPool(QueuePool):
    """A pool without overflow, whose callers wait no longer than their deadline allows."""

    @property
    def _timeout(self) -> float:
        """Return what QueuePool takes for a plain attribute, which it reads at each wait."""
        limit = deadline.current.get()
        return POOL_WAIT if limit is None else min(POOL_WAIT, limit.remaining())

    @_timeout.setter
    def _timeout(self, value: float) -> None:
        """Ignore the fixed value that the base class sets."""

    def _do_get(self) -> ConnectionPoolEntry:
        try:
            return super()._do_get()
        except PoolTimeout as exc:
            limit = deadline.current.get()
            if limit is not None and limit.is_over:
                raise limit.exceeded("database_pool") from exc
            raise ServiceUnavailable(detail="every database connection is busy", retry_after=1) from exc


def engine_options(*, pool_size: int, statement_timeout: timedelta) -> dict[str, Any]:
    """Return what ``create_engine`` is called with."""
    session = {
        "statement_timeout": round(statement_timeout.total_seconds() * 1000),
        "lock_timeout": round(LOCK_WAIT.total_seconds() * 1000),
        "client_connection_check_interval": 250,
        "TimeZone": "UTC",
    }
    return {
        "poolclass": BoundedPool,
        "pool_size": pool_size,
        "max_overflow": 0,
        "pool_use_lifo": True,
        "hide_parameters": True,
        "connect_args": {
            "application_name": "candor",
            "connect_timeout": DIAL,
            "options": " ".join(f"-c {name}={value}" for name, value in session.items()),
        },
    }


def prepare(engine: Engine) -> None:
    """Translate the engine's errors, and hold dialing and, by a watchdog, its connections to the deadline."""
    translate.install(engine)
    watchdog = Watchdog()

    def checkout(connection: Any, record: Any, _proxy: object) -> None:
        limit = deadline.current.get()
        if limit is not None:
            record.info["watched"] = watchdog.watch(connection.fileno(), at=limit.at + GRACE)

    def checkin(_connection: object, record: Any) -> None:
        ticket = record.info.pop("watched", None)
        if ticket is not None:
            watchdog.release(ticket)

    event.listen(engine, "do_connect", dialing.dial)
    event.listen(engine, "checkout", checkout)
    event.listen(engine, "checkin", checkin)
    event.listen(engine, "invalidate", lambda connection, record, _exc: checkin(connection, record))
