"""C8: movies have no owner. Each operation requires its own scope, and the scope alone decides."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.api.caller import Caller, answered
from tests.api.movies.movie import MOVIES, REPO_MAN

USERS: dict[str, tuple[str, str] | None] = {
    "creator": ("wanda", "movies:read movies:write"),
    "another": ("edna", "movies:read movies:write"),
    "reader": ("rita", "movies:read"),
    "writer only": ("walter", "movies:write"),
    "admin": ("root", "admin"),
    "creator who may no more": ("wanda", "movies:read"),
    "other scopes": ("wanda", "tasks orders movies movies: movies:reader movies:*"),
    "unauthenticated": None,
}
READERS = {"creator", "another", "reader", "admin", "creator who may no more"}
WRITERS = {"creator", "another", "writer only", "admin"}
OPERATIONS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "list": ("GET", MOVIES, {}),
    "filter": ("GET", MOVIES, {"query_string": {"filter": 'title = "Repo Man"'}}),
    "get": ("GET", "", {}),
    "head": ("HEAD", "", {}),
    "get if changed": ("GET", "", {"headers": {"If-None-Match": "*"}}),
    "create": ("POST", MOVIES, {"json": REPO_MAN}),
    "create once": ("POST", MOVIES, {"json": REPO_MAN, "headers": {"Idempotency-Key": "key"}}),
    "replace": ("PUT", "", {"json": {"title": "stolen"}, "headers": {"If-Match": "*"}}),
    "replace blindly": ("PUT", "", {"json": {"title": "stolen"}}),
    "delete": ("DELETE", "", {}),
}


@pytest.fixture
def users(client: FlaskClient, bearer: Callable[..., dict[str, str]]) -> dict[str, Caller]:
    """Return callers with each set of scopes."""
    return {name: Caller(client, bearer(*claims) if claims else {}) for name, claims in USERS.items()}


class TestScopes:
    @pytest.mark.parametrize("user", USERS)
    @pytest.mark.parametrize("what", OPERATIONS)
    def test_only_callers_with_the_scope_are_allowed(
        self, users: dict[str, Caller], reader: Caller, created: Any, path: str, user: str, what: str
    ) -> None:
        """401, 403 with the required scope, or success, for the creator and all others."""
        method, where, request = OPERATIONS[what]
        response = users[user].send(method, where or path, **request)
        scope = "movies:read" if method in {"GET", "HEAD"} else "movies:write"
        if user in (READERS if scope == "movies:read" else WRITERS):
            assert response.status_code in {200, 201, 304, 428}
            return
        assert (response.status_code, response.get_data()) == (401 if user == "unauthenticated" else 403, b"")
        assert user == "unauthenticated" or f'scope="{scope}"' in response.headers["WWW-Authenticate"]
        assert answered(reader.get(MOVIES))["movies"] == [answered(created, 201)]

    def test_a_replay_requires_the_scope_of_the_creation(self, users: dict[str, Caller]) -> None:
        """After the scope is taken away, the stored response is no longer available."""
        request: dict[str, Any] = {"json": REPO_MAN, "headers": {"Idempotency-Key": "key"}}
        answered(users["creator"].post(MOVIES, **request), 201)
        response = users["creator who may no more"].post(MOVIES, **request)
        assert (response.status_code, response.get_data()) == (403, b"")

    def test_anonymous_callers_may_read_if_configured(self, make_application: Callable[..., Flask], path: str) -> None:
        """C8: ``ANONYMOUS_SCOPES``; writing still requires a token."""
        public = Caller(make_application(anonymous_scopes=("movies:read",)).test_client(), {})
        assert answered(public.get(path))["title"] == "Repo Man"
        assert public.post(MOVIES, json=REPO_MAN).status_code == 403
