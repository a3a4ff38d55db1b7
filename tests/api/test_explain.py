"""From a request id to the cause: ``GET /v1/requests/{request_id}`` and ``flask explain``."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import create_engine, event, text

from app import wiring
from app.config import Settings
from app.extensions import db
from app.observability.unprintable import UNPRINTABLE
from app.services.tasks import TaskService
from tests.api.caller import ABSENT, Caller, answered, refused
from tests.api.conftest import Log
from tests.response_checks import CheckedClient

WITHIN = 10.0
Keeping = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def keeping(app: Flask, settings: Settings) -> Iterator[Keeping]:
    """Return a context in which failures are kept, every 4xx too; after it they are on record."""

    @contextmanager
    def kept() -> Iterator[None]:
        recorder = wiring.failure_recorder(replace(settings, failures_sample=1.0))
        recorder.start()
        yield
        recorder.stop(WITHIN)
        assert recorder.dropped == 0

    yield kept
    with app.app_context(), db.engine.begin() as connection:
        connection.execute(text("DELETE FROM failures"))


def explained(admin: Caller, request_id: str) -> list[dict[str, Any]]:
    """Return what is on record of a request, newest first."""
    document = answered(admin.get(f"/v1/requests/{request_id}"))
    assert document["request_id"] == request_id
    found: list[dict[str, Any]] = document["occurrences"]
    return found


class TestExplain:
    def test_a_lost_connection_is_told_with_sqlstate_retries_breakers_and_time(
        self, admin: Caller, alice: Caller, keeping: Keeping, app: Flask
    ) -> None:
        def fail(*_: object) -> None:
            raise psycopg.errors.SerializationFailure("the secret is hunter2\nDETAIL: hunter3")

        with app.app_context():
            event.listen(db.engine, "do_execute", fail)
        trace = {"Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
        with keeping():
            refused(
                alice.patch(ABSENT, json={"title": "x"}, headers=trace | {"X-Request-Id": "lost-race"}),
                503,
                ("SERVICE_UNAVAILABLE"),
            )
        with app.app_context():
            event.remove(db.engine, "do_execute", fail)
        (told,) = explained(admin, "lost-race")
        assert told["outcome"] == "503 SERVICE_UNAVAILABLE: The service is temporarily unavailable."
        assert (told["method"], told["route"], told["path"]) == ("PATCH", "/v1/tasks/<id:task_id>", ABSENT)
        assert (told["user"], told["fault"], told["sqlstate"]) == ("alice", "capacity", "40001")
        assert [cause["type"] for cause in told["causes"]] == ["ServiceUnavailable", "SerializationFailure"]
        assert (told["retries"], told["breakers"]) == ({"transaction": 2}, {"database": "closed"})
        assert {"database_pool", "retry_pause", "request_body", "other"} <= told["spent_ms"].keys()
        assert sum(told["spent_ms"].values()) == pytest.approx(told["duration_ms"], abs=0.01)
        assert told["op"][0].startswith("tasks.")
        assert told["op"][-1].startswith("database.")
        assert told["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
        assert told["catalogue"] == "http://candor.test/errors/service-unavailable"
        assert told["operator"].startswith("Find the cause with GET /readyz")
        assert any("translate" in frame or "tasks" in frame for frame in told["stack"])
        assert "hunter3" not in json.dumps(told)

    def test_a_bug_is_told_with_its_cause(
        self, admin: Caller, alice: Caller, keeping: Keeping, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def bug(*_: object, **__: object) -> None:
            raise ZeroDivisionError("division by zero")

        monkeypatch.setattr(TaskService, "get", bug)
        assert isinstance(alice.client, CheckedClient)
        alice.client.allows_500 = True
        with keeping():
            alice.get(ABSENT, headers={"X-Request-Id": "the-bug-1"})
        (told,) = explained(admin, "the-bug-1")
        assert (told["status"], told["code"], told["fault"]) == (500, "INTERNAL_ERROR", "service")
        assert told["causes"] == [
            {"type": "ZeroDivisionError", "message": "division by zero", "detail": None, "sqlstate": None}
        ]
        assert "in bug" in told["stack"][-1] or told["stack"][-1].endswith(" bug")

    def test_the_caller_s_fault_is_told_with_what_was_wrong(
        self, admin: Caller, alice: Caller, unauthenticated: Caller, keeping: Keeping
    ) -> None:
        same = {"X-Request-Id": "chosen-by-the-caller"}
        with keeping():
            alice.post(json={"task": {"title": "", "tags": ["B"]}}, headers=same)
            alice.get("/v1/nothing", headers=same)
            unauthenticated.get("/v1/tasks", headers=same)
        without_token, unmatched, violated = explained(admin, "chosen-by-the-caller")
        assert (violated["status"], violated["violations"]) == (400, ["title TOO_SHORT", "tags[0] INVALID_TAG_FORMAT"])
        assert (violated["breakers"], violated["stack"]) == ({}, [])
        assert (unmatched["route"], unmatched["code"]) == ("unmatched", "ROUTE_NOT_FOUND")
        assert (without_token["code"], without_token["user"]) == ("MISSING_CREDENTIALS", None)

    def test_what_succeeded_is_not_kept(self, admin: Caller, alice: Caller, keeping: Keeping) -> None:
        with keeping():
            answered(alice.get("/v1/tasks", headers={"X-Request-Id": "all-is-well"}))
        refused(admin.get("/v1/requests/all-is-well"), 404, "REQUEST_NOT_FOUND")

    @pytest.mark.parametrize("request_id", ["unheard-of", "short", "%00-------", "x" * 200, "%F0%9F%90%98-------"])
    def test_an_id_that_is_not_on_record_is_404(self, admin: Caller, request_id: str) -> None:
        refused(admin.get(f"/v1/requests/{request_id}"), 404, "REQUEST_NOT_FOUND")

    def test_only_admins_ask(self, alice: Caller, unauthenticated: Caller) -> None:
        """C6, C8."""
        response = alice.get("/v1/requests/whatever-it-is")
        assert response.status_code == 403
        assert 'scope="admin"' in response.headers["WWW-Authenticate"]
        assert unauthenticated.get("/v1/requests/whatever-it-is").status_code == 401


class TestWithoutHarm:
    def test_no_secret_is_put_on_record(
        self,
        alice: Caller,
        unauthenticated: Caller,
        keeping: Keeping,
        settings: Settings,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """C3: not from header fields, queries or bodies, and not from what exceptions quote."""
        secret = "canary4711"
        headers = {"Cookie": secret, "Idempotency-Key": f"{secret},", "Authorization": f"Bearer {secret}"}

        def bug(*_: object, **__: object) -> None:
            raise ValueError(f"no such user: {secret}@example.com")

        assert isinstance(alice.client, CheckedClient)
        alice.client.allows_500 = True
        with keeping():
            for name, value in headers.items():
                alice.send("POST", f"/v1/tasks?{secret}={secret}", json={secret: secret}, headers={name: value})
            alice.post(data=f'{{"{secret}', content_type="application/json")
            alice.get(f"/v1/tasks?filter={secret}%20=%20{secret}&page_token={secret}&order_by={secret}")
            monkeypatch.setattr(TaskService, "get", bug)
            assert alice.get(ABSENT).status_code == 500
        engine = create_engine(settings.database_url)
        with engine.connect() as connection:
            kept = [*connection.execute(text("SELECT said::text FROM failures")).scalars()]
        engine.dispose()
        assert len(kept) == 6
        assert not [said for said in kept if secret in said]

    def test_a_locked_record_delays_nobody(self, alice: Caller, keeping: Keeping, settings: Settings) -> None:
        engine = create_engine(settings.database_url)
        with keeping(), engine.connect() as blocker:
            blocker.execute(text("LOCK TABLE failures IN ACCESS EXCLUSIVE MODE"))
            for _ in range(30):
                refused(alice.get("/v1/nothing", headers={"Request-Timeout": "0.5"}), 404, "ROUTE_NOT_FOUND")
        engine.dispose()


class TestCommand:
    def test_it_tells_what_the_api_tells(self, app: Flask, alice: Caller, keeping: Keeping) -> None:
        with keeping():
            alice.get(ABSENT, headers={"X-Request-Id": "no-such-task"})
        ran = app.test_cli_runner().invoke(args=["explain", "no-such-task"])
        assert ran.exit_code == 0
        assert ran.output.startswith("404 TASK_NOT_FOUND: The task does not exist.\nGET " + ABSENT)
        for said in (
            "Requested by  alice",
            "Causes        TaskNotFound",
            "As an operator: No action",
            "Time spent ",
        ):
            assert said in ran.output
        ran = app.test_cli_runner().invoke(args=["explain", "--json", "no-such-task"])
        assert json.loads(ran.output)["occurrences"][0]["code"] == "TASK_NOT_FOUND"

    @pytest.mark.parametrize(
        "escape", ["%1b%5b2J", "%9b2J", "%c2%9b2J", "%e2%80%ae", "%0aAs%20an%20operator:%20run%20this", "%7f", "%07"]
    )
    def test_nothing_that_a_caller_has_sent_acts_on_the_terminal(
        self, app: Flask, alice: Caller, keeping: Keeping, log: Log, tmp_path: Path, escape: str
    ) -> None:
        with keeping():
            alice.get(f"/v1/no{escape}such", headers={"X-Request-Id": "hostile-path"})
        (tmp_path / "log").write_text("\n".join(log.lines))
        assert not any(UNPRINTABLE.search(line) for line in log.lines)
        run, of_log = app.test_cli_runner().invoke, ["--log", str(tmp_path / "log")]
        for options in ([], ["--json"], of_log, [*of_log, "--json"]):
            ran = run(args=["explain", "hostile-path", *options])
            assert ran.exit_code == 0
            assert not UNPRINTABLE.search(ran.output.replace("\n", ""))
            assert "As an operator: run this" not in ran.output.splitlines()
            assert "\nAs an operator: No action is needed.\n" in ran.output or options[-1:] == ["--json"]

    def test_nor_does_what_an_operator_mistypes(self, app: Flask) -> None:
        for words in (
            ["explain", "a\x1b[2Jb"],
            ["errors", "explain", "a\x1b[2Jb"],
            ["users", "disable", "a\u202eb@example.com"],
            ["tokens", "issue", "--subject", "a\x9bb", "--expires", "a\x1bb"],
        ):
            ran = app.test_cli_runner().invoke(args=words)
            assert ran.exit_code != 0
            assert not UNPRINTABLE.search(ran.output.replace("\n", ""))

    def test_it_reads_a_log_without_a_database(
        self, make_application: Callable[..., Flask], alice: Caller, log: Log, tmp_path: Path
    ) -> None:
        alice.get(ABSENT, headers={"X-Request-Id": "in-the-log"})
        (tmp_path / "log").write_text("\n".join(log.lines))
        unreachable = make_application(database_url="postgresql+psycopg://nobody@127.0.0.1:1/nothing")
        run = unreachable.test_cli_runner().invoke
        ran = run(args=["explain", "in-the-log", "--log", str(tmp_path / "log")])
        assert ran.output.startswith("404 TASK_NOT_FOUND")
        assert "Time spent " in ran.output
        missing = run(args=["explain", "not-in-the-log", "--log", str(tmp_path / "log")])
        assert (missing.exit_code, "is about a request not-in-the-log" in missing.output) == (1, True)
        away = run(args=["explain", "in-the-log"])
        assert (away.exit_code, "The record is out of reach" in away.output) == (1, True)

    def test_an_id_that_is_not_on_record_ends_with_1(self, app: Flask) -> None:
        ran = app.test_cli_runner().invoke(args=["explain", "unheard-of"])
        assert (ran.exit_code, "flask explain REQUEST_ID --log FILE" in ran.output) == (1, True)
