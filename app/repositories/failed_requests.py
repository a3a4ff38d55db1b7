"""Stored failed requests: reads like other collections, and a writer with its own connection."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, NullPool, bindparam, create_engine, delete, event, func, insert, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from app.models.failed_requests import Failure, FailureCount
from app.observability.failure_recorder import FailureEntry
from app.repositories import error_translation, new_connections
from app.repositories.autocommit_reads import Reads
from app.repositories.compiled_statement import CompiledStatement
from app.repositories.engine import engine_options

COLUMNS: Final = (Failure.request_id, Failure.at, Failure.trace_id, Failure.said)
NEWEST: Final = CompiledStatement(
    select(*COLUMNS)
    .where(Failure.request_id == bindparam("request_id"))
    .order_by(Failure.at.desc(), Failure.id.desc())
    .limit(bindparam("most"))
)
CODE, METHOD, ROUTE = (Failure.said[each].astext for each in ("code", "method", "route"))
NEWEST_ID: Final = func.array_agg(aggregate_order_by(Failure.request_id, Failure.at.desc()))
COUNTS: Final = CompiledStatement(
    select(CODE, METHOD, ROUTE, func.count(), func.max(Failure.at), NEWEST_ID[1])
    .where(Failure.at >= bindparam("since"), Failure.said["status"].astext.between("500", "599"))
    .group_by(CODE, METHOD, ROUTE)
    .order_by(func.count().desc(), func.max(Failure.at).desc())
    .limit(bindparam("most"))
)
TIMEOUT: Final = timedelta(seconds=5)
TRIMMING: Final = 7_235_119
"""The key of the advisory lock for the deletion of outdated rows and of rows over the limit."""


class FailureReads:
    """Reads failed requests."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    def find(self, request_id: str, *, most: int) -> list[FailureEntry]:
        """Return the failed requests with this ID, newest first."""
        return [FailureEntry(*row) for row in self._reads.all(NEWEST, request_id=request_id, most=most)]

    def counts(self, *, since: datetime, most: int) -> list[FailureCount]:
        """Return the stored 5xx since a time by code and operation, the most frequent first."""
        return [FailureCount(*row) for row in self._reads.all(COUNTS, since=since, most=most)]


class FailureWriter:
    """Writes entries on a new connection for each batch, without the pool, work slots and breaker of requests."""

    def __init__(self, url: str, *, max_rows: int, days: int) -> None:
        arguments = engine_options(pool_size=1, statement_timeout=TIMEOUT, url=url)["connect_args"]
        watched = {"keepalives_idle": 5, "keepalives_interval": 5, "keepalives_count": 2}
        self._engine = create_engine(
            url, poolclass=NullPool, hide_parameters=True, connect_args={**arguments, **watched}
        )
        error_translation.install(self._engine)
        event.listen(self._engine, "connect", new_connections.reject_unfit, insert=True)
        self._kept, self._age = max_rows, timedelta(days=days)

    def __call__(self, entries: Sequence[FailureEntry]) -> None:
        """Write entries, and delete rows that are too old or over the limit.

        Raises:
            ServiceUnavailable: the database is not reachable.
        """
        rows = [
            {"request_id": each.request_id, "at": each.at, "trace_id": each.trace_id, "said": each.fields}
            for each in entries
        ]
        with error_translation.translating(), self._engine.begin() as connection:
            if rows:
                connection.execute(insert(Failure), rows)
            self._trim(connection)

    def _trim(self, connection: Connection) -> None:
        """Delete old rows, unless another worker is doing it: two could deadlock."""
        if not connection.execute(select(func.pg_try_advisory_xact_lock(TRIMMING))).scalar_one():
            return
        connection.execute(delete(Failure).where(Failure.at < datetime.now(UTC) - self._age))
        last = select(Failure.id).order_by(Failure.id.desc()).offset(self._kept).limit(1).scalar_subquery()
        connection.execute(delete(Failure).where(Failure.id <= last))
