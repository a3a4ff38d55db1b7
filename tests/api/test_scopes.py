"""Scopes are a closed list: unknown ones are rejected, and the message contains the list."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any, Final

import pytest
from click.testing import Result
from flask import Flask

from app.config import InvalidSettings, Settings
from app.config.issuers import Issuer
from app.models.roles import ROLES
from app.rest import scopes
from app.rpc.services import METHODS
from tests.api.accounts import an_address, join
from tests.api.caller import Caller

WRONG: Final = "tasks:wirte"
NAMED: Final = [each.name for each in fields(Settings) if "scopes" in each.name]
"""The settings that contain scopes, besides ``ISSUERS``."""
Make = Callable[..., Flask]


def listed() -> str:
    """Return the list as messages contain it; tests of blueprints add their own scopes."""
    assert {"account", "admin", "tasks"} <= scopes.SCOPES
    return f"Known scopes: {', '.join(sorted(scopes.SCOPES | {f'role:{name}' for name in ROLES}))}."


def run(app: Flask, *arguments: str) -> Result:
    """Run a command."""
    return app.test_cli_runner().invoke(args=[*arguments])


@pytest.fixture
def email(unauthenticated: Caller, app: Flask) -> str:
    """Return the address of a user with an account."""
    address: str = join(unauthenticated, app, an_address())["email"]
    return address


class TestCommands:
    @pytest.mark.parametrize("command", ["grant", "revoke"])
    @pytest.mark.parametrize("named", [[WRONG], ["tasks", WRONG], [f"tasks,{WRONG}"], ["Tasks"], ["*"], ['a"b']])
    def test_users(self, app: Flask, email: str, command: str, named: list[str]) -> None:
        """The command changes nothing, the valid scopes included."""
        before = run(app, "users", "list").output
        result = run(app, "users", command, email, *named)
        assert result.exit_code == 1
        assert listed() in result.output
        assert run(app, "users", "list").output == before

    def test_a_scope_of_an_earlier_release_can_be_revoked(self, app: Flask, email: str) -> None:
        with app.app_context():
            app.extensions["app-services"].users.grant(email, ["former"])
        result = run(app, "users", "revoke", email.upper(), "former")
        assert (result.exit_code, "former" in result.output) == (0, False)

    @pytest.mark.parametrize("named", [WRONG, f"tasks {WRONG}", f"tasks,{WRONG}", "TASKS"])
    def test_tokens(self, app: Flask, named: str) -> None:
        result = run(app, "tokens", "issue", "--subject", "alice", "--scope", named)
        assert (result.exit_code, listed() in result.output) == (1, True)
        assert "eyJ" not in result.output

    @pytest.mark.parametrize("named", ["", "tasks", "tasks,account", "account admin"])
    def test_existing_scopes_are_accepted(self, app: Flask, named: str) -> None:
        assert run(app, "tokens", "issue", "--subject", "alice", "--scope", named).exit_code == 0


class TestSettings:
    @pytest.mark.parametrize("name", NAMED)
    def test_a_setting(self, make_application: Make, name: str) -> None:
        with pytest.raises(InvalidSettings) as caught:
            make_application(**{name: ("tasks", WRONG)})
        assert caught.value.faults == [f"{name.upper()} contains an unknown scope: {WRONG}. {listed()}"]

    def test_the_file_of_issuers(self, make_application: Make) -> None:
        named: dict[str, Any] = {"carol": ("tasks",), "*": (WRONG, "other")}
        issuer = Issuer(url="https://i.test", jwks_url="https://i.test/keys", audience="us", scopes=named)
        with pytest.raises(InvalidSettings, match=f"ISSUERS contains unknown scopes: other, {WRONG}"):
            make_application(issuers=(issuer,))

    def test_every_setting_of_scopes_is_checked(self) -> None:
        assert NAMED == ["anonymous_scopes", "default_scopes"]
        assert all(name.endswith("_scopes") for name in NAMED)

    def test_a_fork_adds_its_own_scope(self, make_application: Make) -> None:
        scopes.add("pets")
        try:
            app = make_application(default_scopes=("pets",))
            assert app.extensions["app-settings"].default_scopes == ("pets",)
        finally:
            scopes.SCOPES.remove("pets")


def test_methods_of_grpc_need_a_known_scope() -> None:
    assert {method.scope for method in METHODS.values()} <= scopes.SCOPES
