"""Makes reports from the scrapes of all instances."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from app.cli.status.rates import History, Key, merged, quantile
from app.cli.status.report import (
    BreakerStatus,
    DatabaseStatus,
    Instance,
    JobStatus,
    LimitStatus,
    Operation,
    Report,
)
from app.cli.status.scrape import Scrape, ScrapeError

MAX_OPERATIONS: Final = 5
HEALTH: Final = frozenset({"/healthz", "/readyz"})
STATES: Final = ((1.0, "open"), (0.5, "half-open"), (0.0, "closed"))
FAILED: Final = "5"
"""The first digit of the status of a failed request."""
DURATION: Final = "http_request_duration_seconds"


class Monitor:
    """Keeps the scrapes of each instance, and makes reports."""

    def __init__(self) -> None:
        self._histories: dict[str, History] = {}

    @property
    def known(self) -> set[str]:
        """Return the instances that have returned metrics."""
        return set(self._histories)

    def report(self, scrapes: Mapping[str, Scrape | ScrapeError], database: DatabaseStatus, *, at: datetime) -> Report:
        """Return the status after these scrapes."""
        for target, scrape in scrapes.items():
            if isinstance(scrape, Scrape):
                self._histories.setdefault(target, History()).add(scrape)
        up = {target: self._histories[target] for target, each in scrapes.items() if isinstance(each, Scrape)}
        operations = [each for each in _operations([*up.values()]) if each.requests]
        failing = [each for each in operations if each.failed]
        return Report(
            at=at,
            window_seconds=max((each.seconds for each in up.values()), default=0.0),
            instances=[_instance(target, each, up.get(target)) for target, each in scrapes.items()],
            database=database,
            breakers=_breakers(up),
            limits=_limits([*up.values()]),
            jobs=_jobs([*up.values()], database),
            slowest=sorted(operations, key=_slowness, reverse=True)[:MAX_OPERATIONS],
            failing=sorted(failing, key=lambda each: each.failed, reverse=True)[:MAX_OPERATIONS],
        )


def _slowness(operation: Operation) -> tuple[float, float]:
    return operation.p95_seconds or 0.0, operation.mean_seconds


def _rate(histories: Sequence[History], name: str, **only: str) -> float | None:
    """Return the increase per second, summed over instances; ``None`` before the second scrape."""
    known = [each for each in histories if each.seconds]
    if not known:
        return None
    return sum(sum(each.increase(name, (), **only).values()) / each.seconds for each in known)


def _increase(histories: Sequence[History], name: str, *labels: str, **only: str) -> dict[Key, float]:
    return merged(each.increase(name, labels, **only) for each in histories)


def _now(histories: Sequence[History], name: str) -> int | None:
    """Return the sum of a gauge; ``None`` if no instance has it."""
    found = [value for each in histories for _, value in each.scrapes[-1].each(name)]
    return int(sum(found)) if found else None


def _instance(target: str, scrape: Scrape | ScrapeError, history: History | None) -> Instance:
    if isinstance(scrape, ScrapeError) or history is None:
        return Instance(target=target, is_up=False, problem=str(scrape))
    labels, _ = next(scrape.each("app_build_info"), ({}, 0.0))
    failures = [each for each, _ in scrape.each(f"{DURATION}_count") if each.get("status", "").startswith(FAILED)]
    statuses = {each["status"] for each in failures}
    rates = [_rate([history], f"{DURATION}_count", status=status) for status in statuses]
    requests = _rate([history], f"{DURATION}_count")
    return Instance(
        target=target,
        is_up=True,
        version=labels.get("version"),
        python=labels.get("python"),
        requests_per_second=requests,
        failures_per_second=None if requests is None else sum((each or 0.0 for each in rates), 0.0),
        in_flight=_now([history], "http_requests_in_flight"),
        waiting=_now([history], "http_requests_waiting"),
        not_ready=sorted(each["check"] for each, value in scrape.each("ready") if not value),
    )


def _breakers(up: Mapping[str, History]) -> list[BreakerStatus]:
    worst: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for target, history in up.items():
        for labels, value in history.scrapes[-1].each("breaker_state"):
            worst[labels["breaker"]][target] = value
    histories = [*up.values()]
    opened = _increase(histories, "breaker_transitions_total", "breaker", after="open")
    return [
        BreakerStatus(
            name=name,
            state=next(state for least, state in STATES if max(values.values()) >= least),
            not_closed_on=sorted(target for target, value in values.items() if value),
            rejected_per_second=_rate(histories, "breaker_rejections_total", breaker=name),
            opened=int(opened.get((name,), 0)),
        )
        for name, values in sorted(worst.items())
    ]


def _limits(up: Sequence[History]) -> list[LimitStatus]:
    def shed(place: str) -> float | None:
        return _rate(up, "http_requests_shed_total", at=place)

    is_degraded = any(value for each in up for _, value in each.scrapes[-1].each("limiter_degraded"))
    limited = _rate(up, "errors_total", code="RATE_LIMIT_EXCEEDED")
    slots = (_now(up, "work_slots_in_use"), _now(up, "work_slots_max"), shed("work_slots"))
    pool = (_now(up, "pool_connections_in_use"), _now(up, "pool_connections_max"), _rate(up, "pool_timeouts_total"))
    rows = {
        "rate limits": (None, None, limited),
        "request queue": (_now(up, "http_requests_waiting"), None, shed("request_queue")),
        "work slots": slots,
        "database connections": pool,
        "password hashing": (None, None, shed("hashing")),
        "open writes": (None, None, shed("writers")),
    }
    notes = {"rate limits": "each worker counts alone: Redis is unavailable"} if is_degraded else {}
    return [
        LimitStatus(name=name, in_use=in_use, maximum=maximum, rejected_per_second=rejected, note=notes.get(name, ""))
        for name, (in_use, maximum, rejected) in rows.items()
    ]


def _jobs(up: Sequence[History], database: DatabaseStatus) -> list[JobStatus]:
    outcomes: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for (kind, outcome), times in _increase(up, "jobs_total", "kind", "outcome").items():
        outcomes[kind][outcome] = round(times)
    queue = {each.kind: each for each in database.backlogs}
    return [
        JobStatus(
            kind=kind,
            queued=queue[kind].queued if kind in queue else None,
            dead=queue[kind].dead if kind in queue else None,
            overdue_seconds=queue[kind].overdue if kind in queue else None,
            outcomes=outcomes.get(kind, {}),
        )
        for kind in sorted(queue.keys() | outcomes.keys())
    ]


def _operations(up: Sequence[History]) -> list[Operation]:
    counts = _increase(up, f"{DURATION}_count", "method", "route", "status")
    sums = _increase(up, f"{DURATION}_sum", "method", "route")
    buckets: defaultdict[Key, dict[float, float]] = defaultdict(lambda: defaultdict(float))
    for (method, route, bound), value in _increase(up, f"{DURATION}_bucket", "method", "route", "le").items():
        buckets[method, route][math.inf if bound == "+Inf" else float(bound)] += value
    requests: defaultdict[Key, float] = defaultdict(float)
    failed: defaultdict[Key, float] = defaultdict(float)
    for (method, route, status), value in counts.items():
        requests[method, route] += value
        failed[method, route] += value if status.startswith(FAILED) else 0.0
    seconds = max((each.seconds for each in up), default=0.0)
    return [
        Operation(
            name=" ".join(key),
            requests=round(number),
            per_second=number / seconds if seconds else None,
            mean_seconds=sums.get(key, 0.0) / number,
            p95_seconds=quantile(0.95, buckets[key]),
            failed=round(failed[key]),
            failed_share=failed[key] / number,
        )
        for key, number in requests.items()
        if key[1] not in HEALTH
    ]
