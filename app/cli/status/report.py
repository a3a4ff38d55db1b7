"""The status of a system as one value, for the table and for JSON. Unknown values are ``None``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.models.failed_requests import FailureCount
from app.models.jobs import Backlog
from app.repositories.server_status import ServerStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One metrics port: an HTTP instance, a gRPC server or a worker. ``problem`` is why it returned no metrics."""

    target: str
    is_up: bool
    problem: str | None = None
    version: str | None = None
    python: str | None = None
    requests_per_second: float | None = None
    failures_per_second: float | None = None
    in_flight: int | None = None
    waiting: int | None = None
    not_ready: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerStatus:
    """A circuit breaker, in its worst state of all workers and instances."""

    name: str
    state: str
    not_closed_on: Sequence[str]
    rejected_per_second: float | None
    opened: int
    """State transitions to open in the observed time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitStatus:
    """A limit of the system, its use, and the rate of its rejections."""

    name: str
    in_use: int | None
    maximum: int | None
    rejected_per_second: float | None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatus:
    """The jobs of one kind: the queue in PostgreSQL, and the outcomes in the metrics of the workers."""

    kind: str
    queued: int | None
    dead: int | None
    overdue_seconds: float | None
    outcomes: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """The requests to one route in the observed time."""

    name: str
    requests: int
    per_second: float | None
    mean_seconds: float
    p95_seconds: float | None
    failed: int
    failed_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseStatus:
    """PostgreSQL, its queue of jobs and its stored failures; ``problem`` is why it did not respond."""

    problem: str | None = None
    server: ServerStatus | None = None
    backlogs: Sequence[Backlog] = ()
    failures: Sequence[FailureCount] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The whole status. ``window_seconds`` is the time of rates and operations; 0: since the start of each instance."""

    at: datetime
    window_seconds: float
    instances: Sequence[Instance]
    database: DatabaseStatus
    breakers: Sequence[BreakerStatus]
    limits: Sequence[LimitStatus]
    jobs: Sequence[JobStatus]
    slowest: Sequence[Operation]
    failing: Sequence[Operation]
