"""The metrics. Every label has a closed set of values: no value that a client chose becomes a label.

Behind gunicorn the values are in files that the exporter reads (see `deploy/metering`), otherwise in memory.
The mode ``livesum`` is the sum over live workers, ``livemax`` the maximum.
"""

import platform
import re
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from app import errs
from app.config import VERSION
from app.errs import Fault, Kind
from app.errs.platform import DeadlineExceeded

UNMATCHED: Final = "unmatched"
OTHER: Final = "OTHER"
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
"""The methods of RFC 9110 and RFC 5789."""
BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
STATES: Final = {"closed": 0.0, "half-open": 0.5, "open": 1.0}
REGISTRY: Final = CollectorRegistry()
FIELDS: Final[set[str]] = set()
"""The field names in violations, without indexes; any other name is the client's."""
_INDEX: Final = re.compile(r"\[[0-9]+\]")


def _counter(name: str, help_text: str, *labels: str) -> Counter:
    return Counter(name, help_text, labels, registry=REGISTRY)


def _gauge(name: str, help_text: str, *labels: str, mode: str = "livesum") -> Gauge:
    return Gauge(name, help_text, labels, registry=REGISTRY, multiprocess_mode=mode)  # type: ignore[arg-type]  # a literal


class Level(Gauge):
    """A gauge without labels that changes with each request: without the checks of ``Gauge``, which cost more."""

    def inc(self, amount: float = 1) -> None:
        """Add an amount."""
        self._value.inc(amount)

    def dec(self, amount: float = 1) -> None:
        """Subtract an amount."""
        self._value.inc(-amount)


def _level(name: str, help_text: str) -> Level:
    return Level(name, help_text, registry=REGISTRY, multiprocess_mode="livesum")


class Durations(Histogram):
    """A histogram that finds the bucket by bisection, and likewise checks nothing."""

    def observe(self, amount: float, exemplar: dict[str, str] | None = None) -> None:
        """Count a duration in seconds."""
        self._sum.inc(amount)
        self._buckets[bisect_left(self._upper_bounds, amount)].inc(1)


DURATION: Final = Durations(
    "http_request_duration_seconds",
    "Time from the first hook to the last, by route pattern.",
    ("method", "route", "status"),
    buckets=BUCKETS,
    registry=REGISTRY,
)
IN_FLIGHT: Final = _level("http_requests_in_flight", "Requests that a thread is processing.")
WAITING: Final = _gauge("http_requests_waiting", "Requests in the queue before the threads.")
LOAD_SHED: Final = _counter("http_requests_shed_total", "Requests rejected because of overload, by stage.", "at")
ERRORS: Final = _counter("errors_total", "Error responses.", "code", "kind", "fault")
SIMULATED: Final = _counter("simulated_errors_total", "Errors returned at the caller's request.", "code")
VIOLATIONS: Final = _counter("validation_violations_total", "Violations of validation rules.", "field", "code")
PANICS: Final = _counter("panics_recovered_total", "Unexpected exceptions, returned as INTERNAL_ERROR.")
UNDECLARED: Final = _counter(
    "undeclared_errors_total", "Errors that the operation does not declare.", "operation", "code"
)
DEGRADED: Final = _counter("degraded_responses_total", "Responses without the dependency.", "dependency")
BREAKER_STATE: Final = _gauge("breaker_state", "0 closed, 0.5 half-open, 1 open.", "breaker", mode="livemax")
BREAKER_TRANSITIONS: Final = _counter("breaker_transitions_total", "State transitions.", "breaker", "before", "after")
BREAKER_REJECTIONS: Final = _counter("breaker_rejections_total", "Rejected calls.", "breaker")
DEPENDENCY_ERRORS: Final = _counter(
    "dependency_errors_total", "Failed calls of dependencies.", "dependency", "operation"
)
RETRIES: Final = _counter("retries_total", "Retries.", "work")
RETRIES_EXHAUSTED: Final = _counter(
    "retries_exhausted_total", "Work that failed after its last attempt.", "work", "reason"
)
DATABASE_RETRIES: Final = _counter("db_retries_total", "Retries of rolled back transactions.", "sqlstate")
POOL_SIZE: Final = _gauge("pool_connections_max", "Maximum number of database connections.")
POOL_IN_USE: Final = _level("pool_connections_in_use", "Database connections in use.")
POOL_WAIT: Final = Histogram(
    "pool_wait_seconds",
    "Wait for a free database connection, if there was none.",
    buckets=(0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1),
    registry=REGISTRY,
)
POOL_TIMEOUTS: Final = _counter("pool_timeouts_total", "Waits for a connection that timed out.")
COMMITS_UNSETTLED: Final = _gauge("commits_unsettled", "COMMITs that still wait after the end of their request.")
SLOTS: Final = _gauge("work_slots_max", "Maximum number of concurrent requests that use dependencies.")
SLOTS_IN_USE: Final = _level("work_slots_in_use", "Requests that use dependencies.")
READS: Final = _counter("reads_total", "Reads outside of transactions, with REPLICA_URL.", "target", "reason")
REPLICA_LAG: Final = _gauge(
    "replica_lag_seconds", "Age of the last transaction on the replica; NaN if it fails.", mode="livemostrecent"
)
LIMITER_DEGRADED: Final = _gauge("limiter_degraded", "1 while each worker counts rate limits alone.", mode="livemax")
READY: Final = _gauge("ready", "1 if the last check passed.", "check", mode="livemostrecent")
JOBS: Final = _counter("jobs_total", "Attempts at jobs, by outcome.", "kind", "outcome")
JOB_DURATION: Final = Histogram(
    "job_duration_seconds",
    "Duration of an attempt at a job.",
    ("kind",),
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20),
    registry=REGISTRY,
)
JOBS_QUEUED: Final = _gauge("jobs_queued", "Jobs that are due, scheduled or running.", "kind")
JOBS_DEAD: Final = _gauge("jobs_dead", "Dead-lettered jobs.", "kind")
JOBS_OVERDUE: Final = _gauge("jobs_overdue_seconds", "Time since the oldest due job became due.", "kind")
POLLED: Final = _gauge(
    "poll_success_timestamp_seconds",
    "Time of the last successful background poll, of the worker that is furthest behind.",
    "poll",
    mode="livemin",
)
REVOCATIONS: Final = _gauge(
    "revocations_held", "Revoked sessions and tokens that a worker holds in memory.", mode="livemax"
)
UNRECORDED: Final = _counter("failures_unrecorded_total", "Failed requests that were not stored.")
LOG_ENTRIES_DROPPED: Final = _counter("log_entries_dropped_total", "Dropped log entries.")
BUILD: Final = _gauge("app_build_info", "Always 1.", "version", "python", mode="livemax")

