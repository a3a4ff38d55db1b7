"""Passwords that are forgotten (by mail), and passwords that are changed (knowing the present one)."""

from datetime import timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy import text

from app.extensions import db
from tests.api.accounts import PASSWORD, an_address, join, log_in, logged_in, mails, send_all, waits
from tests.api.caller import Caller, answered, at_once, refused, violated
from tests.api.conftest import Bearer, MovableClock
from tests.api.forge import described
from tests.api.test_sessions import REVOKED, learn, refresh

REQUEST = "/v1/users:requestPasswordReset"
RESET = "/v1/users:resetPassword"
PUT = "/v1/users/me/password"
NEW = "battery staple"


@pytest.fixture
def email(unauthenticated: Caller, app: Flask) -> str:
    """Return the address of somebody with an account."""
    address: str = join(unauthenticated, app, an_address())["email"]
    return address


def token_for(unauthenticated: Caller, app: Flask, email: str) -> str:
    """Return what is mailed to who has forgotten the password."""
    answered(unauthenticated.post(REQUEST, json={"email": email}), 202)
    mail = mails(app, email)[-1]
    assert mail["kind"] == "mail.password_reset"
    token: str = mail["token"]
    return token


class TestRequest:
    def test_an_unknown_address_is_answered_alike(self, unauthenticated: Caller, email: str, app: Flask) -> None:
        """The same status, body and header fields; the mail alone tells."""
        unknown = an_address()
        known, other = (unauthenticated.post(REQUEST, json={"email": each}) for each in (email.upper(), unknown))
        assert (known.status_code, known.get_data()) == (other.status_code, other.get_data()) == (202, known.get_data())
        assert {*known.headers.keys()} == {*other.headers.keys()}
        assert [mail["kind"] for mail in mails(app, email)][-1:] == ["mail.password_reset"]
        assert [(mail["kind"], mail["token"]) for mail in mails(app, unknown)] == [("mail.no_account", "")]

    def test_what_is_no_address_is_400(self, unauthenticated: Caller) -> None:
        """That is no secret."""
        assert violated(unauthenticated.post(REQUEST, json={"email": "alice"})) == [("email", "INVALID_FORMAT")]

    @pytest.mark.parametrize("is_known", [True, False])
    def test_the_newest_request_is_mailed_however_many_strangers_made(
        self, unauthenticated: Caller, app: Flask, is_known: bool
    ) -> None:
        """What waits to be sent is superseded, and put off beyond five an hour, whether or not there is an account."""
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
        """3.4: the new password is good, the old one is not, and all sessions end."""
        caller, session = logged_in(unauthenticated, email)
        token = token_for(unauthenticated, app, email)
        assert answered(unauthenticated.post(RESET, json={"token": token, "password": NEW})) == {}
        assert [log_in(unauthenticated, email, each).status_code for each in (PASSWORD, NEW)] == [401, 200]
        assert refresh(unauthenticated, session).status_code == 401
        learn(app)
        assert described(unauthenticated, caller.credentials["Authorization"]) == REVOKED

    def test_who_was_locked_out_gets_in(self, unauthenticated: Caller, email: str, app: Flask) -> None:
        """Guesses at the old password keep nobody out; an owner has always a way in."""
        assert [log_in(unauthenticated, email, "guess").status_code for _ in range(11)] == [401] * 10 + [429]
        assert log_in(unauthenticated, email).status_code == 429
        answered(unauthenticated.post(RESET, json={"token": token_for(unauthenticated, app, email), "password": NEW}))
        answered(log_in(unauthenticated, email, NEW))

    def test_once(self, unauthenticated: Caller, email: str, app: Flask) -> None:
        """3.4: and any other token of an earlier mail is of no use either."""
        tokens = [token_for(unauthenticated, app, email) for _ in range(2)]
        answered(unauthenticated.post(RESET, json={"token": tokens[1], "password": NEW}))
        for token in tokens:
            response = unauthenticated.post(RESET, json={"token": token, "password": "another one"})
            refused(response, 400, "INVALID_ONE_TIME_TOKEN")
        answered(log_in(unauthenticated, email, NEW))

    def test_once_when_many_try(self, unauthenticated: Caller, email: str, app: Flask) -> None:
        """3.4: a race has one winner."""
        body = {"token": token_for(unauthenticated, app, email), "password": NEW}
        statuses = at_once(8, lambda _: app.test_client().post(RESET, json=body).status_code, threads=4)
        assert sorted(statuses) == [200] + [400] * 7

    def test_what_is_wrong_with_the_password_does_not_cost_the_token(
        self, unauthenticated: Caller, email: str, app: Flask
    ) -> None:
        """3.4: 8 to 128 characters."""
        token = token_for(unauthenticated, app, email)
        for password, code in (("1234567", "TOO_SHORT"), ("x" * 129, "TOO_LONG")):
            response = unauthenticated.post(RESET, json={"token": token, "password": password})
            assert violated(response) == [("password", code)]
        answered(unauthenticated.post(RESET, json={"token": token, "password": NEW}))

    def test_45_minutes_are_enough_and_one_more_is_too_late(
        self, unauthenticated: Caller, email: str, app: Flask, timed: Caller, clock: MovableClock
    ) -> None:
        """3.4."""
        for late, status in ((60, 400), (-60, 200)):
            clock.moved *= 0
            token = token_for(unauthenticated, app, email)
            clock.moved = timedelta(minutes=45, seconds=late)
            assert timed.post(RESET, json={"token": token, "password": NEW}).status_code == status

    def test_they_begin_when_the_mail_is_due(self, unauthenticated: Caller, email: str, app: Flask) -> None:
        """A mail that is put off promises them as well."""
        for _ in range(7):
            token_for(unauthenticated, app, email)
        with app.app_context(), db.engine.connect() as connection:
            left = connection.execute(text("SELECT max(expire_time) - now() FROM password_resets")).scalar_one()
        delay = waits(app, email)
        assert delay > timedelta(seconds=30)
        assert abs(left - delay - timedelta(minutes=45)) < timedelta(seconds=20)

    def test_who_has_deleted_the_account_stays_away(self, unauthenticated: Caller, email: str, app: Flask) -> None:
        """The mail that was sent before is of no use."""
        token = token_for(unauthenticated, app, email)
        answered(logged_in(unauthenticated, email)[0].delete("/v1/users/me", json={"current_password": PASSWORD}))
        refused(unauthenticated.post(RESET, json={"token": token, "password": NEW}), 400, "INVALID_ONE_TIME_TOKEN")

    def test_who_is_disabled_stays_out(self, unauthenticated: Caller, email: str, app: Flask) -> None:
        token = token_for(unauthenticated, app, email)
        with app.app_context():
            app.extensions["app-services"].users.disable(email)
        refused(unauthenticated.post(RESET, json={"token": token, "password": NEW}), 400, "INVALID_ONE_TIME_TOKEN")
        answered(unauthenticated.post(REQUEST, json={"email": email}), 202)
        assert mails(app, email)[-1]["kind"] == "mail.no_account"

    def test_a_mail_sent_before_another_change_is_of_no_use(
        self, unauthenticated: Caller, email: str, app: Flask
    ) -> None:
        """3.4: who reads old mail does not undo what the owner has done since."""
        token = token_for(unauthenticated, app, email)
        body = {"current_password": PASSWORD, "password": NEW}
        answered(logged_in(unauthenticated, email)[0].send("PUT", PUT, json=body))
        refused(
            unauthenticated.post(RESET, json={"token": token, "password": "a third one"}), 400, "INVALID_ONE_TIME_TOKEN"
        )


