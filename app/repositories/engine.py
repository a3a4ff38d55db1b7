"""The engine: its options, its circuit breaker, and the events that enforce deadlines on its connections."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from datetime import timedelta
from functools import partial
from types import MappingProxyType
from typing import Any, Final

import psycopg
from sqlalchemy import Engine, PoolProxiedConnection, QueuePool, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError

from app import product
from app.config.postgresql_url import OWN, SESSION, names_set
from app.errs import Error, root_cause
from app.observability import request_timing
from app.repositories import (
    connection_with_listeners,
    error_translation,
    libpq_commands,
    listener_detection,
    new_connections,
    stale_plans,
    standby,
)
from app.repositories.commits import Commits
from app.repositories.database_clock import DatabaseClock
from app.repositories.pool import BoundedPool, work_slots
from app.resilience import deadline
from app.resilience.breaker import Breaker, Event
from app.resilience.breaker_counts import MOSTLY_FAILS, Counts

LOCK_WAIT: Final = timedelta(seconds=2)
POOL_ERRORS: Final = frozenset(("creator", "max_overflow", "pool", "pool_size", "pool_timeout", "poolclass"))
"""Arguments of ``create_engine`` that are rejected, because the limits of the pool depend on them."""
CONNECT_TIMEOUT: Final = 2
"""Seconds for a new connection: the minimum that libpq supports."""
OPEN_FOR: Final = timedelta(seconds=1)
"""How long the breaker stays open. It is short, because the database may be available again at any time."""
RESPONSE: Final = timedelta(seconds=0.25)
"""The time in which all idle connections must respond before the breaker closes."""
LONGEST_USE: Final = timedelta(minutes=30)
"""The age at which a connection is replaced. A load balancer then spreads the connections over new servers, too."""
_LOG: Final = product.logger("database")
Hooks = tuple[Callable[[Event], None], ...]


def engine_options(
    *, pool_size: int, statement_timeout: timedelta, url: str = "", more: Mapping[str, Any] = MappingProxyType({})
) -> dict[str, Any]:
    """Return the arguments of ``create_engine``.

    Args:
        pool_size: the number of connections of a process.
        statement_timeout: the limit of one statement, enforced by PostgreSQL.
        url: the URL of the database. Its ``options`` and ``connect_timeout`` are used.
        more: further or replacing arguments. ``connect_args`` and its ``options`` are merged.

    Raises:
        ValueError: ``more`` sets the pool, or session parameters that the service sets itself.
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
        "pool_recycle": round(LONGEST_USE.total_seconds()),
        "hide_parameters": True,
        **more,
        "connect_args": connect,
    }


def prepare(
    engine: Engine,
    *,
    hooks: Hooks = (),
    clock: DatabaseClock | None = None,
    is_replica: bool = False,
    reports_position: bool = False,
) -> None:
    """Add error translation, the circuit breaker, and enforcement of deadlines to an engine.

    Args:
        engine: an engine with ``engine_options``.
        hooks: called with the events of the breaker.
        clock: the clock that new connections measure.
        is_replica: true for an engine whose servers are standbys.
        reports_position: see ``Commits``.
    """
    if not isinstance(engine.pool, BoundedPool):
        raise TypeError("the engine must be created with engine_options")
    breaker = Breaker(
        "replica" if is_replica else "database",
        ready_to_trip=_is_unreachable(more_than=engine.pool.size(), timeouts=max(2, work_slots(engine.pool.size()))),
        is_failure=error_translation.is_failure,
        open_for=OPEN_FOR,
        health_check=partial(_probe, engine),
        hooks=hooks,
    )
    engine.pool.guard(breaker)
    error_translation.install(engine)
    connection_with_listeners.install(engine)
    stale_plans.install(engine)
    if not is_replica:
        standby.install(engine)
    engine.dialect.do_commit = Commits(  # type: ignore[method-assign, assignment]
        engine.pool.writer_limit, engine.pool.detach, reports_position=reports_position
    )
    engine.dialect.do_rollback = libpq_commands.roll_back  # type: ignore[method-assign, assignment]
    around_statements(engine, partial(request_timing.timed, "database"))
    event.listen(engine, "do_connect", new_connections.HostList().connect)
    event.listen(engine, "connect", new_connections.reject_unfit, insert=True)
    if clock is not None:
        event.listen(engine, "connect", clock.measure)
    listener_detection.install(engine)


