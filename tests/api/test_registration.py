"""``POST /v1/users`` and ``POST /v1/users:activate``: an account belongs to whoever reads the mail."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import text

from app.config import Settings
from app.extensions import db
from tests.api.accounts import ACTIVATE, PASSWORD, USERS, an_address, join, log_in, mails, register
from tests.api.caller import Caller, answered, at_once, refused, violated
from tests.api.conftest import Log, MovableClock

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


@pytest.fixture
def email() -> str:
    """Return an address that nobody has."""
    return an_address()


class TestRegister:
    def test_ok(self, nobody: Caller, app: Flask, email: str) -> None:
        """3.4: 202, and a mail with a token, in the same transaction."""
        response = register(nobody, email)
        assert answered(response, 202) == {"message": "What to do next is sent by mail."}
        assert response.headers["Cache-Control"] == "no-store"
        (mail,) = mails(app, email)
        assert mail.keys() == {"kind", "to", "token"}
        assert mail["kind"] == "mail.activation"
        assert len(mail["token"]) == 43

    def test_a_taken_address_is_told_by_mail_alone(self, nobody: Caller, app: Flask, email: str) -> None:
        """A15: the same status, body and header fields; capitals make no other address."""
        first = register(nobody, email)
        answered(nobody.post(ACTIVATE, json={"token": mails(app, email)[-1]["token"]}))
        again = register(nobody, email.title())
        assert (again.status_code, again.get_data()) == (first.status_code, first.get_data())
        assert {*again.headers.keys()} == {*first.headers.keys()}
        assert [mail["kind"] for mail in mails(app, email)] == ["mail.activation", "mail.address_taken"]
        assert mails(app, email)[-1]["token"] == ""

    def test_a_token_is_kept_as_its_digest_only(self, nobody: Caller, app: Flask, email: str) -> None:
        """3.4: who reads the tables cannot activate; the mail's own job is deleted once it is done."""
        register(nobody, email)
        token = mails(app, email)[0]["token"]
        with app.app_context(), db.engine.connect() as connection:
            (row,) = connection.execute(text("SELECT r::text AS said, password_hash FROM registrations r"))
        assert token not in row.said
        assert PASSWORD not in row.said
        assert row.password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")

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
            ("email", "a@" * 50_000, "TOO_LONG"),
            ("email", None, "REQUIRED_FIELD"),
            ("password", "1234567", "TOO_SHORT"),
            ("password", "x" * 129, "TOO_LONG"),
            ("password", 12345678, "INVALID_TYPE"),
            ("name", " ", "TOO_SHORT"),
            ("name", "x" * 101, "TOO_LONG"),
            ("name", "a\nb", "INVALID_FORMAT"),
        ],
    )
    def test_what_is_wrong_is_named(self, nobody: Caller, member: str, value: object, code: str, email: str) -> None:
        """3.4, B17: and a password is not repeated."""
        body = {"name": "Alice", "email": email, "password": PASSWORD, member: value}
        response = nobody.post(USERS, json=body)
        assert violated(response) == [(member, code)]

    def test_eight_characters_are_enough_and_128_are_not_too_many(self, nobody: Caller, email: str) -> None:
        """3.4: counted in code points, in whatever script."""
        for password in ("12345678", "пароль12", "x" * 128, "😀" * 128, " " * 8):
            answered(register(nobody, email, password=password), 202)

    @pytest.mark.parametrize("member", ["scopes", "is_admin", "is_disabled", "id"])
    def test_nobody_makes_more_of_themselves(self, nobody: Caller, app: Flask, member: str, email: str) -> None:
        """A21."""
        body = {"name": "Mallory", "email": email, "password": PASSWORD, member: ["admin"]}
        assert violated(nobody.post(USERS, json=body)) == [(member, "UNKNOWN_FIELD")]

    def test_a_key_is_ignored(self, nobody: Caller, app: Flask, email: str) -> None:
        """C21: no credential is stored for replay."""
        key = {"Idempotency-Key": "the-same"}
        body = {"name": "Alice", "email": email, "password": PASSWORD}
        assert [nobody.post(USERS, json=body, headers=key).status_code for _ in range(2)] == [202, 202]
        assert len(mails(app, email)) == 2

    def test_ten_an_hour_and_an_address(self, make_application: Callable[..., Flask], client: object) -> None:
        """C22: the eleventh is 429, told in the header fields."""
        limited = Caller(make_application(registration_rate_limit="10 per hour").test_client(), {})
        responses = [limited.post(USERS, json={}) for _ in range(11)]
        assert [each.status_code for each in responses] == [400] * 10 + [429]
        document = refused(responses[-1], 429, "RATE_LIMIT_EXCEEDED")
        assert (document["limit"], document["window_seconds"]) == (10, 3600)
        assert responses[0].headers["RateLimit-Policy"] == '"default";q=1000000;w=1, "default-2";q=10;w=3600'

    def test_nobody_is_flooded_with_mail(self, nobody: Caller, app: Flask, email: str) -> None:
        """Five mails an hour and address, however many ask; who asks is not told."""
        assert [register(nobody, email).status_code for _ in range(7)] == [202] * 7
        assert len(mails(app, email)) == 5

    def test_neither_address_nor_password_nor_token_is_logged(
        self, nobody: Caller, app: Flask, log: Log, email: str
    ) -> None:
        """D22."""
        join(nobody, app, email)
        log_in(nobody, email, "another password")
        token = mails(app, email)[0]["token"]
        assert not [line for line in log.lines if email in line or PASSWORD in line or token in line]


