"""Failed requests, explained by their request ID."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from app.errs.failed_requests import RequestNotFound
from app.models.failed_requests import FailureCount
from app.observability.failure_recorder import FailureEntry
from app.services.failed_requests import MAX_OCCURRENCES, FailureService

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Kept:
    """Stored entries in memory."""

    def __init__(self, *entries: FailureEntry) -> None:
        self.entries = entries

    def find(self, request_id: str, *, most: int) -> Sequence[FailureEntry]:
        """Return the entries of a request ID."""
        return [entry for entry in self.entries if entry.request_id == request_id][:most]

    def counts(self, *, since: datetime, most: int) -> Sequence[FailureCount]:
        """Return one count if there are entries since a time."""
        newer = [entry for entry in self.entries if entry.at >= since][:most]
        return [FailureCount(None, None, None, len(newer), newer[0].at, newer[0].request_id)] if newer else []


def service(*said: dict[str, Any], trace_url: str = "") -> FailureService:
    entries = [FailureEntry("request-1", AT, "0af7651916cd43dd8448eb211c80319c", each) for each in said]
    return FailureService(failures=Kept(*entries), public_url="", trace_url=trace_url)


class TestExplain:
    def test_ok(self) -> None:
        causes = [{"type": "ServiceUnavailable"}, {"type": "AdminShutdown", "sqlstate": "57P01"}]
        (told,) = service(
            {
                "status": 503,
                "code": "SERVICE_UNAVAILABLE",
                "kind": "service_unavailable",
                "causes": causes,
                "duration_ms": 12.5,
                "spent_ms": {"database": 10.25, "database_pool": 0.25},
                "retries": {"read": 1},
                "breakers": {"database": "closed"},
            },
            trace_url="https://traces.test/{trace_id}",
        ).explain("request-1")
        assert told.outcome == "503 SERVICE_UNAVAILABLE: The service is temporarily unavailable."
        assert (told.fault, told.sqlstate, told.catalogue) == ("capacity", "57P01", "/errors/service-unavailable")
        assert told.spent_ms == {"database": 10.25, "database_pool": 0.25, "other": 2.0}
        assert (told.retries, told.breakers) == ({"read": 1}, {"database": "closed"})
        assert told.trace_url == "https://traces.test/0af7651916cd43dd8448eb211c80319c"
        assert told.client is not None
        assert told.client.startswith("If retryable is true, retry after the seconds in Retry-After")
        assert told.operator is not None
        assert "GET /readyz" in told.operator

    def test_an_incomplete_log_record_gives_an_incomplete_explanation(self) -> None:
        (told,) = service({"status": 200}).explain("request-1")
        assert (told.outcome, told.code, told.fault, told.client, told.trace_url) == ("200", None, None, None, None)
        assert (told.causes, told.spent_ms, told.facts) == ([], {}, {})

    def test_a_truncated_log_line_gives_an_incomplete_explanation(self) -> None:
        (told,) = service({"status": 500, "facts": "…", "causes": ["…"], "stack": "…", "spent_ms": "…"}).explain(
            "request-1"
        )
        assert (told.facts, told.stack, told.spent_ms, told.causes[0].type) == ({}, [], {}, None)

    def test_repeated_request_ids_are_listed_up_to_a_limit(self) -> None:
        assert len(service(*[{"status": 500}] * (MAX_OCCURRENCES + 1)).explain("request-1")) == MAX_OCCURRENCES

    @pytest.mark.parametrize("request_id", ["request-2", "", "short", "a\x00b-----", "x" * 129, "request 1"])
    def test_an_unknown_request_id_is_not_found(self, request_id: str) -> None:
        with pytest.raises(RequestNotFound):
            service({"status": 500}).explain(request_id)
