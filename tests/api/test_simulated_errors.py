"""``Simulate-Error``: its responses, its conditions, and its effects on requests and monitoring (C25b)."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from flask import Flask, got_request_exception
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.rest.public_routes import public
from tests.api.caller import ABSENT, TASKS, Caller
from tests.api.conftest import Log
from tests.response_checks import CheckedClient
from tests.scrape import grown, growth, here

pytestmark = pytest.mark.slow

FIELD: Final = "Simulate-Error"
TAKEN: Final = {FIELD: "TASK_TITLE_TAKEN"}
BROKEN: Final = {FIELD: "INTERNAL_ERROR"}
TOKEN: Final = "a-token-of-its-own"
NEW: Final = {"task": {"title": "Buy milk"}}


@pytest.fixture(autouse=True)
def _allow_500(client: FlaskClient) -> None:
    assert isinstance(client, CheckedClient)
    client.allows_500 = True


def code_of(response: TestResponse) -> Any:
    """Return the code of a problem document."""
    return (response.get_json() or {}).get("code")


class TestAnswer:
    def test_ok(self, alice: Caller) -> None:
        response = alice.post(json=NEW, headers={**TAKEN, "X-Request-Id": "12345678"})
        assert response.status_code == 409
        document = response.get_json()
        assert (document["code"], document["instance"]) == ("TASK_TITLE_TAKEN", TASKS)
        assert document["request_id"] == "12345678"
        assert document["type"] == "http://candor.test/errors/task-title-taken"

    def test_the_request_has_no_effect(self, alice: Caller) -> None:
        """It creates no task and stores no key: the same key with the same request creates the task afterwards."""
        key = {"Idempotency-Key": "simulated-1"}
        assert alice.post(json=NEW, headers={**key, **BROKEN}).status_code == 500
        assert alice.get(TASKS).get_json()["tasks"] == []
        created = alice.post(json=NEW, headers=key)
        assert created.status_code == 201
        assert "Idempotent-Replayed" not in created.headers

    def test_it_takes_precedence_over_a_stored_response(self, alice: Caller) -> None:
        key = {"Idempotency-Key": "simulated-2"}
        assert alice.post(json=NEW, headers=key).status_code == 201
        assert code_of(alice.post(json=NEW, headers={**key, **TAKEN})) == "TASK_TITLE_TAKEN"
        assert alice.post(json=NEW, headers=key).headers["Idempotent-Replayed"] == "true"

    def test_an_unkeyed_write_is_retryable(self, alice: Caller) -> None:
        """The request has changed nothing."""
        document = alice.post(json=NEW, headers={FIELD: "SERVICE_UNAVAILABLE"}).get_json()
        assert (document["retryable"], document["retry_after"]) == (True, 1)

    def test_context_is_that_of_the_operation(self, alice: Caller) -> None:
        too_large = alice.post(headers={FIELD: "BODY_TOO_LARGE"})
        assert too_large.get_json()["limit"] == 16384
        unread = alice.patch(ABSENT, headers={FIELD: "UNSUPPORTED_MEDIA_TYPE"})
        assert unread.headers["Accept-Patch"] == "application/json, application/merge-patch+json"

    def test_head_has_the_status_and_no_body(self, alice: Caller) -> None:
        response = alice.send("HEAD", ABSENT, headers={FIELD: "TASK_NOT_FOUND"})
        assert (response.status_code, response.get_data()) == (404, b"")

    def test_options_is_answered_as_usual(self, alice: Caller) -> None:
        assert alice.send("OPTIONS", TASKS, headers=BROKEN).status_code == 204

    @pytest.mark.parametrize("value", ["TASK_TITLE_TAKEN, TASK_TITLE_TAKEN", '"TASK_TITLE_TAKEN"', "", "x" * 8000])
    def test_a_malformed_field_is_a_violation_among_others(self, alice: Caller, value: str) -> None:
        response = alice.get(TASKS, headers={FIELD: value, "Request-Timeout": "soon"})
        assert response.status_code == 400
        assert [(each["header"], each["code"]) for each in response.get_json()["errors"]] == [
            ("Request-Timeout", "INVALID_VALUE"),
            (FIELD, "INVALID_FORMAT"),
        ]


class TestPrecedence:
    """Limits, authentication and scope come first, all other checks after it (C9a)."""

    def test_an_unknown_path_and_another_method(self, alice: Caller) -> None:
        assert code_of(alice.get("/v1/taks", headers=BROKEN)) == "ROUTE_NOT_FOUND"
        assert code_of(alice.put(TASKS, headers=BROKEN)) == "METHOD_NOT_ALLOWED"

    def test_limits(self, make_application: Callable[..., Flask], alice: Caller) -> None:
        """A simulated response counts, and has the header fields."""
        limited = Caller(make_application(rate_limit="1 per hour").test_client(), alice.credentials)
        first = limited.post(json=NEW, headers=TAKEN)
        assert (first.status_code, first.headers["RateLimit"][:13]) == (409, '"default";r=0')
        assert code_of(limited.post(json=NEW, headers=TAKEN)) == "RATE_LIMIT_EXCEEDED"

    def test_authentication_and_scope(
        self, unauthenticated: Caller, client: FlaskClient, bearer: Callable[..., Any]
    ) -> None:
        assert unauthenticated.post(json=NEW, headers=BROKEN).status_code == 401
        assert Caller(client, bearer("alice", "account")).post(json=NEW, headers=BROKEN).status_code == 403

    def test_accept_type_body_and_object(self, alice: Caller) -> None:
        sent = {**BROKEN, "Accept": "application/x-none", "Content-Encoding": "gzip"}
        assert alice.patch(f"{ABSENT}?no_such=1", data=b"{]", headers=sent).status_code == 500

    def test_a_public_operation_needs_no_token(self, unauthenticated: Caller) -> None:
        rejected = unauthenticated.post("/v1/tokens", headers={FIELD: "INVALID_CREDENTIALS"})
        assert (rejected.status_code, rejected.headers["WWW-Authenticate"]) == (401, 'Bearer realm="candor"')


class TestAfter:
    def test_ok(self, client: FlaskClient, bearer: Callable[..., Any]) -> None:
        """``after=2``: two requests of a token are handled as usual, all later ones fail, on this operation."""
        first, second = (Caller(client, bearer(f"{TOKEN}-{number}")) for number in range(2))
        after = {FIELD: "SERVICE_UNAVAILABLE; after=2"}
        assert [first.get(TASKS, headers=after).status_code for _ in range(4)] == [200, 200, 503, 503]
        assert second.get(TASKS, headers=after).status_code == 200
        assert first.get(TASKS).status_code == 200
        assert first.post(json=NEW, headers=after).status_code == 201

    def test_a_public_operation_counts_by_address(self, unauthenticated: Caller) -> None:
        after = {FIELD: "INTERNAL_ERROR; after=1"}
        statuses = [
            unauthenticated.get("/errors", headers={**after, "X-Forwarded-For": "192.0.2.1"}).status_code
            for _ in range(3)
        ]
        assert statuses == [200, 500, 500]


class TestDelay:
    def test_ok(self, alice: Caller, log: Log) -> None:
        began = time.monotonic()
        response = alice.post(json=NEW, headers={FIELD: "TASK_TITLE_TAKEN; delay=0.2"})
        assert response.status_code == 409
        assert 0.2 <= time.monotonic() - began < 10
        assert log.access[-1]["spent_ms"]["simulation"] >= 200

    def test_a_delay_beyond_the_budget_is_504(self, alice: Caller) -> None:
        sent = {FIELD: "TASK_TITLE_TAKEN; delay=30", "Request-Timeout": "0.2"}
        with growth("http_request_duration_seconds_count") as requests, growth("errors_total") as errors:
            began = time.monotonic()
            response = alice.post(json=NEW, headers=sent)
        assert time.monotonic() - began < 10
        document = response.get_json()
        assert (response.status_code, document["budget_ms"], document["spent_in"]) == (504, 200, "simulation")
        assert (requests.by, errors.by) == (0, 0)

    def test_it_holds_a_work_slot(self, make_application: Callable[..., Flask], alice: Caller) -> None:
        """``work_slots_in_use`` counts the slot that it holds. Without a free slot the response is a real 503."""
        app = make_application(database_pool_size=2, web_threads=1)
        caller = Caller(app.test_client(), alice.credentials)
        slots = app.extensions["app-services"].bulkhead
        assert slots.size == 1
        slow = threading.Thread(
            target=Caller(app.test_client(), alice.credentials).get,
            args=(TASKS,),
            kwargs={"headers": {FIELD: "INVALID_FILTER; delay=3"}},
        )
        slow.start()
        until = time.monotonic() + 5
        while not slots.in_use and time.monotonic() < until:
            time.sleep(0.01)
        with growth("errors_total", code="SERVICE_UNAVAILABLE") as shed:
            assert code_of(caller.get(TASKS, headers={FIELD: "INVALID_FILTER; delay=3"})) == "SERVICE_UNAVAILABLE"
        assert shed.by == 1
        assert code_of(caller.get(TASKS, headers={FIELD: "INVALID_FILTER"})) == "INVALID_FILTER"
        slow.join()
        assert slots.in_use == 0


class TestOperators:
    """Simulated errors are not counted or reported as failures."""

    def test_log_entries_are_marked_and_have_no_stack(self, alice: Caller, log: Log) -> None:
        alice.post(json=NEW, headers={**BROKEN, "X-Request-Id": "12345678"})
        (error,) = log.errors
        assert (error["level"], error["code"], error["simulated"]) == ("WARNING", "INTERNAL_ERROR", True)
        assert error["causes"][0]["detail"] == "simulated: requested by the caller"
        assert "stack" not in error
        assert (log.access[-1]["status"], log.access[-1]["simulated"]) == (500, True)
        alice.get(TASKS)
        assert "simulated" not in log.access[-1]

    @pytest.mark.parametrize("code", ["INTERNAL_ERROR", "SERVICE_UNAVAILABLE", "VALIDATION_FAILED", "BATCH_FAILED"])
    def test_one_counter_counts_them_and_no_other(self, alice: Caller, code: str) -> None:
        before = here()
        assert code_of(alice.post("/v1/tasks:batchCreate", headers={FIELD: code})) == code
        assert grown(before) == set()
        counted = here().total("simulated_errors_total", code=code) - before.total("simulated_errors_total", code=code)
        assert counted == 1

    def test_a_simulated_500_sends_no_signal(self, app: Flask, alice: Caller) -> None:
        """Sentry and other listeners report only bugs."""
        received: list[BaseException] = []

        def note(_sender: Flask, exception: BaseException, **_: Any) -> None:
            received.append(exception)

        with got_request_exception.connected_to(note, app):
            assert alice.post(json=NEW, headers=BROKEN).status_code == 500
        assert received == []

    def test_it_is_not_stored_as_a_failed_request(self, app: Flask, alice: Caller) -> None:
        from app.observability import logs
        from app.observability.failure_recorder import FailureEntry, FailureRecorder

        kept: list[FailureEntry] = []
        recorder = FailureRecorder(kept.extend, sample=1.0)
        recorder.start()
        try:
            alice.post(json=NEW, headers={**BROKEN, "X-Request-Id": "simulated-one"})
            alice.get("/v1/taks", headers={"X-Request-Id": "not-simulated"})
        finally:
            recorder.stop(5)
        assert [entry.request_id for entry in kept] == ["not-simulated"]
        assert recorder not in logs.WATCHERS


class TestRoutes:
    """Routes outside the operations declare no errors."""

    @pytest.fixture
    def plain(self, make_application: Callable[..., Flask]) -> Flask:
        app = make_application()

        @app.get("/plain")
        @public
        def plain() -> str:
            return "plain"

        return app

    def test_the_field_is_a_violation_there(self, plain: Flask) -> None:
        response = plain.test_client().get("/plain", headers=BROKEN)
        assert response.status_code == 400
        (violation,) = response.get_json()["errors"]
        assert violation["message"].endswith("This route is not an operation")
        assert plain.test_client().get("/plain").get_data() == b"plain"


class TestSwitchedOff:
    @pytest.fixture
    def off(self, make_application: Callable[..., Flask], alice: Caller) -> Caller:
        """Return a caller of an application without simulated errors."""
        return Caller(make_application(faults_on_demand=False).test_client(), alice.credentials)

    @pytest.mark.parametrize("value", ["INTERNAL_ERROR", "NO_SUCH", ";;;", "INTERNAL_ERROR; delay=5"])
    def test_the_field_is_ignored(self, off: Caller, value: str) -> None:
        assert off.get(TASKS, headers={FIELD: value}).status_code == 200

    def test_no_hook_is_there(self, off: Caller, app: Flask) -> None:
        def names(app: Flask) -> Iterator[str]:
            return (hook.__module__ for hook in app.before_request_funcs[None])

        assert "app.rest.hooks.simulation" in names(app)
        assert "app.rest.hooks.simulation" not in names(off.client.application)

    def test_production_needs_both_settings(self, make_application: Callable[..., Flask]) -> None:
        """Settings that were made without the environment are safe, too."""
        for allowed in (False, True):
            app = make_application(app_env="production", faults_on_demand_in_production=allowed)
            assert app.config["FAULTS_ON_DEMAND"] is allowed

    def test_it_is_not_documented(self, off: Caller, app: Flask) -> None:
        """Neither in the catalogue, nor on the command line, nor in OpenAPI."""
        for accepted in ("text/html", "text/markdown", "application/json"):
            page = off.get("/errors/task-title-taken", headers={"Accept": accepted}).get_data(as_text=True)
            assert FIELD not in page
        for each, is_told in ((off.client.application, False), (app, True)):
            printed = each.test_cli_runner().invoke(args=["errors", "explain", "TASK_TITLE_TAKEN"]).output
            assert (f"-H '{FIELD}: TASK_TITLE_TAKEN'" in printed) is is_told
            document = each.test_client().get("/openapi.json").get_json()
            assert (FIELD in document["info"]["description"]) is is_told
            assert FIELD not in str(document["paths"])

    @pytest.mark.parametrize("is_on", [False, True])
    def test_pages_may_send_it_only_where_it_is_read(self, make_application: Callable[..., Flask], is_on: bool) -> None:
        app = make_application(faults_on_demand=is_on, cors_origins=("https://a.example",))
        sent = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
        allowed = app.test_client().options(TASKS, headers=sent).headers["Access-Control-Allow-Headers"]
        assert (FIELD in allowed.split(", ")) is is_on
