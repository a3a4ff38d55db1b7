"""Password reset by email, and password change with the current password."""

from datetime import timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy import text

from app.extensions import db
from tests.api.accounts import PASSWORD, an_address, join, log_in, logged_in, mails, send_all, waits
from tests.api.caller import Caller, answered, at_once, rejected, violated
from tests.api.conftest import Bearer, MovableClock
from tests.api.forge import described
from tests.api.test_sessions import REVOKED, learn, refresh

pytestmark = pytest.mark.slow

REQUEST = "/v1/users:requestPasswordReset"
RESET = "/v1/users:resetPassword"
PUT = "/v1/users/me/password"
NEW = "battery staple"


@pytest.fixture
def email(unauthenticated: Caller, app: Flask) -> str:
    """Return the address of a user with an account."""
    address: str = join(unauthenticated, app, an_address())["email"]
    return address


def token_for(unauthenticated: Caller, app: Flask, email: str) -> str:
    """Return the password-reset emails to this address."""
    answered(unauthenticated.post(REQUEST, json={"email": email}), 202)
    mail = mails(app, email)[-1]
    assert mail["kind"] == "mail.password_reset"
    token: str = mail["token"]
    return token


class TestRequest:
    def test_the_response_for_an_unknown_address_is_the_same(
        self, unauthenticated: Caller, email: str, app: Flask
    ) -> None:
        """The same status, body and header fields. Only the email differs."""
        unknown = an_address()
        known, other = (unauthenticated.post(REQUEST, json={"email": each}) for each in (email.upper(), unknown))
        assert (known.status_code, known.get_data()) == (other.status_code, other.get_data()) == (202, known.get_data())
        assert {*known.headers.keys()} == {*other.headers.keys()}
        assert [mail["kind"] for mail in mails(app, email)][-1:] == ["mail.password_reset"]
        assert [(mail["kind"], mail["token"]) for mail in mails(app, unknown)] == [("mail.no_account", "")]

    def test_an_invalid_address_is_400(self, unauthenticated: Caller) -> None:
        """The response does not depend on accounts."""
        assert violated(unauthenticated.post(REQUEST, json={"email": "alice"})) == [("email", "INVALID_FORMAT")]

    @pytest.mark.parametrize("is_known", [True, False])
    def test_the_newest_request_is_mailed_whatever_the_number_of_requests_by_others(
        self, unauthenticated: Caller, app: Flask, is_known: bool
    ) -> None:
        """It replaces a waiting email, which is delayed after five per hour, with and without an account."""
        email = an_address()
        if is_known:
            join(unauthenticated, app, email)
            send_all(app)
        for number in range(8):
            answered(unauthenticated.post(REQUEST, json={"email": email}), 202)
            (mail,) = mails(app, email)
            assert (waits(app, email) > timedelta(0)) == (number >= 5)
        assert mail["kind"] == ("mail.password_reset" if is_known else "mail.no_account")
        if is_known:
            answered(unauthenticated.post(RESET, json={"token": mail["token"], "password": NEW}))


