"""The connection pool: bounded, with wait times that are limited by deadlines and the circuit breaker."""

import math
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, nullcontext, suppress
from typing import Any, Final, TypeVar, cast

import psycopg
from sqlalchemy import Engine, PoolProxiedConnection, QueuePool
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from app.errs import Error
from app.errs.platform import ServiceUnavailable
from app.observability import metrics, request_timing
from app.repositories import connection_checkout, error_translation, psycopg_internals
from app.resilience import deadline
from app.resilience.breaker import Breaker
from app.resilience.socket_watchdog import Watchdog
from app.resilience.writer_limit import WriterLimit

T = TypeVar("T")
IDLE: Final = psycopg.pq.TransactionStatus.IDLE
UNKNOWN: Final = psycopg.pq.TransactionStatus.UNKNOWN
"""The status of a lost connection."""
MAX_POOL_WAIT: Final = 1.0
"""The maximum seconds that a request waits for a connection. Its deadline may be earlier."""
REDIAL_PAUSE: Final = 0.5
"""The minimum seconds between two replacements of all connections, while the server stays read-only."""
READ_ONLY: Final = psycopg.errors.ReadOnlySqlTransaction.sqlstate
"""The SQLSTATE of a write on a standby."""
DETACHED: Final = "app_detached"
"""The mark of a connection that was detached from its request, and the key of its entry in the pool record."""


def work_slots(pool_size: int) -> int:
    """Return the number of requests that may use the database at the same time: readiness has one connection."""
    return max(1, pool_size - 1)


class _DetachedConnection:
    """A detached connection, and its record in the pool."""

    def __init__(self, connection: Any) -> None:
        setattr(connection, DETACHED, True)
        self.record: ConnectionPoolEntry | None = None