_kinds: Final[set[str]] = set()
_counters: Final[dict[tuple[str, Kind, Fault], Callable[[], None]]] = {}
_breaches: Final[dict[tuple[str, str], Callable[[float], None]]] = {}
_observers: Final[dict[tuple[str, str, str], Callable[[float], None]]] = {}


def request(method: str | None, route: str, status: str, seconds: float) -> None:
    """Observe a finished request; the status is three digits."""
    key = (method if method in METHODS else OTHER, route, status)
    observe = _observers.get(key)
    if observe is None:
        observe = _observers[key] = DURATION.labels(*key).observe
    observe(seconds)


def error(reported: errs.Error, shown: errs.Error) -> None:
    """Count an error by the code that was returned and by its real kind and fault, and count its violations."""
    key = (errs.definition(shown).code, reported.kind, reported.fault)
    count = _counters.get(key)
    if count is None:
        count = _counters[key] = ERRORS.labels(key[0], reported.kind.string, reported.fault.value).inc
    count()
    if not shown.violations:
        return
    tally: dict[tuple[str, str], int] = {}
    for each in shown.violations:
        labels = _field(each), each.code
        tally[labels] = tally.get(labels, 0) + 1
    for labels, times in tally.items():
        add = _breaches.get(labels)
        if add is None:
            add = _breaches[labels] = VIOLATIONS.labels(*labels).inc
        add(times)


def simulated(shown: errs.Error) -> None:
    """Count a simulated error by the code that was returned. No other metric counts it."""
    SIMULATED.labels(errs.definition(shown).code).inc()


def _field(violation: errs.Violation) -> str:
    name = _INDEX.sub("[]", violation.field) if "[" in violation.field else violation.field
    return name if violation.header or name in FIELDS else "other"


def add_field_labels(names: Iterable[str]) -> None:
    """Allow field names as labels."""
    FIELDS.update(_INDEX.sub("[]", name) for name in names)


def breaker_changed(name: str, before: str, after: str) -> None:
    """Count a state transition of a breaker."""
    BREAKER_TRANSITIONS.labels(name, before, after).inc()
    BREAKER_STATE.labels(name).set(STATES[after])
    if name == "redis":
        LIMITER_DEGRADED.set(after != "closed")


def job(kind: str, outcome: str, seconds: float) -> None:
    """Count an attempt at a job."""
    JOBS.labels(kind, outcome).inc()
    JOB_DURATION.labels(kind).observe(seconds)


def queue(backlog: Mapping[str, tuple[int, int, float]]) -> None:
    """Set the queued and dead jobs and the overdue time of each kind; kinds without jobs are zero."""
    _kinds.update(backlog)
    for kind in _kinds:
        for gauge, value in zip((JOBS_QUEUED, JOBS_DEAD, JOBS_OVERDUE), backlog.get(kind, (0, 0, 0.0)), strict=True):
            gauge.labels(kind).set(value)


def revocations(entries: int) -> None:
    """Record that the list of revoked sessions was loaded, and its length."""
    POLLED.labels("revocations").set(time.time())
    REVOCATIONS.set(entries)


def begin() -> None:
    """Create all series with known labels at zero, because ``rate`` sees a first error only after a zero."""
    for name, named in errs.named_errors().items():
        ERRORS.labels(name, named.kind.string, named.kind.fault.value)
    ERRORS.labels(DeadlineExceeded.code, DeadlineExceeded.kind.string, Fault.CLIENT.value)
    for place in ("request_queue", "work_slots", "hashing", "writers"):
        LOAD_SHED.labels(place)
    for work in ("transaction", "read"):
        RETRIES.labels(work)
    for sqlstate in ("0A000", "40001", "40P01", "none"):
        DATABASE_RETRIES.labels(sqlstate)
    add_dependency("database", "connect", "execute", "commit")
    for part in ("user", "preferences"):
        DEGRADED.labels(part)


def add_dependency(name: str, *operations: str) -> None:
    """Create the series of a dependency at zero, too."""
    for operation in operations:
        DEPENDENCY_ERRORS.labels(name, operation)
    RETRIES.labels(name)
    BREAKER_STATE.labels(name)
    BREAKER_REJECTIONS.labels(name)
    BREAKER_TRANSITIONS.labels(name, "closed", "open")


def describe(*, pool: int, slots: int) -> None:
    """Set the build information and the limits of this process; call this in a worker after the fork."""
    POOL_SIZE.set(pool)
    SLOTS.set(slots)
    BUILD.labels(VERSION, platform.python_version()).set(1)
