"""Explanations of failed requests by request ID: the stored log entry, and the advice of the error catalogue."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from app import errs
from app.errs import Kind, raises
from app.errs.failed_requests import RequestNotFound
from app.models.failed_requests import FailureCount
from app.observability.failure_recorder import FailureEntry

MAX_OCCURRENCES: Final = 20
"""The maximum number of requests with one ID that are returned."""
_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,128}")


class Failures(Protocol):
    """Failed requests; see ``app.repositories.failed_requests``."""

    def find(self, request_id: str, *, most: int) -> Sequence[FailureEntry]: ...  # noqa: D102
    def counts(self, *, since: datetime, most: int) -> Sequence[FailureCount]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Cause:
    """One exception of the cause chain. ``detail`` is for the log only."""

    type: str | None
    message: str | None
    detail: str | None
    sqlstate: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One failed request: its method and route, its outcome and cause, its timings, and the recommended action."""

    at: datetime
    request_id: str
    method: str | None
    route: str | None
    path: str | None
    user: str | None
    status: int | None
    outcome: str
    code: str | None
    kind: str | None
    fault: str | None
    param: str | None
    violations: Sequence[str]
    op: Sequence[str]
    causes: Sequence[Cause]
    sqlstate: str | None
    facts: Mapping[str, Any]
    stack: Sequence[str]
    duration_ms: float | None
    spent_ms: Mapping[str, float]
    retries: Mapping[str, int]
    breakers: Mapping[str, str]
    trace_id: str | None
    trace_url: str | None
    client: str | None
    operator: str | None
    catalogue: str | None


class FailureService:
    """Explains failed requests. They have no owner, therefore only admins have access."""

    def __init__(self, *, failures: Failures, public_url: str, trace_url: str) -> None:
        self._failures = failures
        self._public_url = public_url
        self._trace_url = trace_url

    @raises(RequestNotFound)
    def explain(self, request_id: str) -> list[Explanation]:
        """Return the failed requests with an ID, newest first."""
        found = self._failures.find(request_id, most=MAX_OCCURRENCES) if _ID.fullmatch(request_id) else ()
        if not found:
            raise RequestNotFound
        return [self.explanation(entry) for entry in found]

    @raises()
    def counts(self, window: timedelta, *, most: int) -> Sequence[FailureCount]:
        """Return the stored 5xx of the last time by code and operation, the most frequent first."""
        return self._failures.counts(since=datetime.now(UTC) - window, most=most)

    def explanation(self, entry: FailureEntry) -> Explanation:
        """Return the explanation of a log entry, from the database or from a log file."""
        fields = entry.fields
        code, status, facts = fields.get("code"), fields.get("status"), _mapping(fields.get("facts"))
        causes = [Cause(*map(each.get, Cause.__slots__)) for each in map(_mapping, _listed(fields.get("causes")))]
        named = errs.named_errors().get(code or "")
        kind = fields.get("kind") or (named.kind.string if named else None)
        states = [facts.get("sqlstate"), *(cause.sqlstate for cause in causes)]
        return Explanation(
            at=entry.at,
            request_id=entry.request_id,
            **{name: fields.get(name) for name in ("method", "route", "path", "user", "param", "duration_ms")},
            status=status,
            outcome=f"{status} {code or ''}".strip() + (f": {errs.title(named)}" if named else ""),
            code=code,
            kind=kind,
            fault=fields.get("fault") or _fault(kind),
            violations=_listed(fields.get("violations")),
            op=_listed(fields.get("op")),
            causes=causes,
            sqlstate=next(filter(None, states), None),
            facts=facts,
            stack=_listed(fields.get("stack")),
            spent_ms=_spent(fields),
            retries=_mapping(fields.get("retries")),
            breakers=_mapping(fields.get("breakers")),
            trace_id=entry.trace_id,
            trace_url=self._link(entry.trace_id),
            client=named.client if named else None,
            operator=errs.plain(named.operator) if named else None,
            catalogue=f"{self._public_url}/errors/{errs.slug(named.code)}" if named else None,
        )

    def _link(self, trace_id: str | None) -> str | None:
        return self._trace_url.replace("{trace_id}", trace_id) if self._trace_url and trace_id else None


def _fault(kind: str | None) -> str | None:
    return next((each.fault.value for each in Kind if each.string == kind), None)


def _spent(value: Mapping[str, Any]) -> dict[str, float]:
    """Return the milliseconds by stage, the longest first; ``other`` is the time outside of all stages."""
    spent, duration = _mapping(value.get("spent_ms")), value.get("duration_ms")
    if duration is not None:
        spent = {**spent, "other": round(max(0.0, duration - sum(spent.values())), 3)}
    return dict(sorted(spent.items(), key=lambda each: -each[1]))


def _mapping(value: object) -> dict[str, Any]:
    """Return an object field; in a truncated log entry it is a string, which is replaced by an empty object."""
    return value if isinstance(value, dict) else {}


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
