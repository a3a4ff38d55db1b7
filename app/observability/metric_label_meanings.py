"""Meanings of the labels of metrics, for the documentation. Every label of a metric is in this table."""

from collections.abc import Mapping
from typing import Final

LABELS: Final[Mapping[str, str]] = {
    "after": "State after the transition: `closed`, `half-open` or `open`.",
    "at": "Stage that rejected the request: `request_queue` (before the threads), `work_slots` (concurrency limit), "
    "`hashing` (share for password hashing), `writers` (limit on open writes).",
    "before": "State before the transition: `closed`, `half-open` or `open`.",
    "breaker": "Name of the circuit breaker: `database`, `replica`, `redis`, or the dependency.",
    "check": "Readiness check, as in `/readyz`.",
    "code": "Error code.",
    "validation_violations.code": "Violation code.",
    "dependency": "Name of the dependency.",
    "fault": "Responsible party: `client`, `service`, `dependency` or `capacity`.",
    "field": "Name of the field without indexes (`tags[]`); `other` for a name that no schema has.",
    "kind": "Error category.",
    "jobs.kind": "Kind of job, such as `mail.activation`.",
    "job_duration_seconds.kind": "Kind of job, such as `mail.activation`.",
    "jobs_queued.kind": "Kind of job, such as `mail.activation`.",
    "jobs_dead.kind": "Kind of job, such as `mail.activation`.",
    "jobs_overdue_seconds.kind": "Kind of job, such as `mail.activation`.",
    "method": "Request method; `OTHER` for a method that no RFC defines.",
    "operation": "Operation of the dependency, such as `connect`.",
    "undeclared_errors.operation": "Method and route of the operation.",
    "outcome": "Result of the attempt.",
    "poll": "Name of the background poll, such as `revocations`.",
    "python": "Version of Python.",
    "reason": "Why no further attempt was made.",
    "reads.reason": "`reached`: the replica has the state that the caller has seen; `stale`: the caller has seen none; "
    "`behind`, `failed`: why the primary replaces the replica; `not_permitted`: the request needs the primary.",
    "route": "Route pattern, such as `/v1/tasks/<id:task_id>`; `unmatched` if no route matches.",
    "sqlstate": "SQLSTATE of PostgreSQL; `none` if the connection was lost.",
    "status": "HTTP status.",
    "target": "`primary` or `replica`.",
    "version": "Version of the service.",
    "work": "Repeated work: `transaction`, `read`, or the dependency.",
}
"""By label, or by metric (without ``_total``) and label where the meaning differs."""


def meaning(metric: str, label: str) -> str:
    """Return the meaning of a label of a metric.

    Raises:
        KeyError: the label is not described.
    """
    return LABELS.get(f"{metric}.{label}") or LABELS[label]
