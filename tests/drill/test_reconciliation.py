"""The books do not close on what does not fit together, and no secret is overlooked."""

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.drill.reconciliation import Crew, Key, Reconciliation, counted, secrets
from tests.scrape import Scrape

CREATE: Key = ("POST", "/v1/tasks", "201")
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"


class LogFolder:
    """What a deployment has told, and who works there."""

    def __init__(self, home: Path) -> None:
        self.home, self.log = home, home / "err"
        self.log.touch()
        self.counts, self.crew = Counter[Key](), Crew(frozenset({1}), frozenset({2, 3}))

    def open(self) -> Reconciliation:
        """Open its books, without patience."""
        return Reconciliation(self.home, self.log, count=self.counts.copy, crew=lambda: self.crew)

    def serve(self, request_id: str, *, counts: bool = True) -> None:
        """Log a creation, and count it."""
        method, route, status = CREATE
        line = {"logger": "candor.access", "request_id": request_id, "method": method, "route": route}
        with self.log.open("a") as log:
            log.write(json.dumps({**line, "status": int(status)}, separators=(",", ":")) + "\n")
        self.counts[CREATE] += counts


@pytest.fixture
def log_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LogFolder:
    """Return a house that has served before the books are opened."""
    monkeypatch.setattr("tests.drill.reconciliation.SETTLES_WITHIN", 0)
    log_folder = LogFolder(tmp_path)
    log_folder.serve("before")
    return log_folder


class TestClose:
    def test_ok(self, log_folder: LogFolder) -> None:
        reconciliation = log_folder.open()
        log_folder.serve("one-12345678")
        assert reconciliation.close({"one-12345678": 201}) == []
        assert reconciliation.logged == 1

    def test_an_acknowledged_write_that_is_not_in_the_log(self, log_folder: LogFolder) -> None:
        reconciliation = log_folder.open()
        assert reconciliation.close({"one-12345678": 201}) == ["1 acknowledged writes have 0 lines in the log"]

    def test_one_that_is_there_twice(self, log_folder: LogFolder) -> None:
        reconciliation = log_folder.open()
        log_folder.serve("one-12345678")
        log_folder.serve("one-12345678")
        assert reconciliation.close({"one-12345678": 201}) == ["1 acknowledged writes have 2 lines in the log"]

    def test_a_request_that_was_not_counted(self, log_folder: LogFolder) -> None:
        reconciliation = log_folder.open()
        log_folder.serve("one-12345678", counts=False)
        assert reconciliation.close({}) == ["POST /v1/tasks 201: 1 logged, 0 counted"]

    def test_one_that_was_counted_twice(self, log_folder: LogFolder) -> None:
        reconciliation = log_folder.open()
        log_folder.serve("one-12345678")
        log_folder.counts[CREATE] += 1
        assert reconciliation.close({}) == ["POST /v1/tasks 201: 1 logged, 2 counted"]

    def test_what_a_killed_worker_had_not_counted_yet(self, log_folder: LogFolder) -> None:
        reconciliation = log_folder.open()
        log_folder.serve("one-12345678", counts=False)
        log_folder.crew = Crew(frozenset({1}), frozenset({2, 4}))
        assert reconciliation.close({"one-12345678": 201}) == []

    def test_what_a_master_had_counted_is_gone_with_it(self, log_folder: LogFolder) -> None:
        reconciliation = log_folder.open()
        log_folder.serve("one-12345678")
        log_folder.counts.clear()
        log_folder.crew = Crew(frozenset({5}), frozenset({6, 7}))
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
def test_a_secret_is_found_wherever_it_stands(tmp_path: Path, line: str, found: str | None) -> None:
    log = tmp_path / "err"
    log.write_text(f'{{"message":"fine"}}\n{{"message":"{line}"}}\n')
    told = [*secrets([log], {"a password": "hunter2"})]
    assert told == ([f"{found} is in line 2 of err"] if found else [])
