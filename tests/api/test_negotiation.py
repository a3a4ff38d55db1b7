"""C9a: the first failure determines the response; and the methods, paths and media types of the API."""

import itertools
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

import pytest
from flask import Flask

from app.rest import operations
from tests.api.caller import ABSENT, BATCH, JSON, TASKS, Caller, answered, path_of, rejected, violated
from tests.samples import BODIES, PATHS
from tests.samples import path_of as sample_path

Request = dict[str, Any]
Fault = Callable[[Request, "Stage"], None]


class Stage:
    """The owner of the tasks to which the faults refer."""

    def __init__(self, alice: Caller, bob: Caller, exhausted: Flask, scopeless: dict[str, str]) -> None:
        self.mine = path_of(alice.task("mine"))
        self.theirs = path_of(bob.task("theirs"))
        self.credentials = dict(alice.credentials)
        self.scopeless = scopeless
        self.application = alice.client.application
        self.exhausted = exhausted
        alice.task("taken")


FAULTS: dict[str, tuple[int, Fault]] = {
    "no route": (404, lambda request, _: request.update(path=request["path"] + "/x")),
    "method": (405, lambda request, _: request.update(method="PUT")),
    "limit": (429, lambda request, stage: request.update(application=stage.exhausted)),
    "credentials": (401, lambda request, _: request["headers"].pop("Authorization")),
    "scope": (403, lambda request, stage: request["headers"].update(stage.scopeless)),
    "accept": (406, lambda request, _: request["headers"].update(Accept="text/html")),
    "type": (415, lambda request, _: request.update(content_type="text/plain")),
    "size": (413, lambda request, _: request.update(data=request["data"] + b" " * 1048577)),
    "syntax": (400, lambda request, _: request.update(data=b"{]" + request["data"])),
    "rules": (400, lambda request, _: request.update(query_string="colour=red")),
    "no task": (404, lambda request, _: request.update(path=ABSENT)),
    "owner": (403, lambda request, stage: request.update(path=stage.theirs)),
    "version": (412, lambda request, _: request["headers"].update({"If-Match": '"0-00000000"'})),
    "title": (409, lambda request, _: request.update(data=b'{"title":"taken"}')),
}
"""Faults in the order of precedence; later ones are applied before earlier ones."""
EXCLUSIVE = [{"no route", "method"}, {"credentials", "scope"}, {"no task", "owner"}]
PAIRS = [pair for pair in itertools.combinations(FAULTS, 2) if {*pair} not in EXCLUSIVE]
CODES = {
    "no route": "ROUTE_NOT_FOUND",
    "method": "METHOD_NOT_ALLOWED",
    "limit": "RATE_LIMIT_EXCEEDED",
    "accept": "NOT_ACCEPTABLE",
    "type": "UNSUPPORTED_MEDIA_TYPE",
    "size": "BODY_TOO_LARGE",
    "syntax": "MALFORMED_JSON",
    "rules": "VALIDATION_FAILED",
    "no task": "TASK_NOT_FOUND",
    "version": "PRECONDITION_FAILED",
    "title": "TASK_TITLE_TAKEN",
}


class TestPrecedence:
    """Responses to requests with two faults."""

    @pytest.fixture
    def stage(
        self, alice: Caller, bob: Caller, bearer: Callable[..., dict[str, str]], make_application: Callable[..., Flask]
    ) -> Stage:
        """Return tasks, credentials, and an application without remaining requests."""
        exhausted = make_application(rate_limit="1 per hour", database_pool_size=1)
        exhausted.test_client().get("/")
        return Stage(alice, bob, exhausted, bearer("alice", "other"))

    def test_the_earlier_fault_is_reported(self, stage: Stage) -> None:
        """C9a: for every possible pair, and for each fault alone."""
        for names in [*((name,) for name in FAULTS), *PAIRS]:
            request: Request = {
                "application": stage.application,
                "path": stage.mine,
                "method": "PATCH",
                "headers": dict(stage.credentials),
                "data": b'{"title":"new"}',
                "content_type": JSON,
            }
            for name in reversed(names):
                FAULTS[name][1](request, stage)
            response = request.pop("application").test_client().open(**request)
            assert response.status_code == FAULTS[names[0]][0], names
            if response.status_code not in {401, 403}:
                assert response.json is not None
                assert response.json["code"] == CODES[names[0]], names

    def test_all_faults_together_are_reported_one_after_the_other(self, stage: Stage) -> None:
        """C9a: after the first is fixed, the next is reported."""
        kept = [name for name in FAULTS if name not in {"no route", "scope", "owner"}]
        for first, name in enumerate(kept):
            request: Request = {
                "application": stage.application,
                "path": stage.mine,
                "method": "PATCH",
                "headers": dict(stage.credentials),
                "data": b'{"title":"new"}',
                "content_type": JSON,
            }
            for later in reversed(kept[first:]):
                FAULTS[later][1](request, stage)
            response = request.pop("application").test_client().open(**request)
            assert response.status_code == FAULTS[name][0], name


