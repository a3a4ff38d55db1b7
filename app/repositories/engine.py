"""The engine: a bounded pool whose connections know the deadline of the request that uses them."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from datetime import timedelta
from functools import partial
from types import MappingProxyType
from typing import Any, Final

import psycopg
from sqlalchemy import Engine, PoolProxiedConnection, QueuePool, event, make_url
from sqlalchemy.exc import DBAPIError

from app import product
from app.config.database import OWN, SESSION, names_set
from app.errs import Error, root_cause
from app.observability import request_timing
from app.repositories import error_translation, libpq_io, listeners, new_connections, observed_connection, stale_plans
from app.repositories.commits import Commits
from app.repositories.pool import BoundedPool, work_slots
from app.resilience import deadline
from app.resilience.breaker import Breaker, Event
from app.resilience.breaker_counts import MOSTLY_FAILS, Counts

LOCK_WAIT: Final = timedelta(seconds=2)
POOL_ERRORS: Final = frozenset(("creator", "max_overflow", "pool", "pool_size", "pool_timeout", "poolclass"))
"""Arguments that the pool's limits depend on."""
CONNECT_TIMEOUT: Final = 2
"""Seconds for a new connection, the least that libpq keeps to."""
OPEN_FOR: Final = timedelta(seconds=1)
"""How long a database that is away is left alone; short, since it may be back any moment."""
_LOG: Final = product.logger("database")


def engine_options(
    *, pool_size: int, statement_timeout: timedelta, url: str = "", more: Mapping[str, Any] = MappingProxyType({})
) -> dict[str, Any]:
    """Return the arguments of ``create_engine``.

    Args:
        pool_size: connections of a process.
        statement_timeout: limit of one statement, kept by PostgreSQL.
        url: that of the database, whose ``options`` and ``connect_timeout`` are kept.
        more: further arguments, or others in the place of these; ``connect_args`` and its ``options`` are merged.

    Raises:
        ValueError: the pool, or what a session depends on, is among them.
    """
    if fixed := ", ".join(sorted(POOL_ERRORS.intersection(more))):
        raise ValueError(f"SQLALCHEMY_ENGINE_OPTIONS cannot set {fixed}; DATABASE_POOL_SIZE sets the size of the pool")
    given, requested = make_url(url).query if url else {}, more.get("connect_args", {})
    if fixed := ", ".join(sorted(OWN.intersection(names_set(requested.get("options", ""))))):
        raise ValueError(f"SQLALCHEMY_ENGINE_OPTIONS cannot set {fixed} in options: the service sets it itself")
    session = {
        "statement_timeout": round(statement_timeout.total_seconds() * 1000),
        "lock_timeout": round(LOCK_WAIT.total_seconds() * 1000),
        "client_connection_check_interval": 250,
        **SESSION,
    }
    connect = {
        "fallback_application_name": product.SLUG,
        "client_encoding": "UTF8",
        **({} if "connect_timeout" in given else {"connect_timeout": CONNECT_TIMEOUT}),
        **requested,
    }
    connect["options"] = " ".join(
        [
            *(f"-c {name}={value}" for name, value in session.items()),
            *filter(None, [given.get("options"), requested.get("options")]),
        ]
    )
    return {
        "poolclass": BoundedPool,
        "pool_size": pool_size,
        "max_overflow": 0,
        "pool_use_lifo": True,
        "hide_parameters": True,
        **more,
        "connect_args": connect,
    }


