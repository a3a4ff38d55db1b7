"""``/v1/users/me`` and ``/v1/users/{id}``: users access their own account, admins any account."""

from collections.abc import Callable
from typing import Any, Final

import pytest
from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy import text
from werkzeug.test import TestResponse

from app.extensions import db
from app.rest import operations
from tests.api.accounts import PASSWORD, an_address, join, log_in, logged_in, mails, register
from tests.api.caller import Caller, answered, rejected, violated
from tests.api.forge import described
from tests.api.test_sessions import REVOKED, learn, refresh

pytestmark = pytest.mark.slow

ME = "/v1/users/me"
SURE = {"current_password": PASSWORD}
OPERATIONS: Final = {
    ("GET", ME): None,
    ("PATCH", ME): {"name": "Mallory"},
    ("DELETE", ME): SURE,
    ("PUT", f"{ME}/password"): {"current_password": PASSWORD, "password": "battery staple"},
}
ABSENT = "/v1/users/8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33"


def delete(caller: Caller) -> TestResponse:
    """Delete the caller's account."""
    return caller.delete(ME, json=SURE)


@pytest.fixture
def user(unauthenticated: Caller, app: Flask) -> dict[str, Any]:
    """Return a user with an account."""
    return join(unauthenticated, app, an_address())


@pytest.fixture
def me(unauthenticated: Caller, user: dict[str, Any]) -> Caller:
    """Return the same user with the tokens of a login."""
    return logged_in(unauthenticated, user["email"])[0]


class TestGet:
    def test_ok(self, me: Caller, user: dict[str, Any], admin: Caller) -> None:
        """Both paths return the same, to an admin too."""
        response = me.get(ME)
        assert answered(response) == user
        assert {*user} == {"id", "name", "email", "scopes", "create_time", "update_time"}
        for caller in (me, admin):
            again = caller.get(f"/v1/users/{user['id']}")
            assert (again.get_data(), again.headers["ETag"]) == (response.get_data(), response.headers["ETag"])

    def test_the_current_version_is_304(self, me: Caller, user: dict[str, Any]) -> None:
        """C20."""
        for path in (ME, f"/v1/users/{user['id']}"):
            tag = me.get(path).headers["ETag"]
            assert me.get(path, headers={"If-None-Match": tag}).status_code == 304
            rejected(me.get(path, headers={"If-Match": '"9-00000000"'}), 412, "PRECONDITION_FAILED")

    def test_a_projection_has_only_the_requested_members(self, me: Caller, user: dict[str, Any]) -> None:
        """C19."""
        assert answered(me.get(f"{ME}?fields=email,id")) == {"id": user["id"], "email": user["email"]}
        assert violated(me.get(f"{ME}?fields=password_hash")) == [("fields", "INVALID_VALUE")]

    @pytest.mark.parametrize("path", [ABSENT, "/v1/users/nonsense"])
    def test_another_user_s_account_is_403_before_any_lookup(self, me: Caller, path: str) -> None:
        """The response does not reveal which accounts exist."""
        response = me.get(path)
        assert (response.status_code, response.get_data()) == (403, b"")
        assert "WWW-Authenticate" not in response.headers

    def test_an_unknown_account_is_404_for_an_admin(self, admin: Caller) -> None:
        for path in (ABSENT, "/v1/users/nonsense"):
            rejected(admin.get(path), 404, "USER_NOT_FOUND")

    def test_a_caller_with_a_token_but_no_account_is_404(self, alice: Caller, bearer: Callable[..., Any]) -> None:
        """Tokens of the command line can have any subject."""
        caller = Caller(alice.client, bearer("alice", "account"))
        for method, body in (("GET", None), ("PATCH", {"name": "A"}), ("DELETE", SURE)):
            rejected(caller.send(method, ME, json=body), 404, "USER_NOT_FOUND")