class TestAccept:
    """406 if Accept excludes JSON (RFC 9110, section 12.5.1)."""

    @pytest.mark.parametrize(
        "accept",
        [
            "application/json",
            "*/*",
            "application/*",
            "",
            "text/html, application/json;q=0.1",
            "text/html, */*;q=0.001",
            "APPLICATION/JSON",
            "application/json; charset=utf-8",
            "application/json;q=1;charset=utf-8",
            "application/xml;q=0, */*",
            "application/json, text/plain, */*",
            "application/json;q=0.5, */*;q=0",
            "text/html, image/gif, *; q=.2, */*; q=.2",
            "application/json;q=0,5",
            "json",
        ],
    )
    def test_a_client_that_accepts_json_gets_it(self, alice: Caller, accept: str) -> None:
        assert alice.get(TASKS, headers={"Accept": accept}).mimetype == JSON

    @pytest.mark.parametrize(
        "accept",
        [
            "application/xml",
            "text/html",
            "text/*",
            "*/*;q=0",
            "application/json;q=0",
            "application/json;q=0, */*",
            "application/json;q=0.0, text/html",
            "application/*;q=0, */*;q=1",
            "application/problem+json",
            "application/vnd.api+json",
            "image/png, " * 1000 + "image/gif",
        ],
        ids=lambda accept: accept[:30],
    )
    @pytest.mark.parametrize(("method", "path"), [("GET", TASKS), ("GET", ABSENT), ("POST", BATCH), ("DELETE", ABSENT)])
    def test_a_client_that_does_not_accept_json_gets_406_as_a_problem_document(
        self, alice: Caller, method: str, path: str, accept: str
    ) -> None:
        """With the available media types. The error is JSON, whatever Accept contains."""
        response = alice.send(method, path, headers={"Accept": accept})
        assert rejected(response, 406, "NOT_ACCEPTABLE")["available"] == [JSON]

    @pytest.mark.parametrize("path", ["/healthz", "/readyz"])
    def test_health_checks_need_no_accept(self, unauthenticated: Caller, path: str) -> None:
        """Health ignores Accept."""
        answered(unauthenticated.get(path, headers={"Accept": "text/html"}))


class TestMethods:
    """405, OPTIONS and HEAD."""

    @pytest.mark.parametrize(
        ("path", "allowed"),
        [
            (TASKS, "GET, HEAD, OPTIONS, POST"),
            (BATCH, "OPTIONS, POST"),
            (ABSENT, "DELETE, GET, HEAD, OPTIONS, PATCH"),
            ("/healthz", "GET, HEAD, OPTIONS"),
            ("/openapi.json", "GET, HEAD, OPTIONS"),
            ("/errors", "GET, HEAD, OPTIONS"),
        ],
    )
    def test_options_and_405_list_the_real_methods(self, unauthenticated: Caller, path: str, allowed: str) -> None:
        """204 with Allow, and the same in the 405, for every caller."""
        response = unauthenticated.send("OPTIONS", path)
        assert (response.status_code, response.headers["Allow"]) == (204, allowed)
        for method in ("TRACE", "CONNECT", "FOO", "PUT", "PROPFIND", "QUERY"):
            response = unauthenticated.send(method, path)
            document = rejected(response, 405, "METHOD_NOT_ALLOWED")
            assert response.headers["Allow"] == ", ".join(document["allowed"]) == allowed
            assert document["method"] == method

    @pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"])
    def test_a_method_cannot_be_overridden(self, alice: Caller, header: str) -> None:
        """Ignored."""
        path = path_of(alice.task())
        answered(alice.get(path, headers={header: "DELETE"}))
        rejected(alice.post(path, headers={header: "DELETE"}), 405, "METHOD_NOT_ALLOWED")
        answered(alice.get(path))

    def test_options_of_an_unknown_path_is_404(self, unauthenticated: Caller) -> None:
        """C9a."""
        rejected(unauthenticated.send("OPTIONS", "/v1/nothing"), 404, "ROUTE_NOT_FOUND")

    def test_head_is_get_without_the_body(self, admin: Caller, app: Flask) -> None:
        """On every GET, with the same header fields; one task is the only resource."""
        path = path_of(admin.task())
        ids = [value for parameter, value in PATHS.items() if parameter not in {"<slug>", "<violation>"}]
        fresh = {"X-Request-Id", "Request-Id", "RateLimit", "Date"}
        for get in _paths_of_gets(app, path):
            headers = {"Accept": "*/*"}
            one, other = admin.get(get, headers=headers), admin.send("HEAD", get, headers=headers)
            assert (other.status_code, other.get_data()) == (one.status_code, b"")
            is_absent = get == "/v1/users/me" or any(each in get for each in ids)
            assert one.status_code == (404 if is_absent else 200), get
            ours = {name: value for name, value in one.headers.items() if name not in fresh}
            assert {name: value for name, value in other.headers.items() if name not in fresh} == ours, get