class TestReset:
    def test_ok(self, unauthenticated: Caller, email: str, app: Flask) -> None:
        """The new password is valid, the old one is not, and all sessions end."""
        caller, session = logged_in(unauthenticated, email)
        token = token_for(unauthenticated, app, email)
        assert answered(unauthenticated.post(RESET, json={"token": token, "password": NEW})) == {}
        assert [log_in(unauthenticated, email, each).status_code for each in (PASSWORD, NEW)] == [401, 200]
        assert refresh(unauthenticated, session).status_code == 401
        learn(app)
        assert described(unauthenticated, caller.credentials["Authorization"]) == REVOKED

    def test_a_user_who_was_locked_out_can_reset_the_password(
        self, unauthenticated: Caller, email: str, app: Flask
    ) -> None:
        """Failed attempts with the old password do not prevent a reset."""
        assert [log_in(unauthenticated, email, "guess").status_code for _ in range(11)] == [401] * 10 + [429]
        assert log_in(unauthenticated, email).status_code == 429
        answered(unauthenticated.post(RESET, json={"token": token_for(unauthenticated, app, email), "password": NEW}))
        answered(log_in(unauthenticated, email, NEW))

    def test_a_token_is_single_use(self, unauthenticated: Caller, email: str, app: Flask) -> None:
        """Tokens of earlier emails become invalid too."""
        tokens = [token_for(unauthenticated, app, email) for _ in range(2)]
        answered(unauthenticated.post(RESET, json={"token": tokens[1], "password": NEW}))
        for token in tokens:
            response = unauthenticated.post(RESET, json={"token": token, "password": "another one"})
            rejected(response, 400, "INVALID_ONE_TIME_TOKEN")
        answered(log_in(unauthenticated, email, NEW))

    def test_a_token_is_single_use_in_concurrent_requests(
        self, unauthenticated: Caller, email: str, app: Flask
    ) -> None:
        """Exactly one of them succeeds."""
        body = {"token": token_for(unauthenticated, app, email), "password": NEW}
        statuses = at_once(8, lambda _: app.test_client().post(RESET, json=body).status_code, threads=4)
        assert sorted(statuses) == [200] + [400] * 7

    def test_an_invalid_password_does_not_consume_the_token(
        self, unauthenticated: Caller, email: str, app: Flask
    ) -> None:
        """8 to 128 characters."""
        token = token_for(unauthenticated, app, email)
        for password, code in (("1234567", "TOO_SHORT"), ("x" * 129, "TOO_LONG")):
            response = unauthenticated.post(RESET, json={"token": token, "password": password})
            assert violated(response) == [("password", code)]
        answered(unauthenticated.post(RESET, json={"token": token, "password": NEW}))

    def test_a_token_is_valid_for_45_minutes_and_not_for_46(
        self, unauthenticated: Caller, email: str, app: Flask, timed: Caller, clock: MovableClock
    ) -> None:
        for late, status in ((60, 400), (-60, 200)):
            clock.moved *= 0
            token = token_for(unauthenticated, app, email)
            clock.moved = timedelta(minutes=45, seconds=late)
            assert timed.post(RESET, json={"token": token, "password": NEW}).status_code == status

    def test_they_begin_when_the_email_is_due(self, unauthenticated: Caller, email: str, app: Flask) -> None:
        """A delayed email has the same validity."""
        for _ in range(7):
            token_for(unauthenticated, app, email)
        with app.app_context(), db.engine.connect() as connection:
            left = connection.execute(text("SELECT max(expire_time) - now() FROM password_resets")).scalar_one()
        delay = waits(app, email)
        assert delay > timedelta(seconds=30)
        assert abs(left - delay - timedelta(minutes=45)) < timedelta(seconds=20)

    def test_a_deleted_account_cannot_be_reset(self, unauthenticated: Caller, email: str, app: Flask) -> None:
        """The email from before has no effect."""
        token = token_for(unauthenticated, app, email)
        answered(logged_in(unauthenticated, email)[0].delete("/v1/users/me", json={"current_password": PASSWORD}))
        rejected(unauthenticated.post(RESET, json={"token": token, "password": NEW}), 400, "INVALID_ONE_TIME_TOKEN")

    def test_a_disabled_account_cannot_be_reset(self, unauthenticated: Caller, email: str, app: Flask) -> None:
        token = token_for(unauthenticated, app, email)
        with app.app_context():
            app.extensions["app-services"].users.disable(email)
        rejected(unauthenticated.post(RESET, json={"token": token, "password": NEW}), 400, "INVALID_ONE_TIME_TOKEN")
        answered(unauthenticated.post(REQUEST, json={"email": email}), 202)
        assert mails(app, email)[-1]["kind"] == "mail.no_account"

    def test_an_email_from_before_another_change_has_no_effect(
        self, unauthenticated: Caller, email: str, app: Flask
    ) -> None:
        """Someone with access to old emails cannot undo a later change by the owner."""
        token = token_for(unauthenticated, app, email)
        body = {"current_password": PASSWORD, "password": NEW}
        answered(logged_in(unauthenticated, email)[0].send("PUT", PUT, json=body))
        rejected(
            unauthenticated.post(RESET, json={"token": token, "password": "a third one"}), 400, "INVALID_ONE_TIME_TOKEN"
        )