class TestScope:
    """Operations on the own account need the scope ``account``, which every session has."""

    @pytest.mark.parametrize("scopes", ["", "tasks", "tasks admins", "accounts", "account:read"])
    def test_a_token_without_it_cannot_access_the_account(
        self, unauthenticated: Caller, user: dict[str, Any], me: Caller, bearer: Callable[..., Any], scopes: str
    ) -> None:
        caller = Caller(unauthenticated.client, bearer(user["id"], scopes))
        for (method, path), body in OPERATIONS.items():
            response = caller.send(method, path, json=body)
            assert (response.status_code, response.get_data()) == (403, b"")
            assert 'scope="account"' in response.headers["WWW-Authenticate"]
            assert unauthenticated.send(method, path, json=body).status_code == 401
        assert answered(me.get(ME)) == user

    @pytest.mark.parametrize("scopes", ["account", "admin"])
    def test_a_token_with_it_can(
        self, unauthenticated: Caller, user: dict[str, Any], bearer: Callable[..., Any], scopes: str
    ) -> None:
        caller = Caller(unauthenticated.client, bearer(user["id"], scopes))
        for method, path in (("GET", ME), ("PATCH", ME)):
            answered(caller.send(method, path, json=OPERATIONS[method, path]))

    def test_sessions_have_it_whatever_scopes_the_user_has(
        self, unauthenticated: Caller, user: dict[str, Any], app: Flask
    ) -> None:
        """Also after a refresh. It is not one of the user's scopes, and cannot be revoked."""
        with app.app_context():
            app.extensions["app-services"].users.revoke(user["email"], [*user["scopes"], "account"])
        caller, token = logged_in(unauthenticated, user["email"])
        assert answered(caller.get(ME))["scopes"] == []
        again = Caller(
            unauthenticated.client,
            {"Authorization": f"Bearer {answered(refresh(unauthenticated, token))['access_token']}"},
        )
        answered(again.get(ME))

    def test_every_operation_on_the_own_account_needs_it(self, app: Flask) -> None:
        """A sweep that includes operations that are added later."""
        own = [each for each in operations.table(app).values() if "/users/me" in each.name]
        assert {each.name for each in own} == {f"{method} {path}" for method, path in OPERATIONS}
        assert {each.scope for each in own} == {"account"}


class TestPatch:
    def test_ok(self, me: Caller, user: dict[str, Any]) -> None:
        changed = answered(me.patch(ME, json={"name": "Alicia"}))
        assert changed == {**user, "name": "Alicia", "update_time": changed["update_time"]}
        assert answered(me.get(ME)) == changed

    def test_an_empty_patch_changes_nothing(self, me: Caller, user: dict[str, Any]) -> None:
        assert answered(me.patch(ME, json={})) == user

    @pytest.mark.parametrize("member", ["scopes", "email", "id", "create_time"])
    def test_output_only_members_are_ignored(self, me: Caller, user: dict[str, Any], member: str) -> None:
        """A response can be sent back; users cannot make themselves admins."""
        assert answered(me.patch(ME, json={member: ["admin"]})) == user

    @pytest.mark.parametrize("member", ["password", "password_hash", "is_admin", "is_disabled", "version"])
    def test_an_unknown_member_is_rejected(self, me: Caller, member: str) -> None:
        assert violated(me.patch(ME, json={member: "x"})) == [(member, "UNKNOWN_FIELD")]

    @pytest.mark.parametrize(("name", "code"), [(None, "REQUIRED_FIELD"), ("", "TOO_SHORT"), ("a\0b", None)])
    def test_an_invalid_name_is_a_violation(self, me: Caller, name: object, code: str | None) -> None:
        response = me.patch(ME, json={"name": name})
        assert response.status_code == 400
        assert code is None or violated(response) == [("name", code)]

    def test_a_stale_version_is_412(self, me: Caller, user: dict[str, Any]) -> None:
        """C20."""
        tag = me.get(ME).headers["ETag"]
        answered(me.patch(ME, json={"name": "Alicia"}, headers={"If-Match": tag}))
        for method in ("PATCH", "DELETE"):
            body = {"name": "x"} if method == "PATCH" else SURE
            rejected(me.send(method, ME, json=body, headers={"If-Match": tag}), 412, "PRECONDITION_FAILED")