def _paths_of_gets(app: Flask, task: str) -> Iterator[str]:
    for operation in operations.table(app).values():
        if operation.name.startswith("GET ") and "<path:" not in operation.name and "<filename" not in operation.name:
            yield task if "<id:task_id>" in operation.name else sample_path(operation.name)


class TestPaths:
    """404, and never a redirect."""

    @pytest.mark.parametrize(
        "path",
        [
            *("/v1/tasks/", "/v1//tasks", "//v1/tasks", "/v1/./tasks", "/v1/x/../tasks", "/v1/%2e%2e/v1/tasks"),
            *("/v1/tasks;x=1", "/V1/tasks", "/v1/Tasks", "/v1/tasks.json", "/v1%2ftasks/", "/v1/tasks%00"),
            *("/v1/tasks%20", "/healthz/", "/errors/", "/docs/", "/openapi.json/", "/v1/tasks:batchcreate"),
            *("/v1/tasks:batchCreate/", "/v1/tasks:nothing", "/v1/tasks/a/b", "/v1/tasks//", "/v1", "/v1/", "/%ff"),
            *("/" + "a/" * 300, "/static/x", "/metrics", "/debug", "/.env", "/.git/config", "/v1/loggers"),
        ],
    )
    @pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "HEAD"])
    def test_an_unknown_path_is_404_for_every_caller(
        self, unauthenticated: Caller, alice: Caller, method: str, path: str
    ) -> None:
        """C25: auth rules are the same for every spelling, because only one spelling is a path."""
        for caller in (unauthenticated, alice):
            response = caller.send(method, path)
            assert response.status_code == HTTPStatus.NOT_FOUND
            assert "Location" not in response.headers

    @pytest.mark.parametrize("path", ["/v1/%74asks", "/v1%2ftasks"])
    def test_an_encoded_path_is_equal_and_guarded_like_it(
        self, unauthenticated: Caller, alice: Caller, path: str
    ) -> None:
        """RFC 3986, section 6.2.2.2; the gateway decodes it before the service sees it."""
        assert unauthenticated.get(path).status_code == 401
        answered(alice.get(path))

    @pytest.mark.parametrize("host", ["localhost", "evil.com", "[::1]:8000", "evil.com:80"])
    def test_the_host_has_no_effect(self, alice: Caller, host: str) -> None:
        """No response contains it."""
        response = alice.post(json={"task": {"title": "x"}}, environ_overrides={"HTTP_HOST": host})
        assert response.headers["Location"].startswith("/v1/tasks/")
        assert "evil" not in response.get_data(as_text=True) + str(response.headers)

    def test_an_unknown_parameter_is_reported_by_every_operation(self, alice: Caller) -> None:
        """Also by operations without parameters."""
        for method, path in (("POST", TASKS), ("POST", BATCH), ("DELETE", ABSENT)):
            body = BODIES.get(f"{method} {path}")
            assert ("colour", "UNKNOWN_PARAMETER") in violated(alice.send(method, f"{path}?colour=red", json=body))
