"""``flask users``: operations on accounts for operators."""

import pytest
from click.testing import Result
from flask import Flask

from app.config import Settings
from tests.api.accounts import an_address, join, log_in, logged_in
from tests.api.caller import Caller, answered


@pytest.fixture
def email(unauthenticated: Caller, app: Flask) -> str:
    """Return the address of a user with an account."""
    address: str = join(unauthenticated, app, an_address())["email"]
    return address


def run(app: Flask, *arguments: str) -> Result:
    """Run a command of the group."""
    return app.test_cli_runner().invoke(args=["users", *arguments])


class TestGrant:
    def test_ok(self, unauthenticated: Caller, app: Flask, email: str) -> None:
        """The next token has the scope; the case of an address does not matter."""
        assert run(app, "grant", email.upper(), "admin", "account").exit_code == 0
        caller, _ = logged_in(unauthenticated, email)
        answered(caller.get("/v1/logger"))

    def test_an_unknown_address(self, unauthenticated: Caller, app: Flask) -> None:
        result = run(app, "grant", "unknown@example.com", "admin")
        assert (result.exit_code, result.output) == (1, "Error: No account has the address unknown@example.com.\n")

    def test_an_unknown_scope(self, unauthenticated: Caller, app: Flask, email: str) -> None:
        result = run(app, "grant", email, 'a"b')
        assert result.exit_code == 1
        assert "Known scopes: account, admin," in result.output


class TestRevoke:
    def test_ok(self, unauthenticated: Caller, app: Flask, settings: Settings, email: str) -> None:
        """The next token lacks the scope; revoking a missing scope is not an error."""
        left = " ".join(scope for scope in settings.default_scopes if scope != "tasks")
        assert run(app, "revoke", email, "tasks", "admin").output.endswith(f"{email}  {left}\n")
        caller, _ = logged_in(unauthenticated, email)
        assert caller.get("/v1/tasks").status_code == 403

    def test_an_unknown_address(self, unauthenticated: Caller, app: Flask) -> None:
        assert run(app, "revoke", "unknown@example.com", "tasks").exit_code == 1


class TestDisable:
    def test_ok(self, unauthenticated: Caller, app: Flask, email: str) -> None:
        """Logins are rejected."""
        assert "disabled" in run(app, "disable", email).output
        assert log_in(unauthenticated, email).status_code == 401

    def test_an_unknown_address(self, unauthenticated: Caller, app: Flask) -> None:
        assert run(app, "disable", "unknown@example.com").exit_code == 1
        assert run(app, "enable", "unknown@example.com").exit_code == 1

    def test_the_account_can_be_enabled_again(self, unauthenticated: Caller, app: Flask, email: str) -> None:
        run(app, "disable", email)
        assert "disabled" not in run(app, "enable", email).output
        answered(log_in(unauthenticated, email))


class TestList:
    def test_ok(self, unauthenticated: Caller, app: Flask, settings: Settings, email: str) -> None:
        """Every account with its scopes, and no secret."""
        output = run(app, "list").output
        assert f"{email}  {' '.join(settings.default_scopes)}\n" in output
        assert "argon2" not in output
