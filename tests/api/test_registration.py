"""``POST /v1/users`` and ``POST /v1/users:activate``: an account belongs to whoever reads the mail."""

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
from tests.api.caller import Caller, answered, at_once, refused, violated
from tests.api.conftest import Log, MovableClock

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


@pytest.fixture
def email() -> str:
    """Return an address that nobody has."""
    return an_address()


class TestRegister:
    def test_ok(self, unauthenticated: Caller, app: Flask, email: str) -> None:
        """3.4: 202, and a mail with a token, in the same transaction."""
        response = register(unauthenticated, email)
        assert answered(response, 202) == {"message": "You receive an email with instructions."}
        assert response.headers["Cache-Control"] == "no-store"
        (mail,) = mails(app, email)
        assert mail.keys() == {"kind", "to", "token", "name"}
        assert (mail["kind"], mail["name"]) == ("mail.activation", "Alice")
        assert len(mail["token"]) == 43

    def test_a_taken_address_is_told_by_mail_alone(self, unauthenticated: Caller, app: Flask, email: str) -> None:
        """The same status, body and header fields; capitals make no other address."""
        first = register(unauthenticated, email)
        answered(activate(unauthenticated, mails(app, email)[-1]["token"]))
        again = register(unauthenticated, email.title())
        assert (again.status_code, again.get_data()) == (first.status_code, first.get_data())
        assert {*again.headers.keys()} == {*first.headers.keys()}
        (mail,) = mails(app, email)
        assert (mail["kind"], mail["token"]) == ("mail.address_taken", "")

    def test_a_token_is_kept_as_its_digest_only(self, unauthenticated: Caller, app: Flask, email: str) -> None:
        """3.4: who reads the tables cannot activate; the mail's own job is deleted once it is done."""
        register(unauthenticated, email)
        token = mails(app, email)[0]["token"]
        with app.app_context(), db.engine.connect() as connection:
            (row,) = connection.execute(text("SELECT r::text AS said, password_hash FROM registrations r"))
        assert token not in row.said
        assert row.password_hash is None

    def test_there_is_no_password_yet(self, unauthenticated: Caller, app: Flask, email: str) -> None:
        """3.4: one that is sent all the same is refused, not kept for whoever reads the mail to activate."""
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
    def test_what_is_wrong_is_named(
        self, unauthenticated: Caller, member: str, value: object, code: str, email: str
    ) -> None:
        """3.4."""
        body = {"name": "Alice", "email": email, member: value}
        response = unauthenticated.post(USERS, json=body)
        assert violated(response) == [(member, code)]

    @pytest.mark.parametrize("member", ["scopes", "is_admin", "is_disabled", "id"])
    def test_nobody_makes_more_of_themselves(
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

    def test_ten_an_hour_and_an_address(self, make_application: Callable[..., Flask], client: object) -> None:
        """C22: the eleventh is 429, told in the header fields."""
        limited = Caller(make_application(registration_rate_limit="10 per hour").test_client(), {})
        responses = [limited.post(USERS, json={}) for _ in range(11)]
        assert [each.status_code for each in responses] == [400] * 10 + [429]
        document = refused(responses[-1], 429, "RATE_LIMIT_EXCEEDED")
        assert (document["limit"], document["window_seconds"]) == (10, 3600)
        assert responses[0].headers["RateLimit-Policy"] == '"default";q=1000000;w=1, "default-2";q=10;w=3600'

    def test_the_newest_request_is_mailed_however_many_strangers_made(
        self, unauthenticated: Caller, app: Flask, email: str
    ) -> None:
        """What waits to be sent is superseded, so that nobody is flooded either; who asks is not told."""
        answers = {
            (each.status_code, each.get_data())
            for each in (register(unauthenticated, email, name="Eve") for _ in range(20))
        }
        assert (register(unauthenticated, email, name="Alice").status_code, len(answers)) == (202, 1)
        (mail,) = mails(app, email)
        assert (mail["kind"], mail["name"]) == ("mail.activation", "Alice")
        assert waits(app, email) <= timedelta(minutes=1)
        assert answered(activate(unauthenticated, mail["token"]))["name"] == "Alice"

    def test_five_mails_that_were_sent_put_the_next_off_for_a_minute(
        self, unauthenticated: Caller, app: Flask, email: str
    ) -> None:
        """And what was mailed before remains valid: a stranger's request cancels nothing of the owner's."""
        tokens = []
        for number in range(6):
            register(unauthenticated, email)
            assert (waits(app, email) > timedelta(0)) == (number == 5)
            tokens.append(mails(app, email)[-1]["token"])
            send_all(app)
        answered(activate(unauthenticated, tokens[0]))

    def test_registrations_take_nothing_from_password_resets(
        self, unauthenticated: Caller, app: Flask, email: str
    ) -> None:
        """Each purpose has a budget of its own."""
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
        """3.4: with the default scopes."""
        user = join(unauthenticated, app, email)
        assert UUID(user["id"])
        assert (user["name"], user["email"]) == ("Alice", email)
        assert user["scopes"] == list(settings.default_scopes)

    def test_once(self, unauthenticated: Caller, app: Flask, email: str) -> None:
        """3.4: single use."""
        join(unauthenticated, app, email)
        token = mails(app, email)[0]["token"]
        assert refused(activate(unauthenticated, token), 400, "INVALID_ONE_TIME_TOKEN")["param"] == "token"

    def test_once_when_many_try(self, unauthenticated: Caller, app: Flask, email: str) -> None:
        """3.4: a race has one winner."""
        register(unauthenticated, email)
        body = {"token": mails(app, email)[0]["token"], "password": PASSWORD}
        statuses = at_once(8, lambda _: app.test_client().post(ACTIVATE, json=body).status_code, threads=4)
        assert sorted(statuses) == [200] + [400] * 7

    @pytest.mark.parametrize("followed", [0, 1])
    def test_whoever_follows_a_mail_has_the_password_typed_then(
        self, unauthenticated: Caller, app: Flask, email: str, followed: int
    ) -> None:
        """Whichever of two mails it is, and whoever had it sent: nobody else knows the password of the account."""
        tokens = []
        for name in ("Alice", "Mallory"):
            register(unauthenticated, email, name=name)
            tokens.append(mails(app, email)[-1]["token"])
        answered(activate(unauthenticated, tokens[followed], password="chosen by the owner"))
        assert log_in(unauthenticated, email, "chosen by the owner").status_code == 200
        refused(activate(unauthenticated, tokens[1 - followed], password="another one"), 400, "INVALID_ONE_TIME_TOKEN")

    def test_a_registration_of_the_previous_release_is_activated_without_its_password(
        self, unauthenticated: Caller, app: Flask, email: str
    ) -> None:
        """During an upgrade: what somebody else has sent along then is of no use either."""
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
    def test_what_is_wrong_with_the_password_does_not_cost_the_token(
        self, unauthenticated: Caller, app: Flask, email: str, password: object, code: str
    ) -> None:
        """8 to 128 characters; the password is not repeated."""
        register(unauthenticated, email)
        token = mails(app, email)[-1]["token"]
        response = unauthenticated.post(ACTIVATE, json={"token": token, "password": password})
        assert violated(response) == [("password", code)]
        answered(activate(unauthenticated, token))

    @pytest.mark.parametrize("password", ["zcv8!q2w", "пароль для неё", "zq8v" * 32, "😀🙂🙃😎" * 32])
    def test_passwords_are_counted_in_code_points(
        self, unauthenticated: Caller, app: Flask, email: str, password: str
    ) -> None:
        """3.4: 8 to 128, in whatever script."""
        join(unauthenticated, app, email, password=password)
        answered(log_in(unauthenticated, email, password))

    def test_a_token_that_is_not_good_is_not_hashed_for(
        self, unauthenticated: Caller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """20 ms of work are there for whoever has read a mail."""
        monkeypatch.setattr(PasswordHasher, "hash", lambda *_: pytest.fail("hashed"))
        refused(activate(unauthenticated, "no-such-token"), 400, "INVALID_ONE_TIME_TOKEN")

    @pytest.mark.parametrize("token", ["", "x" * 43, "é", "' OR 1=1--", "../../etc/passwd"])
    def test_another_token_is_refused(self, unauthenticated: Caller, token: str) -> None:
        """3.4."""
        refused(activate(unauthenticated, token), 400, "INVALID_ONE_TIME_TOKEN")

    def test_three_days_are_enough_and_a_second_more_is_too_late(
        self, unauthenticated: Caller, timed: Caller, app: Flask, clock: MovableClock
    ) -> None:
        """3.4: 3 days."""
        for late, status in ((-60, 200), (60, 400)):
            email = an_address()
            clock.moved *= 0
            register(unauthenticated, email)
            clock.moved += 3 * DAY + SECOND * late
            assert activate(timed, mails(app, email)[-1]["token"]).status_code == status
