"""C8: the operations of each user on tasks of each owner."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.rest import operations
from tests.api.caller import BATCH, TASKS, Caller, answered, path_of
from tests.api.conftest import Log
from tests.samples import BODIES
from tests.samples import path_of as sample_path

Make = Callable[..., Flask]
USERS = {
    "owner": ("alice", "tasks"),
    "other_user": ("bob", "tasks"),
    "admin": ("root", "admin"),
    "admin of the same name": ("alice", "admin"),
    "scopeless": ("alice", "other:read"),
    "unauthenticated": None,
}
ALLOWED = {"owner", "admin", "admin of the same name"}
ON_TASK: dict[str, tuple[str, dict[str, Any]]] = {
    "get": ("GET", {}),
    "get part": ("GET", {"query_string": {"fields": "title"}}),
    "head": ("HEAD", {}),
    "get if changed": ("GET", {"headers": {"If-None-Match": "*"}}),
    "patch": ("PATCH", {"json": {"title": "stolen"}}),
    "patch masked": ("PATCH", {"json": {}, "query_string": {"update_mask": "tags"}}),
    "patch nothing": ("PATCH", {"json": {}}),
    "patch any": ("PATCH", {"json": {"title": "stolen"}, "headers": {"If-Match": "*"}}),
    "patch stale": ("PATCH", {"json": {"title": "stolen"}, "headers": {"If-Match": '"0-00000000"'}}),
    "delete": ("DELETE", {}),
    "delete any": ("DELETE", {"headers": {"If-Match": "*"}}),
}


@pytest.fixture
def users(client: FlaskClient, bearer: Callable[..., dict[str, str]]) -> dict[str, Caller]:
    """Return all callers."""
    return {name: Caller(client, bearer(*claims) if claims else {}) for name, claims in USERS.items()}


def is_empty(response: TestResponse, status: int) -> bool:
    """Return whether a response has the status and no content."""
    return (response.status_code, response.get_data(), response.headers.get("Content-Length")) == (status, b"", "0")


class TestObjects:
    """All users, and all operations on a task."""

    @pytest.mark.parametrize("user", USERS)
    @pytest.mark.parametrize("what", ON_TASK)
    def test_only_the_owner_and_admins_reach_a_task(self, users: dict[str, Caller], user: str, what: str) -> None:
        """C8: 403 with an empty body for another user's task; nothing is changed or revealed."""
        created = users["owner"].create("mine", tags=["secret"])
        path = created.headers["Location"]
        method, request = ON_TASK[what]
        response = users[user].send(method, path, **request)
        if user in ALLOWED:
            assert response.status_code in {200, 304, 412}
            return
        assert is_empty(response, 401 if user == "unauthenticated" else 403)
        assert "ETag" not in response.headers
        challenge = response.headers.get("WWW-Authenticate", "")
        assert ("insufficient_scope" in challenge) == (user == "scopeless")
        assert users["owner"].get(path).get_data() == created.get_data()

    @pytest.mark.parametrize("user", ["other_user", "scopeless", "unauthenticated"])
    def test_lists_and_pages_exclude_tasks_of_others(self, users: dict[str, Caller], user: str) -> None:
        """List, filter, order, projection and page token."""
        for n in range(3):
            users["owner"].task(f"mine {n}", tags=["secret"])
        token = answered(users["owner"].list_tasks(page_size=1))["next_page_token"]
        queries: list[dict[str, str]] = [
            {},
            {"filter": "tags:secret"},
            {"filter": 'created_by = "alice"'},
            {"order_by": "title"},
            {"fields": "title"},
            {"page_token": token, "page_size": "1"},
        ]
        for query in queries:
            response = users[user].list_tasks(**query)
            assert response.status_code in {200, 400, 401, 403}
            assert b"mine" not in response.get_data()
            if response.status_code == 200:
                assert response.json == {"tasks": [], "next_page_token": None, "total_size": 0}

    def test_an_admin_sees_all_tasks(self, users: dict[str, Caller]) -> None:
        users["owner"].task("one")
        users["other_user"].task("two")
        assert sorted(users["admin"].titles()) == ["one", "two"]

    def test_a_task_that_an_admin_creates_belongs_to_the_admin(self, users: dict[str, Caller]) -> None:
        """An admin cannot create tasks for other users."""
        task = users["admin"].task(created_by="alice")
        assert task["created_by"] == "root"
        assert is_empty(users["owner"].get(path_of(task)), 403)

    def test_an_admin_who_renames_a_task_conflicts_with_titles_of_its_owner(self, users: dict[str, Caller]) -> None:
        """Titles are unique per owner, not per writer."""
        users["owner"].task("taken")
        path = path_of(users["owner"].task("other"))
        assert users["admin"].patch(path, json={"title": "taken"}).status_code == 409
        assert answered(users["admin"].patch(path, json={"title": "free"}))["created_by"] == "alice"

    def test_a_key_replays_nothing_to_another_caller(self, users: dict[str, Caller]) -> None:
        """Idempotency replay, admins included."""
        body, key = {"task": {"title": "mine"}}, {"Idempotency-Key": "same"}
        answered(users["owner"].post(json=body, headers=key), 201)
        for other in ("other_user", "admin"):
            response = users[other].post(json=body, headers=key)
            assert answered(response, 201)["created_by"] != "alice"
            assert "Idempotent-Replayed" not in response.headers
        assert is_empty(users["scopeless"].post(json=body, headers=key), 403)

    def test_a_batch_belongs_to_its_caller(self, users: dict[str, Caller]) -> None:
        batch = answered(users["other_user"].batch({"title": "mine"}, {"title": "too", "created_by": "alice"}))
        assert {task["created_by"] for task in batch["tasks"]} == {"bob"}

    def test_denied_requests_are_logged_with_the_caller(self, users: dict[str, Caller], log: Log) -> None:
        """C5."""
        path = path_of(users["owner"].task())
        users["other_user"].get(path)
        users["scopeless"].get(path)
        users["unauthenticated"].get(path)
        assert [(line.get("user"), line["code"]) for line in log.errors] == [
            ("bob", "NOT_TASK_OWNER"),
            ("alice", "INSUFFICIENT_SCOPE"),
            (None, "MISSING_CREDENTIALS"),
        ]


