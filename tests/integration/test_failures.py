"""Stored records of failed requests."""

import contextvars
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, make_url, text

from app import request_context
from app.config import Settings
from app.errs.platform import ServiceUnavailable
from app.observability import failure_recorder, logs
from app.observability.failure_recorder import FailureEntry, FailureRecorder, plain
from app.repositories.failed_requests import TRIMMING, FailureReads, FailureWriter
from tests.fakes.network import Proxy
from tests.integration.conftest import Database

NOW = datetime.now(UTC)


def fail() -> None:
    """Run inside a failed request."""
    request_context.request_id.set("request-1")
    logs.access({"method": "GET", "path": "/x", "route": "unmatched", "status": 404})


def entry(number: int = 1, *, request_id: str = "request-1", days: float = 0) -> FailureEntry:
    at = NOW - timedelta(days=days) + timedelta(microseconds=number)
    return FailureEntry(request_id, at, "0af7651916cd43dd8448eb211c80319c", {"status": 503, "number": number})


@pytest.fixture(autouse=True)
def nothing_on_record(other_session: Connection) -> Iterator[None]:
    yield
    other_session.execute(text("DELETE FROM failures"))
    other_session.commit()


@pytest.fixture
def reads(database: Database) -> FailureReads:
    return FailureReads(database.reads)


class TestWriter:
    def test_records_are_found_newest_first(self, settings: Settings, reads: FailureReads) -> None:
        entries = [entry(number) for number in range(3)]
        FailureWriter(settings.database_url, max_rows=100, days=14)([*entries, entry(request_id="request-2")])
        assert reads.find("request-1", most=2) == entries[:0:-1]

    def test_5xx_since_a_time_are_counted_by_code_and_operation(self, settings: Settings, reads: FailureReads) -> None:
        fields = {"code": "SERVICE_UNAVAILABLE", "method": "GET", "route": "/v1/tasks", "status": 503}
        found = [replace(entry(number, request_id=f"request-{number}"), fields=fields) for number in range(3)]
        other = replace(entry(9), fields={**fields, "code": "DEADLINE_EXCEEDED", "status": 504})
        outside = [replace(entry(10), fields={**fields, "status": 404}), replace(entry(days=1), fields=fields)]
        cut = replace(entry(8), fields={"status": "…"})
        FailureWriter(settings.database_url, max_rows=100, days=14)([*found, other, *outside, cut])
        counted = reads.counts(since=NOW - timedelta(hours=1), most=5)
        assert [(each.code, each.route, each.count, each.newest_request_id) for each in counted] == [
            ("SERVICE_UNAVAILABLE", "/v1/tasks", 3, "request-2"),
            ("DEADLINE_EXCEEDED", "/v1/tasks", 1, "request-1"),
        ]

    def test_anything_that_was_logged_can_be_written(self, settings: Settings, reads: FailureReads) -> None:
        fields = plain({"path": "/\x00\ud800", "facts": {"big": 2**70, "odd": {1}}})
        FailureWriter(settings.database_url, max_rows=100, days=14)([replace(entry(), fields=fields)])
        assert reads.find("request-1", most=2)[0].fields == fields

    def test_the_newest_are_kept_and_none_for_longer_than_so_many_days(
        self, settings: Settings, reads: FailureReads
    ) -> None:
        write = FailureWriter(settings.database_url, max_rows=5, days=14)
        write([entry(number) for number in range(4)])
        write([entry(4, days=14.1), *(entry(number) for number in range(5, 8))])
        assert [each.fields["number"] for each in reads.find("request-1", most=20)] == [7, 6, 5, 3, 2]

    def test_one_of_several_takes_away_the_rest_goes_on(
        self, settings: Settings, reads: FailureReads, other_session: Connection
    ) -> None:
        other_session.execute(text("SELECT pg_advisory_lock(:key)"), {"key": TRIMMING})
        FailureWriter(settings.database_url, max_rows=1, days=14)([entry(1), entry(2)])
        assert len(reads.find("request-1", most=20)) == 2
        other_session.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": TRIMMING})

    def test_no_connection_of_the_pool_is_taken_and_none_is_kept(
        self, database: Database, settings: Settings, other_session: Connection
    ) -> None:
        before = database.engine.pool.checkedin()  # type: ignore[attr-defined]  # a queue pool
        FailureWriter(settings.database_url, max_rows=5, days=14)([entry()])
        assert database.engine.pool.checkedin() == before  # type: ignore[attr-defined]  # as above

    def test_writing_nothing_deletes_expired_records(self, settings: Settings, reads: FailureReads) -> None:
        FailureWriter(settings.database_url, max_rows=5, days=14)([entry(days=2), entry()])
        FailureWriter(settings.database_url, max_rows=5, days=1)([])
        assert reads.find("request-1", most=20) == [entry()]

    def test_failures_while_the_database_was_away_are_stored_once_it_is_back(
        self, settings: Settings, reads: FailureReads, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(failure_recorder, "FIRST_PAUSE", 0.05)
        url = make_url(settings.database_url)
        with socket.socket() as door:
            door.bind(("127.0.0.1", 0))  # and does not listen: connections are refused
            writer = FailureWriter(
                str(url.set(host="127.0.0.1", port=door.getsockname()[1]).render_as_string(False)), max_rows=5, days=14
            )
            tried, written = threading.Event(), threading.Event()

            def write(entries: Sequence[FailureEntry]) -> None:
                tried.set()
                writer(entries)
                written.set()

            kept = FailureRecorder(write, sample=1.0)
            kept.start()
            contextvars.copy_context().run(fail)
            assert tried.wait(10)
            assert not written.is_set()
            proxy = Proxy(str(url.host), url.port or 5432, listener=door)
            assert written.wait(10)
            kept.stop(10)
            proxy.close()
        assert [each.fields["status"] for each in reads.find("request-1", most=20)] == [404]
        assert kept.dropped == 0

    def test_an_unreachable_database_is_a_translated_error(self) -> None:
        write = FailureWriter("postgresql+psycopg://nobody@127.0.0.1:1/nothing", max_rows=5, days=14)
        began = time.monotonic()
        with pytest.raises(ServiceUnavailable):
            write([entry()])
        assert time.monotonic() - began < 10
