"""The reconciliation finds contradictions, and secrets in logs."""

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.drill.reconciliation import Crew, Key, Reconciliation, counted, secrets
from tests.scrape import Scrape

CREATE: Key = ("POST", "/v1/tasks", "201")
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"


class DeploymentRecords:
    """The log, the metrics and the processes of a deployment."""

    def __init__(self, home: Path) -> None:
        self.home, self.log = home, home / "err"
        self.log.touch()
        self.counts, self.crew = Counter[Key](), Crew(frozenset({1}), frozenset({2, 3}))

    def open(self) -> Reconciliation:
        """Begin a reconciliation that does not wait."""
        return Reconciliation(self.home, self.log, count=self.counts.copy, crew=lambda: self.crew)

    def serve(self, request_id: str, *, counts: bool = True) -> None:
        """Log a creation, and count it."""
        method, route, status = CREATE
        line = {"logger": "candor.access", "request_id": request_id, "method": method, "route": route}
        with self.log.open("a") as log:
            log.write(json.dumps({**line, "status": int(status)}, separators=(",", ":")) + "\n")
        self.counts[CREATE] += counts


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DeploymentRecords:
    """Return a deployment that has served before the reconciliation begins."""
    monkeypatch.setattr("tests.drill.reconciliation.SETTLES_WITHIN", 0)
    records = DeploymentRecords(tmp_path)
    records.serve("before")
    return records


class TestClose:
    def test_ok(self, records: DeploymentRecords) -> None:
        reconciliation = records.open()
        records.serve("one-12345678")
        assert reconciliation.close({"one-12345678": 201}) == []
        assert reconciliation.logged == 1

    def test_an_acknowledged_write_that_is_not_in_the_log(self, records: DeploymentRecords) -> None:
        reconciliation = records.open()
        assert reconciliation.close({"one-12345678": 201}) == ["1 acknowledged writes have 0 log entries"]

    def test_one_that_is_there_twice(self, records: DeploymentRecords) -> None:
        reconciliation = records.open()
        records.serve("one-12345678")
        records.serve("one-12345678")
        assert reconciliation.close({"one-12345678": 201}) == ["1 acknowledged writes have 2 log entries"]

    def test_a_request_that_was_not_counted(self, records: DeploymentRecords) -> None:
        reconciliation = records.open()
        records.serve("one-12345678", counts=False)
        assert reconciliation.close({}) == ["POST /v1/tasks 201: 1 logged, 0 counted"]

    def test_one_that_was_counted_twice(self, records: DeploymentRecords) -> None:
        reconciliation = records.open()
        records.serve("one-12345678")
        records.counts[CREATE] += 1
        assert reconciliation.close({}) == ["POST /v1/tasks 201: 1 logged, 2 counted"]

    def test_uncounted_requests_of_a_killed_worker(self, records: DeploymentRecords) -> None:
        reconciliation = records.open()
        records.serve("one-12345678", counts=False)
        records.crew = Crew(frozenset({1}), frozenset({2, 4}))
        assert reconciliation.close({"one-12345678": 201}) == []

    def test_counts_of_an_ended_master_are_gone(self, records: DeploymentRecords) -> None:
        reconciliation = records.open()
        records.serve("one-12345678")
        records.counts.clear()
        records.crew = Crew(frozenset({5}), frozenset({6, 7}))
        assert reconciliation.close({"one-12345678": 201}) == []


def test_requests_are_added_up_over_the_instances() -> None:
    name, labels = "http_request_duration_seconds_count", {"method": "POST", "route": "/v1/tasks", "status": "201"}
    scrape = Scrape({(name, frozenset(labels.items())): 2.0, ("another", frozenset(labels.items())): 7.0})
    assert counted([scrape, scrape]) == {CREATE: 4}


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("hunter2-of-alice", "a password"),
        (TOKEN, "a token"),
        ("Authorization: Bearer opaque-0123", "a token"),
        ("$argon2id$v=19$m=65536", "a digest of a password"),
        ("Key (email)=(alice@example.com) already exists", "an address"),
        ("mail from candor@localhost", None),
    ],
)
def test_a_secret_is_found_in_any_log(tmp_path: Path, line: str, found: str | None) -> None:
    log = tmp_path / "err"
    log.write_text(f'{{"message":"fine"}}\n{{"message":"{line}"}}\n')
    places = [*secrets([log], {"a password": "hunter2"})]
    assert places == ([f"{found} is in line 2 of err"] if found else [])