class BoundedPool(QueuePool):
    """A pool without overflow. Callers wait at most until their deadline, and not at all while the breaker is open."""

    breaker: Breaker | None = None
    watchdog: Watchdog
    writer_limit: WriterLimit
    _redial_at = math.inf
    _redialled_at = -math.inf

    def guard(self, breaker: Breaker) -> None:
        """Set the breaker that is checked before each checkout, and enforce deadlines on connections."""
        self.breaker, self.watchdog, self.writer_limit = (
            breaker,
            Watchdog(),
            WriterLimit(max(1, work_slots(self.size()) // 2)),
        )
        connection_checkout.end_on_return(self)

    def recreate(self) -> "BoundedPool":
        """Return a new pool like this one."""
        pool = super().recreate()
        if not isinstance(pool, BoundedPool):
            raise TypeError("the recreated pool has another type")
        if self.breaker is not None:
            pool.breaker, pool.watchdog, pool.writer_limit = self.breaker, self.watchdog, self.writer_limit
        return pool

    def connect(self) -> PoolProxiedConnection:
        """Return a connection. When it is returned, its result is reported to the breaker."""
        if self.breaker is None:
            return super().connect()
        ticket, connection, began = self.breaker.allow(), None, time.perf_counter()
        if began >= self._redial_at:
            self._redial_at, self._redialled_at, self._invalidate_time = math.inf, began, time.time()
        try:
            connection = super().connect()
            connection_checkout.begin(connection, ticket, self.watchdog)
        except BaseException as exc:
            ticket.report(exc)
            if connection is not None:
                connection.invalidate(exc)
            raise
        finally:
            request_timing.record_stage("database_pool", time.perf_counter() - began)
        return connection

    def redial(self) -> None:
        """Replace each connection at its next checkout, because the server is read-only: a failover moved the primary.

        For the breaker, this is not a failure: the server has responded. While new connections also lead to a read-only
        server, they are replaced every ``REDIAL_PAUSE`` seconds.
        """
        self._redial_at = min(self._redial_at, max(time.perf_counter(), self._redialled_at + REDIAL_PAUSE))

    def idle(self) -> Generator[PoolProxiedConnection, None, None]:
        """Yield idle connections without the breaker. At the end, return them to the pool."""
        with ExitStack() as stack, suppress(psycopg.Error, Error):
            while self.checkedin():
                connection = super().connect()
                stack.callback(_give_back, connection)
                yield connection

    def _invalidate(
        self, connection: PoolProxiedConnection, exception: BaseException | None = None, _checkin: bool = True
    ) -> None:
        """Invalidate a connection and all older ones. After its deadline only this one: the watchdog has closed it."""
        limit = deadline.current.get()
        if not _checkin or limit is None or not limit.is_over:
            super()._invalidate(connection, exception, _checkin)
        elif connection.is_valid:
            connection.invalidate(exception)

    def detach(self, connection: PoolProxiedConnection, cause: BaseException) -> Callable[[], None]:
        """Detach an open connection from its request. Return a function that frees its place after it is closed."""
        info = connection.record_info
        if info is None:
            raise TypeError("the connection has no pool record")
        info[DETACHED] = left = _DetachedConnection(connection.driver_connection)
        connection.invalidate(cause)

        def give_back() -> None:
            info.pop(DETACHED, None)
            if left.record is not None:
                self._do_return_conn(left.record)

        return give_back

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        """Return a record to the pool, unless its detached connection is still open."""
        left: _DetachedConnection | None = record.record_info.get(DETACHED) if record.record_info else None
        if left is None:
            super()._do_return_conn(record)
        else:
            left.record = record

    def _close_connection(self, connection: DBAPIConnection, *, terminate: bool = False) -> None:
        """Close a connection, unless it was detached."""
        if not getattr(connection, DETACHED, False):
            super()._close_connection(connection, terminate=terminate)

    @property
    def _timeout(self) -> float:
        """Return the timeout. QueuePool reads this attribute at each wait."""
        limit = deadline.current.get()
        return MAX_POOL_WAIT if limit is None else min(MAX_POOL_WAIT, limit.remaining())

    @_timeout.setter
    def _timeout(self, value: float) -> None:
        """Ignore the fixed value that the base class sets."""

    def _do_get(self) -> ConnectionPoolEntry:
        idle: Any = self._pool
        with idle.mutex:
            if idle.queue:
                record: ConnectionPoolEntry = idle._get()  # noqa: SLF001 -- as ``get`` does, in a tenth of the calls
                return record
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


def _give_back(connection: PoolProxiedConnection) -> None:
    if connection.is_valid:
        connection.close()


def check_writer_limit(engine: Engine) -> None:
    """Reject a new write while half of the work slots wait for their COMMIT.

    Raises:
        ServiceUnavailable: half of the work slots wait.
    """
    if isinstance(engine.pool, BoundedPool) and engine.pool.breaker is not None:
        engine.pool.writer_limit.check()


def redial(engine: Engine) -> None:
    """Replace the connections of an engine, because its server is read-only."""
    if isinstance(engine.pool, BoundedPool):
        engine.pool.redial()


def checkout_connection(engine: Engine) -> PoolProxiedConnection:
    """Return a connection. Errors of the driver are translated."""
    try:
        return engine.pool.connect()
    except psycopg.Error as exc:
        raise error_translation.from_foreign(exc, "connect", is_disconnect=True) from exc


def checkout(engine: Engine, use: Callable[[PoolProxiedConnection], T]) -> T:
    """Call ``use`` with a connection in autocommit, and return its result. Errors of the driver are translated."""
    connection = checkout_connection(engine)
    driven: Any = connection.dbapi_connection
    psycopg_internals.set_autocommit(driven, True)
    try:
        try:
            return use(connection)
        finally:
            if driven.pgconn.transaction_status not in (IDLE, UNKNOWN):
                driven.rollback()
            psycopg_internals.set_autocommit(driven, False)
    except error_translation.FOREIGN as exc:
        raise translate_failure(engine, connection, exc) from exc
    finally:
        if connection.is_valid:
            connection.close()


def translate_failure(
    engine: Engine,
    connection: PoolProxiedConnection,
    cause: psycopg.Error | UnicodeEncodeError,
    step: str = "execute",
) -> Error:
    """Return the application error for an exception of the driver. Invalidate a dead connection."""
    driven: Any = connection.dbapi_connection
    is_dead = engine.dialect.is_disconnect(cast("Any", cause), driven, None)
    if is_dead and isinstance(engine.pool, BoundedPool):
        engine.pool._invalidate(connection, cause)  # noqa: SLF001 -- the pool's own method also invalidates older connections
    elif isinstance(cause, psycopg.Error) and cause.sqlstate == READ_ONLY:
        redial(engine)
    return error_translation.from_foreign(cause, step, is_disconnect=is_dead)
