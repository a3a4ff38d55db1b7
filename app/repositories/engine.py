"""The engine: a bounded pool whose connections know the deadline of the request that uses them."""

import time
from collections.abc import Callable
from contextlib import ExitStack, nullcontext, suppress
from datetime import timedelta
from functools import partial
from typing import Any, Final

import psycopg
from sqlalchemy import Engine, PoolProxiedConnection, QueuePool, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry, ManagesConnection

from app.errs import Error
from app.errs.platform import ServiceUnavailable
from app.observability import metrics, trail
from app.repositories import dialing, translate
from app.resilience import deadline
from app.resilience.breaker import Breaker, Event
from app.resilience.counts import MOSTLY_FAILING, Counts
from app.resilience.watchdog import GRACE, Watchdog

POOL_WAIT: Final = 1.0
"""Seconds that a request waits for a connection, unless its deadline comes first."""
LOCK_WAIT: Final = timedelta(seconds=2)
DIAL: Final = 2
"""Seconds for a new connection, the least that libpq keeps to."""
CANCEL: Final = 0.3
"""Seconds in which a server takes note that a statement is not to go on; one that hangs does not, and is left."""
OPEN_FOR: Final = timedelta(seconds=1)
"""How long a database that is away is left alone; short, since it may be back any moment."""


class BoundedPool(QueuePool):
    """A pool without overflow, whose callers wait no longer than their deadline allows, and not at all while it is
    known that the database does not answer.
    """

    breaker: Breaker | None = None

    def recreate(self) -> "BoundedPool":
        """Return a new pool like this one."""
        pool = super().recreate()
        if not isinstance(pool, BoundedPool):
            raise TypeError("a pool is recreated as what it is")
        pool.breaker = self.breaker
        return pool

    def connect(self) -> PoolProxiedConnection:
        """Return a connection, on whose way back the breaker is told how it went."""
        if self.breaker is None:
            return super().connect()
        ticket = self.breaker.allow()
        try:
            with trail.spending("database_pool"):
                connection = super().connect()
        except BaseException as exc:
            ticket.report(exc)
            raise
        _record(connection)["ticket"] = ticket
        return connection

    @property
    def _timeout(self) -> float:
        """Return what QueuePool takes for a plain attribute, which it reads at each wait."""
        limit = deadline.current.get()
        return POOL_WAIT if limit is None else min(POOL_WAIT, limit.remaining())

    @_timeout.setter
    def _timeout(self, value: float) -> None:
        """Ignore the fixed value that the base class sets."""

    def _do_get(self) -> ConnectionPoolEntry:
        must_wait = self.checkedin() == 0 and self.overflow() >= 0
        try:
            with metrics.POOL_WAIT.time() if must_wait else nullcontext():
                return super()._do_get()
        except PoolTimeout as exc:
            metrics.POOL_TIMEOUTS.inc()
            limit = deadline.current.get()
            if limit is not None and limit.is_over:
                raise limit.exceeded("database_pool") from exc
            raise ServiceUnavailable(
                "database.pool", detail="every database connection is busy", retry_after=1
            ) from exc


def _record(connection: ManagesConnection) -> dict[str, Any]:
    """Return what is kept beside a pooled connection, across its reconnects."""
    if connection.record_info is None:
        raise TypeError("every connection is pooled")
    return connection.record_info


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


def prepare(engine: Engine, *, hooks: tuple[Callable[[Event], None], ...] = ()) -> None:
    """Translate the engine's errors, guard it by a breaker, and hold it, by a watchdog, to the deadline.

    Args:
        engine: made with ``engine_options``.
        hooks: are told what the breaker does.
    """
    if not isinstance(engine.pool, BoundedPool):
        raise TypeError("the engine is made with engine_options")
    engine.pool.breaker = Breaker(
        "database",
        ready_to_trip=_is_away(more_than=engine.pool.size()),
        is_failure=translate.is_failure,
        open_for=OPEN_FOR,
        hooks=hooks,
    )
    translate.install(engine)
    watchdog = Watchdog()

    def checkout(connection: Any, record: ManagesConnection, _proxy: object) -> None:
        _record(record)["is_counted"] = True
        metrics.POOL_IN_USE.inc()
        limit = deadline.current.get()
        if limit is not None:
            kept = _record(record)
            kept["watched"] = watchdog.watch(connection.fileno(), at=limit.at + GRACE)
            kept["forget"] = limit.on_cut(partial(interrupt, connection, kept))

    def interrupt(connection: Any, kept: dict[str, Any]) -> None:
        with suppress(psycopg.Error):
            fd = connection.fileno()
            watchdog.release(kept["watched"])
            kept["watched"] = watchdog.watch(fd, at=time.monotonic() + GRACE)
            connection.cancel_safe(timeout=CANCEL)

    def invalidate(_connection: object, record: ManagesConnection, exc: BaseException | None) -> None:
        _record(record).pop("forget", _nothing)()
        watched, ticket = _record(record).pop("watched", None), _record(record).pop("ticket", None)
        if watched is not None:
            watchdog.release(watched)
        if ticket is not None:
            ticket.report(exc)

    def checkin(_connection: object, record: ManagesConnection) -> None:
        if _record(record).pop("is_counted", False):  # a connection that was not got at is returned all the same
            metrics.POOL_IN_USE.dec()
        invalidate(_connection, record, None)

    around_statements(engine, partial(trail.timed, "database"))
    event.listen(engine, "do_connect", dialing.dial)
    event.listen(engine, "checkout", checkout)
    event.listen(engine, "checkin", checkin)
    event.listen(engine, "invalidate", invalidate)


def _nothing() -> None:
    """Forget nothing: there was no deadline."""


def around_statements(engine: Engine, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Wrap whatever sends a statement: it is called with the cursor and the statement, or, to commit, without."""
    for name in ("do_execute", "do_executemany", "do_commit"):
        setattr(engine.dialect, name, wrap(getattr(engine.dialect, name)))


def breaker_of(engine: Engine) -> Breaker | None:
    """Return what guards a prepared engine."""
    return engine.pool.breaker if isinstance(engine.pool, BoundedPool) else None


def warm(engine: Engine, *, within: timedelta) -> int:
    """Fill the pool, and return how many connections it has; a database that is away is not waited for any longer.

    A new process then serves its first requests as quickly as all others, instead of having them all dial at once.
    """
    with deadline.within(within), ExitStack() as stack, suppress(Error, DBAPIError):
        while isinstance(engine.pool, QueuePool) and engine.pool.checkedout() < engine.pool.size():
            stack.enter_context(engine.connect())
    return engine.pool.checkedin() if isinstance(engine.pool, QueuePool) else 0


def _is_away(*, more_than: int) -> Callable[[Counts], bool]:
    """Return the rule that trips on many failures, or on more in a row than a single blow to the pool can bring."""
    return lambda counts: counts.consecutive_failures > more_than or MOSTLY_FAILING(counts)