def prepare(engine: Engine, *, hooks: tuple[Callable[[Event], None], ...] = ()) -> None:
    """Translate the engine's errors, guard it by a breaker, and hold it, by a watchdog, to the deadline.

    Args:
        engine: made with ``engine_options``.
        hooks: are told what the breaker does.
    """
    if not isinstance(engine.pool, BoundedPool):
        raise TypeError("the engine is made with engine_options")
    breaker = Breaker(
        "database",
        ready_to_trip=_is_unreachable(more_than=engine.pool.size(), timeouts=max(2, work_slots(engine.pool.size()))),
        is_failure=error_translation.is_failure,
        open_for=OPEN_FOR,
        health_check=partial(_probe, engine),
        hooks=hooks,
    )
    engine.pool.guard(breaker)
    error_translation.install(engine)
    observed_connection.install(engine)
    stale_plans.install(engine)
    engine.dialect.do_commit = Commits(engine.pool.writer_limit, engine.pool.detach)  # type: ignore[method-assign, assignment]
    engine.dialect.do_rollback = libpq_io.roll_back  # type: ignore[method-assign, assignment]
    around_statements(engine, partial(request_timing.timed, "database"))
    event.listen(engine, "do_connect", new_connections.connect)
    event.listen(engine, "connect", new_connections.reject_unfit, insert=True)
    listeners.install(engine)


def around_statements(engine: Engine, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Wrap whatever sends a statement: it is called with the cursor and the statement, or, to commit, without."""
    for name in ("do_execute", "do_executemany", "do_execute_no_params", "do_commit"):
        setattr(engine.dialect, name, wrap(getattr(engine.dialect, name)))


def breaker_of(engine: Engine) -> Breaker | None:
    """Return what guards a prepared engine."""
    return engine.pool.breaker if isinstance(engine.pool, BoundedPool) else None


def warm(engine: Engine, *, within: timedelta) -> int:
    """Fill the pool, and return how many connections it has; a database that is away is not waited for any longer.

    A new process then serves its first requests as quickly as all others, instead of having them all dial at once.
    """
    try:
        with deadline.within(within), ExitStack() as stack:
            while isinstance(engine.pool, QueuePool) and engine.pool.checkedout() < engine.pool.size():
                stack.enter_context(engine.connect())
    except (Error, DBAPIError) as fault:
        _LOG.warning("no database connection at start: %s", reason_of(fault))
    return engine.pool.checkedin() if isinstance(engine.pool, QueuePool) else 0


def reason_of(fault: Error | DBAPIError) -> str:
    """Return in one line why there is no connection, without secrets: libpq quotes none."""
    detail = fault.detail if isinstance(fault, Error) else None
    return " ".join((detail or str(root_cause(fault))).split())


def _is_unreachable(*, more_than: int, timeouts: int) -> Callable[[Counts], bool]:
    """Return the rule that trips on many failures, on more in a row than a single blow to the pool can bring, or on as
    many timeouts in a row as there are work slots.
    """
    return lambda counts: (
        counts.consecutive_timeouts >= timeouts or counts.consecutive_failures > more_than or MOSTLY_FAILS(counts)
    )


def _probe(engine: Engine) -> None:
    """Return if the database answers before the deadline: on a new connection, or else on an idle one of the pool.

    An idle one may be lost, and then wait until the deadline. But the role may have no further connection than those.

    Raises:
        Exception: it does not.
    """
    limit, pool = deadline.current.get(), engine.pool
    if limit is None or not isinstance(pool, BoundedPool):
        raise TypeError("the database is asked within a deadline")
    try:
        connection: Any = pool._creator()  # type: ignore[call-arg] # noqa: SLF001 -- SQLAlchemy's, with the engine's events
    except psycopg.Error:
        with closing(pool.idle()) as idle:
            if not any(_responds(pool, each, limit) for each in idle):
                raise
    else:
        with closing(connection):
            _select(pool, connection, limit)


def _responds(pool: BoundedPool, connection: PoolProxiedConnection, limit: deadline.Deadline) -> bool:
    try:
        _select(pool, connection.driver_connection, limit)
    except psycopg.Error as lost:
        connection.invalidate(lost)
        return False
    return True


def _select(pool: BoundedPool, connection: Any, limit: deadline.Deadline) -> None:
    watched = pool.watchdog.watch(connection.fileno(), at=limit.at)
    try:
        connection.autocommit = True
        connection.execute("SELECT 1")
        connection.autocommit = False
    finally:
        pool.watchdog.release(watched)