class TestChange:
    def body(self, **changes: Any) -> dict[str, Any]:
        """Return a valid body, with changes."""
        return {"current_password": PASSWORD, "password": NEW, **changes}

    def test_ok(self, unauthenticated: Caller, email: str, app: Flask) -> None:
        """All sessions end, this one too."""
        caller, session = logged_in(unauthenticated, email)
        assert answered(caller.send("PUT", PUT, json=self.body())) == {}
        assert [log_in(unauthenticated, email, each).status_code for each in (PASSWORD, NEW)] == [401, 200]
        assert refresh(unauthenticated, session).status_code == 401
        learn(app)
        assert described(unauthenticated, caller.credentials["Authorization"]) == REVOKED

    @pytest.mark.parametrize("current", ["not the password", "", "x" * 16_000])
    def test_the_current_password_is_required(self, unauthenticated: Caller, email: str, current: str) -> None:
        """A stolen access token is not enough."""
        caller, _ = logged_in(unauthenticated, email)
        response = caller.send("PUT", PUT, json=self.body(current_password=current))
        assert violated(response) == [("current_password", "WRONG_PASSWORD")]
        answered(log_in(unauthenticated, email))

    def test_ten_wrong_passwords_in_fifteen_minutes(self, unauthenticated: Caller, email: str) -> None:
        """They do not prevent a login."""
        caller, _ = logged_in(unauthenticated, email)
        wrong = self.body(current_password="wrong password")
        assert [caller.send("PUT", PUT, json=wrong).status_code for _ in range(10)] == [400] * 10
        rejected(caller.send("PUT", PUT, json=self.body()), 429, "RATE_LIMIT_EXCEEDED")
        answered(log_in(unauthenticated, email))

    def test_clients_without_a_session_cannot_lock_one(self, unauthenticated: Caller, email: str) -> None:
        """With any number of failed logins, even from the same network."""
        caller, _ = logged_in(unauthenticated, email)
        assert {log_in(unauthenticated, email, "guess").status_code for _ in range(30)} == {401, 429}
        assert answered(caller.send("PUT", PUT, json=self.body())) == {}
        answered(log_in(unauthenticated, email, NEW))

    def test_an_owner_who_is_locked_out_can_log_in_by_email_whatever_others_request(
        self, unauthenticated: Caller, email: str, app: Flask
    ) -> None:
        """Failed logins and reset requests together do not block the owner."""
        for _ in range(12):
            log_in(unauthenticated, email, "guess")
            unauthenticated.post("/v1/users", json={"name": "Eve", "email": email})
            unauthenticated.post(REQUEST, json={"email": email})
        assert log_in(unauthenticated, email).status_code == 429
        answered(unauthenticated.post(RESET, json={"token": token_for(unauthenticated, app, email), "password": NEW}))
        answered(log_in(unauthenticated, email, NEW))

    def test_of_two_concurrent_changes_the_first_succeeds(
        self, unauthenticated: Caller, email: str, app: Flask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The password that the second request verified is no longer current."""
        caller, _ = logged_in(unauthenticated, email)
        token, verify = token_for(unauthenticated, app, email), PasswordHasher.verify

        def reset_meanwhile(self: PasswordHasher, kept: str, password: str) -> object:
            monkeypatch.setattr(PasswordHasher, "verify", verify)
            app.extensions["app-services"].passwords.reset(token, NEW)
            return verify(self, kept, password)

        monkeypatch.setattr(PasswordHasher, "verify", reset_meanwhile)
        response = caller.send("PUT", PUT, json=self.body(password="a third one"))
        assert violated(response) == [("current_password", "WRONG_PASSWORD")]
        answered(log_in(unauthenticated, email, NEW))

    def test_a_caller_without_an_account_is_404(self, alice: Caller, bearer: Bearer) -> None:
        rejected(
            Caller(alice.client, bearer("alice", "account")).send("PUT", PUT, json=self.body()), 404, "USER_NOT_FOUND"
        )