class TestChange:
    def body(self, **changes: Any) -> dict[str, Any]:
        """Return a good body, with changes."""
        return {"current_password": PASSWORD, "password": NEW, **changes}

    def test_ok(self, unauthenticated: Caller, email: str, app: Flask) -> None:
        """3.4: all sessions end, this one too."""
        caller, session = logged_in(unauthenticated, email)
        assert answered(caller.send("PUT", PUT, json=self.body())) == {}
        assert [log_in(unauthenticated, email, each).status_code for each in (PASSWORD, NEW)] == [401, 200]
        assert refresh(unauthenticated, session).status_code == 401
        learn(app)
        assert described(unauthenticated, caller.credentials["Authorization"]) == REVOKED

    @pytest.mark.parametrize("current", ["not the password", "", "x" * 16_000])
    def test_the_present_one_has_to_be_known(self, unauthenticated: Caller, email: str, current: str) -> None:
        """A stolen access token is not enough."""
        caller, _ = logged_in(unauthenticated, email)
        response = caller.send("PUT", PUT, json=self.body(current_password=current))
        assert violated(response) == [("current_password", "WRONG_PASSWORD")]
        answered(log_in(unauthenticated, email))

    def test_ten_guesses_in_fifteen_minutes(self, unauthenticated: Caller, email: str) -> None:
        """And they keep nobody from logging in."""
        caller, _ = logged_in(unauthenticated, email)
        wrong = self.body(current_password="wrong password")
        assert [caller.send("PUT", PUT, json=wrong).status_code for _ in range(10)] == [400] * 10
        refused(caller.send("PUT", PUT, json=self.body()), 429, "RATE_LIMIT_EXCEEDED")
        answered(log_in(unauthenticated, email))

    def test_a_stranger_locks_no_live_session(self, unauthenticated: Caller, email: str) -> None:
        """However many guesses anybody has made without one, from the same network even."""
        caller, _ = logged_in(unauthenticated, email)
        assert {log_in(unauthenticated, email, "guess").status_code for _ in range(30)} == {401, 429}
        assert answered(caller.send("PUT", PUT, json=self.body())) == {}
        answered(log_in(unauthenticated, email, NEW))

    def test_an_owner_who_is_locked_out_gets_in_by_mail_whatever_strangers_request(
        self, unauthenticated: Caller, email: str, app: Flask
    ) -> None:
        """Guesses and mails at once: neither takes the other way in."""
        for _ in range(12):
            log_in(unauthenticated, email, "guess")
            unauthenticated.post("/v1/users", json={"name": "Eve", "email": email})
            unauthenticated.post(REQUEST, json={"email": email})
        assert log_in(unauthenticated, email).status_code == 429
        answered(unauthenticated.post(RESET, json={"token": token_for(unauthenticated, app, email), "password": NEW}))
        answered(log_in(unauthenticated, email, NEW))

    def test_of_two_at_once_the_first_wins(
        self, unauthenticated: Caller, email: str, app: Flask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What was verified is no longer the present password."""
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

    def test_who_has_no_account_is_404(self, alice: Caller, bearer: Bearer) -> None:
        refused(
            Caller(alice.client, bearer("alice", "account")).send("PUT", PUT, json=self.body()), 404, "USER_NOT_FOUND"
        )
