"""Reads that can use a replica, if their operation permits it and the replica has the state that the caller has seen.

A caller sends the position in the write-ahead log that includes everything that it has seen
(``request_context.ReplicaReads``). A replica that has not reached it is not waited for: the primary serves the read.
After each read, the position of the server is the new position of the caller. So no caller reads an older state than
one that it has seen, on whichever server (monotonic reads and read-your-writes: Terry et al., "Session guarantees for
weakly consistent replicated data", 1994).

A connection keeps the last known position of its server, which only grows. A replica that fails, cancels the read
because of a conflict with recovery, or does not respond in time is also replaced by the primary.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final, TypeVar

from sqlalchemy import BigInteger, Double, Engine, PoolProxiedConnection, literal_column, select
from sqlalchemy.orm import Session, scoped_session

from app import request_context
from app.errs import Error, Fault
from app.errs.platform import DeadlineExceeded
from app.observability import metrics
from app.repositories.autocommit_reads import Reads
from app.repositories.compiled_statement import CompiledStatement, ReadConnection
from app.repositories.pool import checkout
from app.repositories.position import LSN, TIMELINE
from app.request_context import Position
from app.resilience import deadline

T = TypeVar("T")
LONGEST: Final = timedelta(seconds=1)
"""The time limit of a replica. At most half of the remaining time of the request is used."""
KNOWN: Final = "app_position"
"""The key of the last known position in the information that the pool keeps about a connection."""
POSITION: Final = CompiledStatement(
    select(
        literal_column(TIMELINE, BigInteger).label("timeline"),
        literal_column(LSN, BigInteger).label("lsn"),
    )
)
LAG: Final = CompiledStatement(  # without a connection to the primary, everything received is replayed, but it lags
    select(
        literal_column(
            "CASE WHEN NOT pg_is_in_recovery() OR (pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn()"
            " AND EXISTS (SELECT FROM pg_stat_wal_receiver)) THEN 0"
            " WHEN true THEN coalesce(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()), 0)"
            " END::double precision",
            Double,
        ).label("seconds")
    )
)


class _BehindError(Exception):
    """The replica has not reached the position of the caller."""


class ReplicaReads(Reads):
    """Reads that use a replica if ``request_context.replica_reads`` permits it, and otherwise the primary."""

    def __init__(
        self,
        engine: Callable[[], Engine],
        sessions: scoped_session[Session],
        replica: Callable[[], Engine],
    ) -> None:
        super().__init__(engine, sessions)
        self._replica = replica

    def _run_alone(self, read: Callable[[ReadConnection], T]) -> T:
        permitted = request_context.replica_reads.get()
        if permitted is None:
            metrics.READS.labels("primary", "not_permitted").inc()
            return self._run_at_primary(read)
        seen = request_context.position.get()
        after = permitted.after if seen is None else seen.joined(permitted.after)
        reason = "behind"
        try:
            if after != request_context.UNREACHED:
                found = self._run_at_replica(read, after)
                metrics.READS.labels("replica", "stale" if after is None else "reached").inc()
                return found
        except _BehindError:
            pass
        except Error as error:
            if error.kind.fault is Fault.CLIENT and not isinstance(error, DeadlineExceeded):
                raise
            limit = deadline.current.get()
            if limit is not None:
                limit.check("database")
            reason = "failed"
        metrics.READS.labels("primary", reason).inc()
        return self._run_at_primary(lambda connection: _followed(read, connection)[0])

    def _run_at_replica(self, read: Callable[[ReadConnection], T], after: Position | None) -> T:
        limit, engine = deadline.current.get(), self._replica()

        def run(connection: PoolProxiedConnection) -> T:
            at = ReadConnection(engine.dialect, connection)
            known: Position | None = connection.info.get(KNOWN)
            if after is not None and not (known and known.includes(after)):
                connection.info[KNOWN] = known = _position(at)
                if not known.includes(after):
                    raise _BehindError
            found, connection.info[KNOWN] = _followed(read, at)
            return found

        with deadline.within(LONGEST if limit is None else min(LONGEST, timedelta(seconds=limit.remaining() / 2))):
            return checkout(engine, run)


class ReplicaCheck:
    """The check of ``/readyz``, which also measures the lag."""

    def __init__(self, replica: Callable[[], Engine]) -> None:
        self._reads = Reads(replica)

    def responds(self) -> bool:
        """Return True if a replica responds.

        Raises:
            ServiceUnavailable: no replica is reachable.
        """
        try:
            seconds = float(self._reads.value(LAG))
        except Error:
            metrics.REPLICA_LAG.set(float("nan"))
            raise
        metrics.REPLICA_LAG.set(seconds)
        return True


def _followed(read: Callable[[ReadConnection], T], connection: ReadConnection) -> tuple[T, Position]:
    """Run a read, and return its result and the position after it, which includes everything that it has seen."""
    found = read(connection)
    position = _position(connection)
    request_context.position.set(position.joined(request_context.position.get()))
    return found, position


def _position(connection: ReadConnection) -> Position:
    row: Any = connection.all(POSITION)[0]
    return Position(row.timeline, row.lsn)
