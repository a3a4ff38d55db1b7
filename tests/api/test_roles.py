"""Roles are named sets of scopes: a token has the scopes, and never the name."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app.config import InvalidSettings, Settings
from app.models.roles import ROLES
from tests.api.accounts import an_address, join, logged_in
from tests.api.caller import Caller, answered
from tests.api.test_scopes import run


@pytest.fixture
def support(monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of a role that may use tasks."""
    monkeypatch.setitem(ROLES, "support", frozenset({"tasks", "account"}))
    return "support"


@pytest.fixture
def email(unauthenticated: Caller, app: Flask, settings: Settings) -> str:
    """Return the address of a user with the scope ``account`` only."""
    address: str = join(unauthenticated, app, an_address())["email"]
    run(app, "users", "revoke", address, *settings.default_scopes)
    return address


def may_list(unauthenticated: Caller, email: str) -> bool:
    """Return whether a new token of the user may list tasks."""
    caller, _ = logged_in(unauthenticated, email)
    return caller.get("/v1/tasks").status_code == 200


def test_an_account_has_the_scopes_of_its_role(unauthenticated: Caller, app: Flask, email: str, support: str) -> None:
    assert not may_list(unauthenticated, email)
    assert run(app, "users", "grant", email, support).exit_code == 0
    assert may_list(unauthenticated, email)
    assert run(app, "users", "revoke", email, support).exit_code == 0
    assert not may_list(unauthenticated, email)


def test_a_refreshed_token_follows_the_table(unauthenticated: Caller, app: Flask, email: str, support: str) -> None:
    ROLES[support] = frozenset()
    run(app, "users", "grant", email, support)
    caller, refresh = logged_in(unauthenticated, email)
    assert caller.get("/v1/tasks").status_code == 403
    ROLES[support] = frozenset({"tasks"})
    token = answered(unauthenticated.post("/v1/tokens:refresh", json={"refresh_token": refresh}))["access_token"]
    assert Caller(unauthenticated.client, {"Authorization": f"Bearer {token}"}).get("/v1/tasks").status_code == 200


def test_a_removed_role_gives_nothing_and_can_be_revoked(
    unauthenticated: Caller, app: Flask, email: str, support: str
) -> None:
    run(app, "users", "grant", email, support)
    del ROLES[support]
    assert not may_list(unauthenticated, email)
    assert run(app, "users", "revoke", email, support).exit_code == 0


def test_a_command_issues_tokens_of_a_role(app: Flask, unauthenticated: Caller, support: str) -> None:
    token = run(app, "tokens", "issue", "--subject", "carol", "--scope", support).output.strip()
    caller = Caller(unauthenticated.client, {"Authorization": f"Bearer {token}"})
    assert [caller.get(path).status_code for path in ("/v1/tasks", "/v1/logger")] == [200, 403]


def test_requests_without_credentials_can_have_a_role(make_application: Callable[..., Flask], support: str) -> None:
    caller = Caller(make_application(anonymous_scopes=(support,)).test_client(), {})
    assert [caller.get(path).status_code for path in ("/v1/tasks", "/v1/logger")] == [200, 403]


def test_an_unknown_role_is_rejected_with_all_names(app: Flask, email: str, support: str) -> None:
    result = run(app, "users", "grant", email, "suport")
    assert result.exit_code == 1
    assert "contains an unknown scope: suport. Known scopes: account, admin," in result.output
    assert result.output.endswith(f" Roles: {', '.join(sorted(ROLES))}.\n")


@pytest.mark.parametrize(
    ("name", "listed", "fault"),
    [
        ("support", {"task"}, "The role 'support' contains an unknown scope: task."),
        ("support", {"tasks", "admin"}, "The role 'support' contains the scope admin: grant admin itself."),
        ("tasks", {"account"}, "The role 'tasks' is the name of a scope: choose another name."),
        ("support", {"support"}, "The role 'support' contains the role support: list its scopes."),
    ],
)
def test_the_service_does_not_start_with_an_invalid_role(
    make_application: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch, name: str, listed: Any, fault: str
) -> None:
    monkeypatch.setitem(ROLES, name, frozenset(listed))
    with pytest.raises(InvalidSettings, match=fault[:60]):
        make_application()
