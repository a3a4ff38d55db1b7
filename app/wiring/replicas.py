"""The reads that can use a replica, the check of ``/readyz``, and the breaker, if ``REPLICA_URL`` is set."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import scoped_session

from app.config import Settings
from app.repositories.autocommit_reads import Reads
from app.repositories.engine import breaker_of, replica_engine
from app.repositories.replica_reads import ReplicaCheck, ReplicaReads
from app.resilience import instrumentation
from app.resilience.breaker import Breaker
from app.wiring.event_hooks import log_transitions


@dataclass(frozen=True, slots=True)
class Replicas:
    """The parts of the replicas that the services need."""

    reads: Reads
    """For resources that permit it. All other reads use the primary."""
    checks: dict[str, Callable[[], bool]]
    engine: Engine | None

    @property
    def breaker(self) -> Breaker | None:
        """The breaker of the replicas."""
        return breaker_of(self.engine) if self.engine else None


def replicas(settings: Settings, session: scoped_session[Any], primary: Callable[[], Engine], reads: Reads) -> Replicas:
    """Return the replicas; without ``REPLICA_URL``, the reads of the primary."""
    if not settings.replica_url:
        return Replicas(reads, {}, None)
    engine = replica_engine(
        settings.replica_url,
        pool_size=settings.database_pool_size,
        statement_timeout=timedelta(seconds=settings.request_timeout),
        hooks=(log_transitions, instrumentation.count_breaker_event),
    )
    return Replicas(
        ReplicaReads(primary, session, lambda: engine),
        {"replica": ReplicaCheck(lambda: engine).responds},
        engine,
    )
