"""``POST /v1/users`` and ``POST /v1/users:activate``: an account belongs to the reader of the email."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy import text

from app.config import Settings
from app.extensions import db
from app.models.common_passwords import Acceptable
from app.models.passwords import Argon2Passwords
from tests.api.accounts import (
    ACTIVATE,
    PASSWORD,
    USERS,
    activate,
    an_address,
    join,
    log_in,
    mails,
    register,
    send_all,
    waits,
)
from tests.api.caller import Caller, answered, at_once, rejected, violated
from tests.api.conftest import Log, MovableClock

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


@pytest.fixture
def email() -> str:
    """Return an address without an account."""
    return an_address()


class TestRegister:
    def test_ok(self, unauthenticated: Caller, app: Flask, email: str) -> None:
        """202, and an email with a token, in the same transaction."""
        response = register(unauthenticated, email)
        assert answered(response, 202) == {"message": "You receive an email with instructions."}
        assert response.headers["Cache-Control"] == "no-store"
        (mail,) = mails(app, email)
        assert mail.keys() == {"kind", "to", "token", "name"}
        assert (mail["kind"], mail["name"]) == ("mail.activation", "Alice")
        assert len(mail["token"]) == 43

    def test_only_the_email_reveals_a_taken_address(self, unauthenticated: Caller, app: Flask, email: str) -> None:
        """The same status, body and header fields; capital letters do not make another address."""
        first = register(unauthenticated, email)
        answered(activate(unauthenticated, mails(app, email)[-1]["token"]))
        again = register(unauthenticated, email.title())
        assert (again.status_code, again.get_data()) == (first.status_code, first.get_data())
        assert {*again.headers.keys()} == {*first.headers.keys()}
        (mail,) = mails(app, email)
        assert (mail["kind"], mail["token"]) == ("mail.address_taken", "")

    def test_only_the_digest_of_a_token_is_stored(self, unauthenticated: Caller, app: Flask, email: str) -> None:
        """A reader of the tables cannot activate an account; the job of the email is deleted after it was sent."""
        register(unauthenticated, email)
        token = mails(app, email)[0]["token"]
        with app.app_context(), db.engine.connect() as connection:
            (row,) = connection.execute(text("SELECT r::text AS content, password_hash FROM registrations r"))
        assert token not in row.content
        assert row.password_hash is None

    def test_an_account_has_no_password_until_activation(self, unauthenticated: Caller, app: Flask, email: str) -> None:
        """A password in the request is rejected. It must not be stored for the reader of the email to activate."""
        body = {"name": "Alice", "email": email, "password": PASSWORD}
        assert violated(unauthenticated.post(USERS, json=body)) == [("password", "UNKNOWN_FIELD")]
        assert mails(app, email) == []

    @pytest.mark.parametrize(
        ("member", "value", "code"),
        [
            ("email", "alice", "INVALID_FORMAT"),
            ("email", "a@a@example.com", "INVALID_FORMAT"),
            ("email", "alice@localhost", "INVALID_FORMAT"),
            ("email", "al ice@example.com", "INVALID_FORMAT"),
            ("email", "alice@example.com\r\nBcc: x@example.com", "INVALID_FORMAT"),
            ("email", "älice@example.com", "INVALID_FORMAT"),
            ("email", "a" * 33 + "." + "b" * 31 + "@example.com", "INVALID_FORMAT"),
            ("email", "a" * 250 + "@b.com", "TOO_LONG"),
            ("email", "a@" * 5_000, "TOO_LONG"),
            ("email", None, "REQUIRED_FIELD"),
            ("name", " ", "TOO_SHORT"),
            ("name", "x" * 101, "TOO_LONG"),
            ("name", "a\nb", "INVALID_FORMAT"),
        ],
    )
    def test_violations_are_listed(
        self, unauthenticated: Caller, member: str, value: object, code: str, email: str
    ) -> None:
        body = {"name": "Alice", "email": email, member: value}
        response = unauthenticated.post(USERS, json=body)
        assert violated(response) == [(member, code)]

    @pytest.mark.parametrize("member", ["scopes", "is_admin", "is_disabled", "id"])
    def test_a_caller_cannot_set_other_members(
        self, unauthenticated: Caller, app: Flask, member: str, email: str
    ) -> None:
        body = {"name": "Mallory", "email": email, member: ["admin"]}
        assert violated(unauthenticated.post(USERS, json=body)) == [(member, "UNKNOWN_FIELD")]

    def test_a_key_is_ignored(self, unauthenticated: Caller, app: Flask, email: str) -> None:
        """C21: no credential is stored for replay."""
        key = {"Idempotency-Key": "the-same"}
        body = {"name": "Alice", "email": email}
        tokens = set()
        for _ in range(2):
            answered(unauthenticated.post(USERS, json=body, headers=key), 202)
            tokens.add(mails(app, email)[-1]["token"])
        assert len(tokens) == 2

    def test_ten_per_hour_and_address(self, make_application: Callable[..., Flask], client: object) -> None:
        """C22: the eleventh is 429, with the header fields of limits."""
        limited = Caller(make_application(registration_rate_limit="10 per hour").test_client(), {})
        responses = [limited.post(USERS, json={}) for _ in range(11)]
        assert [each.status_code for each in responses] == [400] * 10 + [429]
        document = rejected(responses[-1], 429, "RATE_LIMIT_EXCEEDED")
        assert (document["limit"], document["window_seconds"]) == (10, 3600)
        assert responses[0].headers["RateLimit-Policy"] == '"default";q=1000000;w=1, "default-2";q=10;w=3600'

    def test_the_newest_request_is_mailed_whatever_the_number_of_requests_by_others(
        self, unauthenticated: Caller, app: Flask, email: str
    ) -> None:
        """It replaces a waiting email, which limits the emails to one mailbox. The response does not reveal it."""
        answers = {
            (each.status_code, each.get_data())
            for each in (register(unauthenticated, email, name="Eve") for _ in range(20))
        }
        assert (register(unauthenticated, email, name="Alice").status_code, len(answers)) == (202, 1)
        (mail,) = mails(app, email)
        assert (mail["kind"], mail["name"]) == ("mail.activation", "Alice")
        assert waits(app, email) <= timedelta(minutes=1)
        assert answered(activate(unauthenticated, mail["token"]))["name"] == "Alice"

    def test_after_five_sent_emails_the_next_is_delayed_by_a_minute(
        self, unauthenticated: Caller, app: Flask, email: str
    ) -> None:
        """Tokens in earlier emails remain valid: requests by others do not cancel them."""
        tokens = []
        for number in range(6):
            register(unauthenticated, email)
            assert (waits(app, email) > timedelta(0)) == (number == 5)
            tokens.append(mails(app, email)[-1]["token"])
            send_all(app)
        answered(activate(unauthenticated, tokens[0]))

    def test_registrations_do_not_affect_password_resets(self, unauthenticated: Caller, app: Flask, email: str) -> None:
        """Each purpose has its own limit."""
        join(unauthenticated, app, email)
        for _ in range(20):
            register(unauthenticated, email)
        answered(unauthenticated.post("/v1/users:requestPasswordReset", json={"email": email}), 202)
        kinds = {mail["kind"] for mail in mails(app, email)}
        assert kinds == {"mail.address_taken", "mail.password_reset"}
        assert waits(app, email, "mail.password_reset") == timedelta(0)

    def test_neither_address_nor_password_nor_token_is_logged(
        self, unauthenticated: Caller, app: Flask, log: Log, email: str
    ) -> None:
        join(unauthenticated, app, email)
        log_in(unauthenticated, email, "another password")
        token = mails(app, email)[0]["token"]
        assert not [line for line in log.lines if email in line or PASSWORD in line or token in line]


class TestActivate:
    def test_ok(self, unauthenticated: Caller, app: Flask, settings: Settings, email: str) -> None:
        """With the default scopes."""
        user = join(unauthenticated, app, email)
        assert UUID(user["id"])
        assert (user["name"], user["email"]) == ("Alice", email)
        assert user["scopes"] == list(settings.default_scopes)

    def test_a_token_is_single_use(self, unauthenticated: Caller, app: Flask, email: str) -> None:
        """Single use."""
        join(unauthenticated, app, email)
        token = mails(app, email)[0]["token"]
        assert rejected(activate(unauthenticated, token), 400, "INVALID_ONE_TIME_TOKEN")["param"] == "token"

    def test_a_token_is_single_use_in_concurrent_requests(
        self, unauthenticated: Caller, app: Flask, email: str
    ) -> None:
        """Exactly one of them succeeds."""
        register(unauthenticated, email)
        body = {"token": mails(app, email)[0]["token"], "password": PASSWORD}
        statuses = at_once(8, lambda _: app.test_client().post(ACTIVATE, json=body).status_code, threads=4)
        assert sorted(statuses) == [200] + [400] * 7

    @pytest.mark.parametrize("followed", [0, 1])
    def test_the_password_of_an_account_is_the_one_sent_with_the_token(
        self, unauthenticated: Caller, app: Flask, email: str, followed: int
    ) -> None:
        """With either of two emails, for any sender of the request. No one else knows the password of the account."""
        tokens = []
        for name in ("Alice", "Mallory"):
            register(unauthenticated, email, name=name)
            tokens.append(mails(app, email)[-1]["token"])
        answered(activate(unauthenticated, tokens[followed], password="chosen by the owner"))
        assert log_in(unauthenticated, email, "chosen by the owner").status_code == 200
        rejected(activate(unauthenticated, tokens[1 - followed], password="another one"), 400, "INVALID_ONE_TIME_TOKEN")

    def test_a_registration_of_the_previous_release_is_activated_without_its_password(
        self, unauthenticated: Caller, app: Flask, email: str
    ) -> None:
        """During an upgrade, a password that was sent with the registration is ignored too."""
        register(unauthenticated, email)
        with app.app_context(), db.engine.begin() as connection:
            connection.execute(
                text("UPDATE registrations SET password_hash = :kept"),
                {"kept": Argon2Passwords().hash(Acceptable("old one!"))},
            )
        answered(activate(unauthenticated, mails(app, email)[-1]["token"]))
        assert [log_in(unauthenticated, email, each).status_code for each in ("old one!", PASSWORD)] == [401, 200]

    @pytest.mark.parametrize(
        ("password", "code"),
        [("1234567", "TOO_SHORT"), ("x" * 129, "TOO_LONG"), (12345678, "INVALID_TYPE"), (None, "REQUIRED_FIELD")],
    )
    def test_an_invalid_password_does_not_consume_the_token(
        self, unauthenticated: Caller, app: Flask, email: str, password: object, code: str
    ) -> None:
        """8 to 128 characters; the password is not repeated."""
        register(unauthenticated, email)
        token = mails(app, email)[-1]["token"]
        response = unauthenticated.post(ACTIVATE, json={"token": token, "password": password})
        assert violated(response) == [("password", code)]
        answered(activate(unauthenticated, token))

    @pytest.mark.parametrize("password", ["zcv8!q2w", "пароль для неё", "zq8v" * 32, "😀🙂🙃😎" * 32])
    def test_the_length_of_passwords_is_counted_in_code_points(
        self, unauthenticated: Caller, app: Flask, email: str, password: str
    ) -> None:
        """8 to 128, in any script."""
        join(unauthenticated, app, email, password=password)
        answered(log_in(unauthenticated, email, password))

    def test_with_an_invalid_token_nothing_is_hashed(
        self, unauthenticated: Caller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Only a valid token causes 20 ms of CPU time."""
        monkeypatch.setattr(PasswordHasher, "hash", lambda *_: pytest.fail("hashed"))
        rejected(activate(unauthenticated, "no-such-token"), 400, "INVALID_ONE_TIME_TOKEN")

    @pytest.mark.parametrize("token", ["", "x" * 43, "é", "' OR 1=1--", "../../etc/passwd"])
    def test_an_invalid_token_is_rejected(self, unauthenticated: Caller, token: str) -> None:
        rejected(activate(unauthenticated, token), 400, "INVALID_ONE_TIME_TOKEN")

    def test_a_token_is_valid_for_three_days_and_not_a_second_longer(
        self, unauthenticated: Caller, timed: Caller, app: Flask, clock: MovableClock
    ) -> None:
        for late, status in ((-60, 200), (60, 400)):
            email = an_address()
            clock.moved *= 0
            register(unauthenticated, email)
            clock.moved += 3 * DAY + SECOND * late
            assert activate(timed, mails(app, email)[-1]["token"]).status_code == status