def replica_engine(url: str, *, pool_size: int, statement_timeout: timedelta, hooks: Hooks) -> Engine:
    """Return an engine for reads from replicas. It connects at its first use."""
    options = engine_options(pool_size=pool_size, statement_timeout=statement_timeout, url=url)
    engine = create_engine(url, **options)
    prepare(engine, hooks=hooks, is_replica=True)
    return engine


def around_statements(engine: Engine, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Wrap the methods that send statements. Each is called with cursor and statement, except the one for COMMIT."""
    for name in ("do_execute", "do_executemany", "do_execute_no_params", "do_commit"):
        setattr(engine.dialect, name, wrap(getattr(engine.dialect, name)))


def breaker_of(engine: Engine) -> Breaker | None:
    """Return the circuit breaker of an engine; ``None`` before ``prepare``."""
    return engine.pool.breaker if isinstance(engine.pool, BoundedPool) else None


def warm(engine: Engine, *, within: timedelta) -> int:
    """Fill the pool within a time limit, and return its number of connections.

    The first requests of a new process then do not wait for new connections.
    """
    try:
        with deadline.within(within), ExitStack() as stack:
            while isinstance(engine.pool, QueuePool) and engine.pool.checkedout() < engine.pool.size():
                stack.enter_context(engine.connect())
    except (Error, DBAPIError) as fault:
        _LOG.warning("no database connection at start: %s", reason_of(fault))
    return engine.pool.checkedin() if isinstance(engine.pool, QueuePool) else 0


def reason_of(fault: Error | DBAPIError) -> str:
    """Return the reason why there is no connection, in one line. It has no secrets, because libpq quotes none."""
    detail = fault.detail if isinstance(fault, Error) else None
    return " ".join((detail or str(root_cause(fault))).split())


def _is_unreachable(*, more_than: int, timeouts: int) -> Callable[[Counts], bool]:
    """Return the rule that trips the breaker: a high failure rate, more consecutive failures than one incident in the
    pool can cause, or as many consecutive timeouts as there are work slots.
    """
    return lambda counts: (
        counts.consecutive_timeouts >= timeouts or counts.consecutive_failures > more_than or MOSTLY_FAILS(counts)
    )


def _probe(engine: Engine) -> None:
    """Check that the database responds before the deadline: on a new connection, otherwise on an idle one of the pool.

    A lost idle connection waits until the deadline, therefore a new one is tried first. But the role may have reached
    its connection limit.

    Raises:
        Exception: the database does not respond.
    """
    limit, pool = deadline.current.get(), engine.pool
    if limit is None or not isinstance(pool, BoundedPool):
        raise TypeError("a health check requires a deadline")
    try:
        connection: Any = pool._creator()  # type: ignore[call-arg] # noqa: SLF001 -- SQLAlchemy's, with the engine's events
    except psycopg.Error:
        with closing(pool.idle()) as idle:
            if not any(_responds(pool, each, limit) for each in idle):
                raise
    else:
        with closing(connection):
            _select(pool, connection, limit)
        _replace_lost(pool)


def _replace_lost(pool: BoundedPool) -> None:
    """Replace all connections if an idle one does not respond: its machine is lost.

    Each of them would otherwise cost a request its whole time, and open the breaker again.
    """
    with deadline.within(RESPONSE), closing(pool.idle()) as idle:
        limit = deadline.current.get()
        if limit is not None and not all(_responds(pool, each, limit) for each in idle):
            pool.redial()


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
