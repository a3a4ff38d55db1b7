"""C1–C5: the responses of all errors, their log entries, and the facts that clients must not see."""

import re
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import create_engine, text
from werkzeug.test import TestResponse

from app import errs
from app.config import Settings
from app.services.tasks import TaskService
from tests.api.caller import ABSENT, BATCH, TASKS, Caller, rejected
from tests.api.conftest import Log
from tests.response_checks import CheckedClient

FAULTS = [
    ("GET", "/v1/nothing", {}, 404, "ROUTE_NOT_FOUND"),
    ("GET", ABSENT, {}, 404, "TASK_NOT_FOUND"),
    ("PUT", TASKS, {}, 405, "METHOD_NOT_ALLOWED"),
    ("GET", TASKS, {"headers": {"Accept": "text/html"}}, 406, "NOT_ACCEPTABLE"),
    ("POST", TASKS, {"data": b"x", "content_type": "text/plain"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
    ("POST", TASKS, {"data": b" " * 1048577, "content_type": "application/json"}, 413, "BODY_TOO_LARGE"),
    ("POST", TASKS, {"data": b"", "content_type": "application/json"}, 400, "EMPTY_BODY"),
    ("POST", TASKS, {"data": b"{", "content_type": "application/json"}, 400, "MALFORMED_JSON"),
    ("POST", TASKS, {"json": {}}, 400, "VALIDATION_FAILED"),
    ("POST", BATCH, {"json": {"requests": []}}, 400, "VALIDATION_FAILED"),
    ("GET", TASKS, {"query_string": {"filter": "colour = 1"}}, 400, "INVALID_FILTER"),
    ("GET", TASKS, {"query_string": {"order_by": "colour"}}, 400, "INVALID_ORDER_BY"),
    ("GET", TASKS, {"query_string": {"page_token": "x"}}, 400, "INVALID_PAGE_TOKEN"),
    ("POST", TASKS, {"json": {}, "headers": {"Idempotency-Key": ""}}, 400, "INVALID_IDEMPOTENCY_KEY"),
    ("GET", "/errors/no-such-error", {}, 404, "CATALOGUE_ENTRY_NOT_FOUND"),
]
every_fault = pytest.mark.parametrize(
    ("method", "path", "request_", "status", "code"), FAULTS, ids=lambda x: str(x)[:30]
)
RETRY = {"max_attempts": 3, "backoff": "exponential", "initial_ms": 1000}


class TestDocument:
    """The members of a problem document."""

    @every_fault
    def test_it_contains_the_definition_of_the_error(
        self, alice: Caller, method: str, path: str, request_: dict[str, Any], status: int, code: str
    ) -> None:
        """C1: type, title, kind and retryable come from the catalogue, instance from the path."""
        named = errs.named_errors()[code]
        document = rejected(alice.send(method, path, **request_), status, code)
        assert document["type"] == f"http://candor.test/errors/{errs.slug(code)}"
        assert document["title"] == errs.title(named)
        assert document["kind"] == named.kind.string
        assert document["retryable"] is named.kind.retryable
        assert document["instance"] == path
        assert "trace_id" not in document
        assert all(name in document for name in named.declared_facts)

    @every_fault
    def test_the_response_to_head_has_the_status_and_the_header_fields_without_a_body(
        self, alice: Caller, method: str, path: str, request_: dict[str, Any], status: int, code: str
    ) -> None:
        """C1: it has no body, and works wherever GET does."""
        if method == "GET":
            get, head = alice.get(path, **request_), alice.send("HEAD", path, **request_)
            assert (head.status_code, head.get_data()) == (status, b"")
            assert {*head.headers.keys()} == {*get.headers.keys()}
            assert head.headers["Content-Type"] == "application/problem+json"

    @every_fault
    def test_it_is_not_cacheable(
        self,
        unauthenticated: Caller,
        alice: Caller,
        method: str,
        path: str,
        request_: dict[str, Any],
        status: int,
        code: str,
    ) -> None:
        """C4: errors carry no-store; so do 401 and 403."""
        assert alice.send(method, path, **request_).headers["Cache-Control"] == "no-store"
        assert unauthenticated.send(method, path, **request_).headers["Cache-Control"] == "no-store"

    @pytest.mark.parametrize("host", ["evil.com", "evil.com:99999", "a b/../", "[::1", "évil", "candor.test@evil.com"])
    def test_type_begins_with_the_public_url_whatever_the_host(self, unauthenticated: Caller, host: str) -> None:
        """C1: never with Host, which no response contains."""
        response = unauthenticated.get("/v1/nothing", environ_overrides={"HTTP_HOST": host})
        assert response.status_code in {400, 404}
        assert response.json is not None
        assert response.json["type"].startswith("http://candor.test/errors/")
        assert "evil" not in response.get_data(as_text=True) + str(response.headers)

    @pytest.mark.parametrize(
        ("path", "instance"),
        [
            ("/v1/é", "/v1/%C3%A9"),
            ("/v1/%00", "/v1/%00"),
            ("/v1/a b", "/v1/a%20b"),
            ('/v1/"<script>', "/v1/%22%3Cscript%3E"),
            ("/v1/x?secret=1", "/v1/x"),
            ("/" + "a" * 3000, "/" + "a" * 1023),
            ("/" + "%00" * 3000, "/" + "%00" * 341),
            ("/ab" + "%00" * 3000, "/ab" + "%00" * 340),
        ],
    )
    def test_instance_is_the_path_encoded_and_bounded(self, unauthenticated: Caller, path: str, instance: str) -> None:
        """C1: the request path, without the query; C2: at most 4 KiB."""
        assert rejected(unauthenticated.get(path), 404, "ROUTE_NOT_FOUND")["instance"] == instance

    @pytest.mark.parametrize(("sent", "instance"), [("//v1/tasks", "//v1/tasks"), ("/v1/\xff\xfe", "/v1/%FF%FE")])
    def test_instance_is_the_path_as_it_was_sent(self, unauthenticated: Caller, sent: str, instance: str) -> None:
        """C1: although Werkzeug normalizes it."""
        response = unauthenticated.get("/", environ_overrides={"PATH_INFO": sent})
        assert rejected(response, 404, "ROUTE_NOT_FOUND")["instance"] == instance

    def test_of_many_unknown_members_the_first_by_name_are_listed(self, alice: Caller) -> None:
        """C2: after violations of known members."""
        document = rejected(alice.post(json={"task": {f"x{n:05}": 1 for n in range(1200)}}), 400, "VALIDATION_FAILED")
        fields = [violation["field"] for violation in document["errors"]]
        assert fields == ["title", *(f"x{n:05}" for n in range(99))]
        assert document["truncated"]

    def test_the_hundred_and_first_violation_is_omitted_and_counted(self, alice: Caller) -> None:
        """C2."""
        document = rejected(alice.post(json={str(n): n for n in range(101)}), 400, "VALIDATION_FAILED")
        assert (len(document["errors"]), document["truncated"]) == (100, True)
        full = rejected(alice.post(json={str(n): n for n in range(99)}), 400, "VALIDATION_FAILED")
        assert (len(full["errors"]), "truncated" in full) == (100, False)

    def test_a_violation_names_its_field_its_location_and_its_rule(self, alice: Caller) -> None:
        """C1."""
        document = rejected(alice.create(tags=["ok", "x", "x"]), 400, "VALIDATION_FAILED")
        (violation,) = document["errors"]
        assert violation.pop("message").startswith("tags[2] ")
        assert violation == {"field": "tags[2]", "pointer": "#/task/tags/2", "code": "DUPLICATE_TAG"}


class TestRetryAdvice:
    """Advice for clients that may retry."""

    def test_429_advises_when_and_how_often_to_retry(self, make_application: Callable[..., Flask]) -> None:
        """C1, C22."""
        client = make_application(rate_limit="1 per minute").test_client()
        client.get("/")
        response = client.get("/")
        document = rejected(response, 429, "RATE_LIMIT_EXCEEDED")
        assert document["retry"] == RETRY
        assert 1 <= document["retry_after"] <= 60
        assert (document["limit"], document["window_seconds"], document["retryable"]) == (1, 60, True)

    def test_503_advises_when_and_how_often_to_retry(
        self, make_application: Callable[..., Flask], alice: Caller
    ) -> None:
        """C1."""
        broken = make_application(database_url="postgresql+psycopg://nobody@127.0.0.1:1/nothing")
        document = rejected(Caller(broken.test_client(), alice.credentials).list_tasks(), 503, "SERVICE_UNAVAILABLE")
        assert (document["retry"], document["retry_after"], document["retryable"]) == (RETRY, 1, True)

    def test_504_advises_how_often_to_retry_and_names_the_stage(self, alice: Caller, settings: Settings) -> None:
        """C1, C23."""
        engine = create_engine(settings.database_url)
        with engine.connect() as blocker:
            blocker.execute(text("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE"))
            document = rejected(alice.list_tasks(within="0.05"), 504, "DEADLINE_EXCEEDED")
        engine.dispose()
        assert (document["retry"], document["budget_ms"], document["spent_in"]) == (RETRY, 50, "database")
        assert "retry_after" not in document


@pytest.fixture
def raising(monkeypatch: pytest.MonkeyPatch, alice: Caller) -> Callable[[BaseException], Caller]:
    """Return a planter of bugs: each request for a task raises the exception."""

    def plant(exc: BaseException) -> Caller:
        def fail(*_: object, **__: object) -> None:
            try:
                raise ValueError("the root of it: hunter2")
            except ValueError as root:
                raise exc from root

        monkeypatch.setattr(TaskService, "get", fail)
        assert isinstance(alice.client, CheckedClient)
        alice.client.allows_500 = True
        return alice

    return plant


BUGS = [
    RuntimeError("hunter2 at /srv/app/secret.py"),
    KeyError("hunter2"),
    psycopg.errors.UndefinedColumn('column "hunter2" does not exist'),
    errs.E("tasks.get", kind=errs.Kind.DATABASE, message="hunter2", sqlstate="42703"),
    errs.E(kind=errs.Kind.IO, message="hunter2", detail="hunter2", param="hunter2"),
    errs.E(kind=errs.Kind.UNANTICIPATED, message="hunter2"),
    errs.E(message="hunter2"),
    errs.platform.InternalError(message="hunter2", detail="hunter2"),
    RecursionError("hunter2"),
]


class TestSecrecy:
    """C3: no internal detail leaves the service."""

    @pytest.mark.parametrize("bug", BUGS, ids=lambda bug: repr(bug)[:40])
    def test_every_bug_is_the_same_500(self, raising: Callable[[BaseException], Caller], bug: BaseException) -> None:
        """C3: one fixed text of kind internal_error, for every exception."""
        response = raising(bug).get(ABSENT)
        document = rejected(response, 500, "INTERNAL_ERROR")
        assert document["kind"] == "internal_error"
        assert document["detail"] == errs.platform.InternalError.message
        assert "hunter2" not in response.get_data(as_text=True) + str(response.headers)
        assert {*document} == {
            *("type", "title", "status", "detail", "instance", "kind", "code", "request_id", "timestamp", "retryable")
        }

    def test_the_text_of_a_dependency_is_not_returned(self, raising: Callable[[BaseException], Caller]) -> None:
        """``detail`` and undeclared context stay in the log."""
        response = raising(errs.platform.ServiceUnavailable(detail="hunter2", retry_after=7, host="db-1")).get(ABSENT)
        assert rejected(response, 503, "SERVICE_UNAVAILABLE")["retry_after"] == 7
        assert not re.search("hunter2|db-1", response.get_data(as_text=True))


class TestLog:
    """C5: one log entry, with everything that the client must not see."""

    def test_a_5xx_is_one_error_entry_with_the_traceback(
        self, raising: Callable[[BaseException], Caller], log: Log
    ) -> None:
        """C5."""
        response = raising(errs.E("tasks.get", kind=errs.Kind.IO, detail="the disk is gone", shelf=7)).get(ABSENT)
        (line,) = log.errors
        assert (line["level"], line["status"], line["kind"]) == ("ERROR", 500, "io_error")
        assert line["request_id"] == response.headers["X-Request-Id"]
        assert line["op"] == ["tasks.get"]
        assert line["facts"] == {"shelf": 7}
        assert [cause["type"] for cause in line["causes"]] == ["Error", "ValueError"]
        assert line["causes"][0]["detail"] == "the disk is gone"
        assert any("test_problem_documents.py" in frame for frame in line["stack"])

    @every_fault
    def test_a_4xx_is_one_warning_entry_without_a_traceback(
        self, alice: Caller, log: Log, method: str, path: str, request_: dict[str, Any], status: int, code: str
    ) -> None:
        """C5."""
        alice.send(method, path, **request_)
        (line,) = log.errors
        assert (line["level"], line["status"], line["code"]) == ("WARNING", status, code)
        assert "stack" not in line

    def test_an_error_is_logged_with_the_operations_that_it_passed(self, alice: Caller, log: Log) -> None:
        """C5: outermost first, to the step that failed."""
        task = {"task": {"title": alice.task()["title"]}}
        alice.get(ABSENT)
        alice.post(json=task)
        alice.post(json=task, headers={"Idempotency-Key": "a-key"})
        through = ["idempotency.once", "tasks.create", "database.execute"]
        assert [line["op"] for line in log.errors] == [["tasks.get"], through[1:], through]
        assert {line["message"] for line in log.errors[1:]} == {"You already have a task with this title."}

    @pytest.mark.parametrize(
        ("authorization", "code", "cause"),
        [("", "MISSING_CREDENTIALS", "has no bearer token"), ("Bearer x.y.z", "INVALID_TOKEN", "malformed")],
    )
    def test_a_401_is_logged_with_its_cause(
        self, unauthenticated: Caller, log: Log, authorization: str, code: str, cause: str
    ) -> None:
        """C5: the client sees none of it."""
        unauthenticated.get(TASKS, headers={"Authorization": authorization})
        (line,) = log.errors
        assert (line["level"], line["status"], line["code"]) == ("WARNING", 401, code)
        assert cause in line["message"]
        assert "x.y.z" not in "".join(log.lines)

    def test_a_403_is_logged_with_the_caller_and_the_cause(self, alice: Caller, bob: Caller, log: Log) -> None:
        """C5, C8."""
        path = f"/v1/{alice.task()['name']}"
        bob.get(path)
        (line,) = log.errors
        assert (line["level"], line["code"], line["user"], line["path"]) == ("WARNING", "NOT_TASK_OWNER", "bob", path)

    @every_fault
    def test_every_request_is_exactly_one_access_entry(
        self, alice: Caller, log: Log, method: str, path: str, request_: dict[str, Any], status: int, code: str
    ) -> None:
        """With the request ID of the response."""
        response = alice.send(method, path, **request_)
        (line,) = log.access
        assert (line["method"], line["path"], line["status"]) == (method, path, status)
        assert line["request_id"] == response.headers["X-Request-Id"]
        assert line["duration_ms"] >= 0

    @pytest.mark.parametrize("status", [200, 201, 204, 304, 500])
    def test_every_outcome_is_one_access_entry(
        self, alice: Caller, raising: Callable[[BaseException], Caller], log: Log, status: int
    ) -> None:
        tag = alice.get(f"/v1/{alice.task('Tagged')['name']}").headers["ETag"]
        path = log.access[-1]["path"]
        sends: dict[int, Callable[[], TestResponse]] = {
            200: alice.list_tasks,
            201: alice.create,
            204: lambda: alice.send("OPTIONS", TASKS),
            304: lambda: alice.get(path, headers={"If-None-Match": tag}),
            500: lambda: raising(RuntimeError()).get(ABSENT),
        }
        log.lines.clear()
        assert sends[status]().status_code == status
        assert [line["status"] for line in log.access] == [status]
