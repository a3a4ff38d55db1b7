"""Roles are named sets of scopes: a token has the scopes, and never the name."""

from collections.abc import Callable

import jwt
import pytest
from flask import Flask

from app import product
from app.config import InvalidSettings, Settings
from app.models import roles
from app.models.roles import ROLES
from app.rest import scopes
from tests.api.accounts import an_address, join, logged_in
from tests.api.caller import Caller, answered
from tests.api.test_scopes import run


@pytest.fixture
def support(monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a role that may use tasks, as lists of scopes have it."""
    monkeypatch.setitem(ROLES, "support", frozenset({"tasks", "account"}))
    return "role:support"


@pytest.fixture
def email(unauthenticated: Caller, app: Flask, settings: Settings) -> str:
    """Return the address of a user with the scope ``account`` only."""
    address: str = join(unauthenticated, app, an_address())["email"]
    run(app, "users", "revoke", address, *settings.default_scopes)
    return address


def may_list(unauthenticated: Caller, email: str) -> bool:
    """Return whether a new token of the user may list tasks."""
    return may(logged_in(unauthenticated, email)[0])


def may(caller: Caller) -> bool:
    """Return whether a caller may list tasks. Its token contains no role."""
    token = caller.credentials["Authorization"].removeprefix("Bearer ")
    assert "role:" not in jwt.decode(token, options={"verify_signature": False})["scope"]
    return caller.get("/v1/tasks").status_code == 200


def refreshed(unauthenticated: Caller, refresh: str) -> Caller:
    """Return the user with the next token of a session."""
    tokens = answered(unauthenticated.post("/v1/tokens:refresh", json={"refresh_token": refresh}))
    return Caller(unauthenticated.client, {"Authorization": f"Bearer {tokens['access_token']}"})


def test_an_account_has_the_scopes_of_its_role(unauthenticated: Caller, app: Flask, email: str, support: str) -> None:
    assert not may_list(unauthenticated, email)
    assert run(app, "users", "grant", email, support).exit_code == 0
    assert may_list(unauthenticated, email)
    assert run(app, "users", "revoke", email, support).exit_code == 0
    assert not may_list(unauthenticated, email)


def test_a_refreshed_token_follows_the_account(unauthenticated: Caller, app: Flask, email: str, support: str) -> None:
    run(app, "users", "grant", email, support)
    caller, refresh = logged_in(unauthenticated, email)
    assert may(caller)
    run(app, "users", "revoke", email, support)
    assert not may(refreshed(unauthenticated, refresh))


def test_a_refreshed_token_follows_the_table(
    unauthenticated: Caller, app: Flask, email: str, support: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ROLES, "support", frozenset())
    run(app, "users", "grant", email, support)
    caller, refresh = logged_in(unauthenticated, email)
    assert not may(caller)
    monkeypatch.setitem(ROLES, "support", frozenset({"tasks"}))
    assert may(refreshed(unauthenticated, refresh))


def test_a_removed_role_is_in_no_token_and_can_be_revoked(
    unauthenticated: Caller,
    app: Flask,
    email: str,
    support: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Also when a scope of the same name is added later. The log has its name once."""
    run(app, "users", "grant", email, support)
    monkeypatch.delitem(ROLES, "support")
    roles._warn.cache_clear()
    for _ in range(2):
        assert not may_list(unauthenticated, email)
    logged = [each.getMessage() for each in caplog.records if each.name == product.logger("roles").name]
    assert logged == ["an account has the role 'support', which is not in ROLES: it gives no scope"]
    result = run(app, "users", "revoke", email, support)
    assert (result.exit_code, support in result.output) == (0, False)


def test_a_command_issues_tokens_of_a_role(app: Flask, unauthenticated: Caller, support: str) -> None:
    token = run(app, "tokens", "issue", "--subject", "carol", "--scope", support).output.strip()
    caller = Caller(unauthenticated.client, {"Authorization": f"Bearer {token}"})
    assert [caller.get(path).status_code for path in ("/v1/tasks", "/v1/logger")] == [200, 403]


def test_requests_without_credentials_can_have_a_role(make_application: Callable[..., Flask], support: str) -> None:
    caller = Caller(make_application(anonymous_scopes=(support,)).test_client(), {})
    assert [caller.get(path).status_code for path in ("/v1/tasks", "/v1/logger")] == [200, 403]


def test_an_unknown_role_is_rejected_with_all_names(app: Flask, email: str, support: str) -> None:
    for name in ("role:suport", "support"):
        result = run(app, "users", "grant", email, name)
        assert result.exit_code == 1
        assert f"contains an unknown scope: {name}. Known scopes: account, admin," in result.output
        assert " role:support," in result.output


def test_a_scope_cannot_look_like_a_role() -> None:
    with pytest.raises(ValueError, match="'role:x' is a role: add it to ROLES"):
        scopes.add("role:x")


@pytest.mark.parametrize(
    ("listed", "fault"),
    [
        ({"task"}, "The role 'support' contains an unknown scope: task. Known scopes: "),
        ({"tasks", "admin"}, "The role 'support' contains the scope admin: grant admin itself."),
        ({"role:support"}, "The role 'support' contains an unknown scope: role:support. Known scopes: "),
    ],
)
def test_the_service_does_not_start_with_an_invalid_role(
    make_application: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch, listed: set[str], fault: str
) -> None:
    monkeypatch.setitem(ROLES, "support", frozenset(listed))
    with pytest.raises(InvalidSettings) as caught:
        make_application()
    assert [each[: len(fault)] for each in caught.value.faults] == [fault]