class TestGuards:
    """Every operation that needs a scope, with every method."""

    def test_every_operation_denies_callers_without_the_scope(self, app: Flask, users: dict[str, Caller]) -> None:
        """C6, C8: without credentials 401, without the scope 403; HEAD like GET; method overrides have no effect."""
        guarded = [each for each in operations.table(app).values() if each.scope is not operations.PUBLIC]
        assert len(guarded) >= 6
        for operation in guarded:
            method = operation.name.partition(" ")[0]
            for sent in {method, "HEAD" if method == "GET" else method}:
                request: dict[str, Any] = {"json": BODIES.get(operation.name), "headers": {"X-User": "root"}}
                assert is_empty(users["unauthenticated"].send(sent, sample_path(operation.name), **request), 401)
                if not operation.scope:
                    continue
                denied = users["scopeless"].send(sent, sample_path(operation.name), **request)
                assert is_empty(denied, 403)
                assert f'scope="{operation.scope}"' in denied.headers["WWW-Authenticate"]

    def test_public_operations_ignore_credentials(self, unauthenticated: Caller) -> None:
        """C11: a client with an invalid token can read the catalogue and health."""
        for path in ("/", "/docs", "/errors", "/errors/task-not-found", "/openapi.json", "/healthz", "/readyz"):
            response = unauthenticated.get(path, headers={"Authorization": "Bearer nonsense", "Accept": "*/*"})
            assert response.status_code == 200, path

    def test_no_cookie_is_set_or_read(self, users: dict[str, Caller]) -> None:
        users["owner"].task()
        response = users["unauthenticated"].get(TASKS, headers={"Cookie": "session=alice; user=alice; admin=1"})
        assert is_empty(response, 401)
        assert "Set-Cookie" not in response.headers


class TestAnonymous:
    """C8: ``ANONYMOUS_SCOPES``."""

    @pytest.fixture
    def open_to_all(self, make_application: Make) -> Flask:
        """Return an application that grants the scope of tasks to callers without credentials."""
        return make_application(anonymous_scopes=("tasks",))

    def test_callers_without_credentials_act_as_anonymous(
        self, unauthenticated: Caller, open_to_all: Flask, alice: Caller
    ) -> None:
        """C8: a user like others."""
        anonymous = Caller(open_to_all.test_client(), {})
        task = anonymous.task()
        assert task["created_by"] == "anonymous"
        assert is_empty(alice.get(path_of(task)), 403)
        assert is_empty(anonymous.get(path_of(alice.task())), 403)

    def test_another_scheme_counts_as_no_credentials(self, unauthenticated: Caller, open_to_all: Flask) -> None:
        """C7, C8."""
        answered(Caller(open_to_all.test_client(), {"Authorization": "Basic eDp5"}).list_tasks())

    @pytest.mark.parametrize("sent", ["Bearer nonsense", "Bearer ", "Bearer a, Bearer b"])
    def test_invalid_credentials_are_rejected(self, open_to_all: Flask, sent: str) -> None:
        """C7: such a caller is not anonymous."""
        response = open_to_all.test_client().get(TASKS, headers={"Authorization": sent})
        assert is_empty(response, 401)
        assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]

    def test_valid_credentials_take_precedence(self, open_to_all: Flask, alice: Caller) -> None:
        """C8."""
        assert Caller(open_to_all.test_client(), alice.credentials).task()["created_by"] == "alice"

    def test_a_scope_that_anonymous_lacks_is_403(self, make_application: Make) -> None:
        """C8: ``anonymous`` counts as authenticated."""
        limited = make_application(anonymous_scopes=("account",)).test_client()
        assert is_empty(limited.get(TASKS), 403)
        assert is_empty(limited.post(BATCH, json={}), 403)