class TestActivate:
    def test_ok(self, nobody: Caller, app: Flask, settings: Settings, email: str) -> None:
        """3.4: with the default scopes."""
        user = join(nobody, app, email)
        assert UUID(user["id"])
        assert (user["name"], user["email"]) == ("Alice", email)
        assert user["scopes"] == list(settings.default_scopes)

    def test_once(self, nobody: Caller, app: Flask, email: str) -> None:
        """3.4: single use."""
        join(nobody, app, email)
        token = mails(app, email)[0]["token"]
        assert refused(nobody.post(ACTIVATE, json={"token": token}), 400, "INVALID_ONE_TIME_TOKEN")["param"] == "token"

    def test_once_when_many_try(self, nobody: Caller, app: Flask, email: str) -> None:
        """3.4: a race has one winner."""
        register(nobody, email)
        body = {"token": mails(app, email)[0]["token"]}
        statuses = at_once(8, lambda _: app.test_client().post(ACTIVATE, json=body).status_code, threads=4)
        assert sorted(statuses) == [200] + [400] * 7

    def test_of_two_registrations_one_becomes_the_user(self, nobody: Caller, app: Flask, email: str) -> None:
        """Both tokens are in the same mailbox; whoever is first there chooses the password."""
        register(nobody, email, password="the first one")
        register(nobody, email, password="the second one")
        tokens = [mail["token"] for mail in mails(app, email)]
        assert [nobody.post(ACTIVATE, json={"token": token}).status_code for token in tokens] == [200, 400]
        assert log_in(nobody, email, "the second one").status_code == 401
        assert log_in(nobody, email, "the first one").status_code == 200

    @pytest.mark.parametrize("token", ["", "x" * 43, "é", "' OR 1=1--", "../../etc/passwd"])
    def test_another_token_is_refused(self, nobody: Caller, token: str) -> None:
        """3.4."""
        refused(nobody.post(ACTIVATE, json={"token": token}), 400, "INVALID_ONE_TIME_TOKEN")

    def test_three_days_are_enough_and_a_second_more_is_too_late(
        self, nobody: Caller, timed: Caller, app: Flask, clock: MovableClock
    ) -> None:
        """3.4: 3 days."""
        for late, status in ((-60, 200), (60, 400)):
            email = an_address()
            clock.moved *= 0
            register(nobody, email)
            clock.moved += 3 * DAY + SECOND * late
            response = timed.post(ACTIVATE, json={"token": mails(app, email)[-1]["token"]})
            assert response.status_code == status
