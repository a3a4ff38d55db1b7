"""The path from a request ID to the cause: ``GET /v1/requests/{request_id}`` and ``flask explain``."""

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
from app.observability.unprintable_characters import UNPRINTABLE
from app.services.tasks import TaskService
from tests.api.caller import ABSENT, Caller, answered, rejected
from tests.api.conftest import Log
from tests.response_checks import CheckedClient

WITHIN = 10.0
Keeping = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def keeping(app: Flask, settings: Settings) -> Iterator[Keeping]:
    """Return a context that stores failures, including every 4xx; after it they are in the database."""

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
    """Return the stored failures of a request, newest first."""
    document = answered(admin.get(f"/v1/requests/{request_id}"))
    assert document["request_id"] == request_id
    found: list[dict[str, Any]] = document["occurrences"]
    return found


class TestExplain:
    def test_a_lost_connection_is_stored_with_sqlstate_retries_breakers_and_time(
        self, admin: Caller, alice: Caller, keeping: Keeping, app: Flask
    ) -> None:
        def fail(*_: object) -> None:
            raise psycopg.errors.SerializationFailure("the secret is hunter2\nDETAIL: hunter3")

        with app.app_context():
            event.listen(db.engine, "do_execute", fail)
        trace = {"Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
        with keeping():
            rejected(
                alice.patch(ABSENT, json={"title": "x"}, headers=trace | {"X-Request-Id": "lost-race"}),
                503,
                ("SERVICE_UNAVAILABLE"),
            )
        with app.app_context():
            event.remove(db.engine, "do_execute", fail)
        (stored,) = explained(admin, "lost-race")
        assert stored["outcome"] == "503 SERVICE_UNAVAILABLE: The service is temporarily unavailable."
        assert (stored["method"], stored["route"], stored["path"]) == ("PATCH", "/v1/tasks/<id:task_id>", ABSENT)
        assert (stored["user"], stored["fault"], stored["sqlstate"]) == ("alice", "capacity", "40001")
        assert [cause["type"] for cause in stored["causes"]] == ["ServiceUnavailable", "SerializationFailure"]
        assert (stored["retries"], stored["breakers"]) == ({"transaction": 2}, {"database": "closed"})
        assert {"database_pool", "retry_pause", "request_body", "other"} <= stored["spent_ms"].keys()
        assert sum(stored["spent_ms"].values()) == pytest.approx(stored["duration_ms"], abs=0.01)
        assert stored["op"][0].startswith("tasks.")
        assert stored["op"][-1].startswith("database.")
        assert stored["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
        assert stored["catalogue"] == "http://candor.test/errors/service-unavailable"
        assert stored["operator"].startswith("Find the cause with GET /readyz")
        assert any("translate" in frame or "tasks" in frame for frame in stored["stack"])
        assert "hunter3" not in json.dumps(stored)

    def test_a_bug_is_stored_with_its_cause(
        self, admin: Caller, alice: Caller, keeping: Keeping, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def bug(*_: object, **__: object) -> None:
            raise ZeroDivisionError("division by zero")

        monkeypatch.setattr(TaskService, "get", bug)
        assert isinstance(alice.client, CheckedClient)
        alice.client.allows_500 = True
        with keeping():
            alice.get(ABSENT, headers={"X-Request-Id": "the-bug-1"})
        (stored,) = explained(admin, "the-bug-1")
        assert (stored["status"], stored["code"], stored["fault"]) == (500, "INTERNAL_ERROR", "service")
        assert stored["causes"] == [
            {"type": "ZeroDivisionError", "message": "division by zero", "detail": None, "sqlstate": None}
        ]
        assert "in bug" in stored["stack"][-1] or stored["stack"][-1].endswith(" bug")

    def test_a_client_error_is_stored_with_the_violations(
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

    def test_successful_requests_are_not_stored(self, admin: Caller, alice: Caller, keeping: Keeping) -> None:
        with keeping():
            answered(alice.get("/v1/tasks", headers={"X-Request-Id": "all-is-well"}))
        rejected(admin.get("/v1/requests/all-is-well"), 404, "REQUEST_NOT_FOUND")

    @pytest.mark.parametrize("request_id", ["unheard-of", "short", "%00-------", "x" * 200, "%F0%9F%90%98-------"])
    def test_an_unknown_id_is_404(self, admin: Caller, request_id: str) -> None:
        rejected(admin.get(f"/v1/requests/{request_id}"), 404, "REQUEST_NOT_FOUND")

    def test_only_admins_have_access(self, alice: Caller, unauthenticated: Caller) -> None:
        """C6, C8."""
        response = alice.get("/v1/requests/whatever-it-is")
        assert response.status_code == 403
        assert 'scope="admin"' in response.headers["WWW-Authenticate"]
        assert unauthenticated.get("/v1/requests/whatever-it-is").status_code == 401


class TestSafety:
    def test_no_secret_is_stored(
        self,
        alice: Caller,
        unauthenticated: Caller,
        keeping: Keeping,
        settings: Settings,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """C3: not from header fields, queries or bodies, and not from texts of exceptions."""
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
        assert not [row for row in kept if secret in row]

    def test_a_locked_failure_table_delays_no_request(
        self, alice: Caller, keeping: Keeping, settings: Settings
    ) -> None:
        engine = create_engine(settings.database_url)
        with keeping(), engine.connect() as blocker:
            blocker.execute(text("LOCK TABLE failures IN ACCESS EXCLUSIVE MODE"))
            for _ in range(30):
                rejected(alice.get("/v1/nothing", headers={"Request-Timeout": "0.5"}), 404, "ROUTE_NOT_FOUND")
        engine.dispose()


class TestCommand:
    def test_it_prints_the_same_as_the_api(self, app: Flask, alice: Caller, keeping: Keeping) -> None:
        with keeping():
            alice.get(ABSENT, headers={"X-Request-Id": "no-such-task"})
        ran = app.test_cli_runner().invoke(args=["explain", "no-such-task"])
        assert ran.exit_code == 0
        assert ran.output.startswith("404 TASK_NOT_FOUND: The task does not exist.\nGET " + ABSENT)
        for line in (
            "Requested by  alice",
            "Causes        TaskNotFound",
            "As an operator: No action",
            "Time spent ",
        ):
            assert line in ran.output
        ran = app.test_cli_runner().invoke(args=["explain", "--json", "no-such-task"])
        assert json.loads(ran.output)["occurrences"][0]["code"] == "TASK_NOT_FOUND"

    @pytest.mark.parametrize(
        "escape", ["%1b%5b2J", "%9b2J", "%c2%9b2J", "%e2%80%ae", "%0aAs%20an%20operator:%20run%20this", "%7f", "%07"]
    )
    def test_text_from_callers_has_no_effect_on_the_terminal(
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

    def test_mistyped_text_from_operators_has_no_effect_either(self, app: Flask) -> None:
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
        assert (missing.exit_code, "has no entry about the request not-in-the-log" in missing.output) == (1, True)
        away = run(args=["explain", "in-the-log"])
        assert (away.exit_code, "The failure store is unavailable" in away.output) == (1, True)

    def test_an_unknown_id_ends_with_status_1(self, app: Flask) -> None:
        ran = app.test_cli_runner().invoke(args=["explain", "unheard-of"])
        assert (ran.exit_code, "flask explain REQUEST_ID --log FILE" in ran.output) == (1, True)
