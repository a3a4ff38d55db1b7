"""C8: profiles and preferences: all users and all operations; and mass assignment."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.api.accounts import an_address, join
from tests.api.caller import Caller, answered, violated

SWISS = {"locale": "de-CH", "time_zone": "Europe/Zurich", "theme": "dark"}
ANY = {"headers": {"If-Match": "*"}}
OPERATIONS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "profile": ("GET", "profile", {}),
    "a part of it": ("GET", "profile", {"query_string": {"fields": "user"}}),
    "its head": ("HEAD", "profile", {}),
    "preferences": ("GET", "preferences", {}),
    "a part of them": ("GET", "preferences", {"query_string": {"fields": "theme"}}),
    "their head": ("HEAD", "preferences", {}),
    "if changed": ("GET", "preferences", {"headers": {"If-None-Match": "*"}}),
    "replaced": ("PUT", "preferences", {"json": SWISS, **ANY}),
    "replaced blindly": ("PUT", "preferences", {"json": SWISS}),
    "replaced by stale": ("PUT", "preferences", {"json": SWISS, "headers": {"If-Match": '"9-00000000"'}}),
}
FINE = {200, 304, 412, 428}


@pytest.fixture
def user(unauthenticated: Caller, app: Flask) -> dict[str, Any]:
    """Return a user with an account."""
    return join(unauthenticated, app, an_address())


@pytest.fixture
def users(
    client: FlaskClient,
    bearer: Callable[..., dict[str, str]],
    user: dict[str, Any],
    unauthenticated: Caller,
    app: Flask,
) -> dict[str, Caller]:
    """Return all callers."""
    other_user = join(unauthenticated, app, an_address())
    claims = {
        "self": (user["id"], ""),
        "self by another spelling": (user["id"].upper(), ""),
        "other_user": (other_user["id"], "tasks other:write"),
        "admin": ("root", "admin"),
        "by name": (user["email"], "tasks"),
        "nearly admin": (other_user["id"], "admin: admins administrator"),
    }
    return {
        "unauthenticated": unauthenticated,
        **{name: Caller(client, bearer(*each)) for name, each in claims.items()},
    }


@pytest.mark.parametrize("what", OPERATIONS)
def test_only_the_user_and_admins_have_access(users: dict[str, Caller], user: dict[str, Any], what: str) -> None:
    """With an empty body, for existing and unknown users; nothing is changed."""
    method, resource, request = OPERATIONS[what]
    path = f"/v1/users/{user['id']}/{resource}"
    for name, caller in users.items():
        before = users["self"].get(f"/v1/users/{user['id']}/preferences").get_data()
        response = caller.send(method, path, **request)
        if name in {"self", "admin"}:
            assert response.status_code in FINE, name
            continue
        assert (response.status_code, response.get_data()) == (401 if name == "unauthenticated" else 403, b""), name
        assert "ETag" not in response.headers
        assert users["self"].get(f"/v1/users/{user['id']}/preferences").get_data() == before


def test_members_that_are_not_preferences_are_never_written(users: dict[str, Caller], user: dict[str, Any]) -> None:
    """Neither the owner of preferences, nor members of the user."""
    path = f"/v1/users/{user['id']}/preferences"
    extra = {
        "user_id": "8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33",
        "version": 9,
        "scopes": ["admin"],
        "user": {"name": "x"},
    }
    response = users["self"].send("PUT", path, json={**SWISS, **extra}, headers={"If-Match": "*"})
    assert violated(response) == [(name, "UNKNOWN_FIELD") for name in sorted(extra)]
    assert answered(users["self"].get(f"/v1/users/{user['id']}/profile"))["user"] == user


def test_every_spelling_of_the_path_is_equal(users: dict[str, Caller], user: dict[str, Any]) -> None:
    """The path contains a UUID."""
    for resource in ("profile", "preferences"):
        assert users["self"].get(f"/v1/users/{user['id'].upper()}/{resource}").status_code == 200
        assert users["other_user"].get(f"/v1/users/{user['id'].upper()}/{resource}").status_code == 403
        assert users["self"].get(f"/v1/users/{user['id']}/{resource}/").status_code == 404