class TestDeletePassword:
    @pytest.mark.parametrize("body", [{}, {"current_password": None}, {"password": PASSWORD}])
    def test_it_is_required(self, me: Caller, body: dict[str, Any]) -> None:
        assert ("current_password", "REQUIRED_FIELD") in violated(me.delete(ME, json=body))
        assert me.delete(ME).status_code in {400, 415}
        answered(me.get(ME))

    @pytest.mark.parametrize("password", ["", "wrong", PASSWORD.upper(), "x" * 10_000])
    def test_a_wrong_one_deletes_nothing(self, me: Caller, password: str) -> None:
        assert violated(me.delete(ME, json={"current_password": password})) == [("current_password", "WRONG_PASSWORD")]
        answered(me.get(ME))

    def test_wrong_passwords_are_limited(self, me: Caller) -> None:
        statuses = [me.delete(ME, json={"current_password": "wrong"}).status_code for _ in range(12)]
        assert statuses[:9] == [400] * 9
        assert statuses[-1] == 429

    def test_a_password_that_is_replaced_meanwhile_deletes_nothing(
        self, unauthenticated: Caller, me: Caller, user: dict[str, Any], app: Flask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Someone with the old password cannot delete the account after the owner has set another."""
        answered(unauthenticated.post("/v1/users:requestPasswordReset", json={"email": user["email"]}), 202)
        token, verify = mails(app, user["email"])[-1]["token"], PasswordHasher.verify

        def reset_meanwhile(self: PasswordHasher, kept: str, password: str) -> object:
            monkeypatch.setattr(PasswordHasher, "verify", verify)
            app.extensions["app-services"].passwords.reset(token, "battery staple")
            return verify(self, kept, password)

        monkeypatch.setattr(PasswordHasher, "verify", reset_meanwhile)
        assert violated(delete(me)) == [("current_password", "WRONG_PASSWORD")]
        answered(log_in(unauthenticated, user["email"], "battery staple"))


class TestDelete:
    def test_ok(self, unauthenticated: Caller, me: Caller, admin: Caller, user: dict[str, Any], app: Flask) -> None:
        """No personal data remains in any table, except in emails that wait."""
        _, token = logged_in(unauthenticated, user["email"])
        assert answered(delete(me)) == {"message": f"User users/{user['id']} deleted successfully"}
        with app.app_context(), db.engine.connect() as connection:
            (row,) = connection.execute(text("SELECT u::text FROM users u")).scalars()
        assert user["email"] not in row
        assert "Alice" not in row
        assert "argon2" not in row
        rejected(admin.get(f"/v1/users/{user['id']}"), 404, "USER_NOT_FOUND")
        assert log_in(unauthenticated, user["email"]).status_code == 401
        assert refresh(unauthenticated, token).status_code == 401

    def test_the_access_token_becomes_invalid(self, unauthenticated: Caller, me: Caller, app: Flask) -> None:
        """Immediately for operations that read the account, everywhere within 5 seconds."""
        answered(delete(me))
        rejected(me.get(ME), 404, "USER_NOT_FOUND")
        learn(app)
        assert described(unauthenticated, me.credentials["Authorization"]) == REVOKED

    def test_the_address_can_be_registered_again(
        self, unauthenticated: Caller, me: Caller, user: dict[str, Any], app: Flask
    ) -> None:
        """By a new user, who gets no data of the old account."""
        answered(delete(me))
        register(unauthenticated, user["email"])
        assert mails(app, user["email"])[-1]["kind"] == "mail.activation"
        assert join(unauthenticated, app, user["email"])["id"] != user["id"]
