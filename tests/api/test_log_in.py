"""``POST /v1/tokens``: tokens for an email address and password, and the same 401 for every failure."""

from collections.abc import Callable
from ipaddress import ip_network

import jwt
import pytest
from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy import text
from werkzeug.test import TestResponse

from app.config import Settings
from app.extensions import db
from tests.api.accounts import PASSWORD, REFRESH, TOKENS, an_address, join, log_in, logged_in, register
from tests.api.caller import Caller, answered, rejected, violated

pytestmark = pytest.mark.slow


@pytest.fixture
def carol(unauthenticated: Caller, app: Flask) -> str:
    """Return the address of a user with an account."""
    email: str = join(unauthenticated, app, an_address())["email"]
    return email


@pytest.fixture
def verifications(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the passwords that argon2 has verified and hashed."""
    seen: list[str] = []
    verify = PasswordHasher.verify

    def counted(self: PasswordHasher, kept: str, password: str) -> object:
        seen.append(kept)
        return verify(self, kept, password)

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    monkeypatch.setattr(PasswordHasher, "hash", lambda *_: pytest.fail("logging in hashes nothing"))
    return seen


def shape(response: TestResponse) -> tuple[object, ...]:
    """Return everything that could differ between two rejections."""
    variable = ("X-Request-Id", "Request-Id", "RateLimit", "Date")
    return (response.status_code, response.get_data(), [each for each in response.headers if each[0] not in variable])


class TestLogIn:
    def test_ok(self, unauthenticated: Caller, settings: Settings, carol: str) -> None:
        """An access token with the user's scopes for 15 minutes, and a refresh token."""
        tokens = answered(log_in(unauthenticated, carol))
        assert {*tokens} == {"access_token", "refresh_token", "token_type", "expires_in"}
        assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 900)
        claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})
        assert claims["exp"] - claims["iat"] == 900
        assert claims["scope"].split() == sorted([*settings.default_scopes, "account"])
        assert claims["sid"]
        assert "email" not in claims
        assert "name" not in claims

    def test_the_access_token_is_valid_for_its_scopes(self, unauthenticated: Caller, carol: str) -> None:
        """Other scopes are 403."""
        caller, _ = logged_in(unauthenticated, carol.upper())
        assert caller.task()["created_by"] == answered(caller.get("/v1/tasks"))["tasks"][0]["created_by"]

    def test_the_response_is_not_cacheable(self, unauthenticated: Caller, carol: str) -> None:
        """RFC 6749, section 5.1."""
        assert log_in(unauthenticated, carol).headers["Cache-Control"] == "no-store"

    def test_composed_and_decomposed_letters_are_the_same_password(self, unauthenticated: Caller, app: Flask) -> None:
        """Passwords are normalized (NFC)."""
        email = an_address()
        join(unauthenticated, app, email, password="caf\u00e9 cr\u00e8me")
        assert log_in(unauthenticated, email, "cafe\u0301 cre\u0300me").status_code == 200


class TestRejections:
    @pytest.fixture
    def tries(self, unauthenticated: Caller, carol: str, app: Flask) -> dict[str, tuple[str, str]]:
        """Return every failure, by name."""
        unread, disabled = an_address(), an_address()
        register(unauthenticated, unread)
        join(unauthenticated, app, disabled)
        with app.app_context():
            app.extensions["app-services"].users.disable(disabled)
        return {
            "unknown": ("nobody@example.com", PASSWORD),
            "wrong": (carol, "not the password"),
            "empty": (carol, ""),
            "short": (carol, "x"),
            "huge": (carol, "x" * 16_000),
            "unknown and huge": ("nobody@example.com", "x" * 16_000),
            "not activated": (unread, PASSWORD),
            "disabled": (disabled, PASSWORD),
            "no address": ("", PASSWORD),
            "huge address": ("x" * 16_000, PASSWORD),
            "injection": ("' OR 1=1--", PASSWORD),
        }

    def test_all_are_the_same(
        self, unauthenticated: Caller, tries: dict[str, tuple[str, str]], verifications: list[str]
    ) -> None:
        """Status, body, header fields, and exactly one verification of equal cost for each."""
        shapes = {name: shape(log_in(unauthenticated, *sent)) for name, sent in tries.items()}
        assert set(map(str, shapes.values())) == {str(shapes["wrong"])}
        assert shapes["wrong"][0] == 401
        assert len(verifications) == len(tries)
        assert {kept.rpartition("p=1$")[0] for kept in verifications} == {"$argon2id$v=19$m=19456,t=2,"}

    def test_the_challenge_has_no_error(self, unauthenticated: Caller, carol: str) -> None:
        """The challenge is for a token, and no token is invalid."""
        assert log_in(unauthenticated, carol, "wrong").headers["WWW-Authenticate"] == 'Bearer realm="candor"'

    def test_success_takes_one_verification_too(
        self, unauthenticated: Caller, carol: str, verifications: list[str]
    ) -> None:
        answered(log_in(unauthenticated, carol))
        assert len(verifications) == 1

    @pytest.mark.parametrize("member", ["email", "password"])
    @pytest.mark.parametrize(("value", "code"), [(None, "REQUIRED_FIELD"), (1, "INVALID_TYPE")])
    def test_invalid_text_is_400(self, unauthenticated: Caller, member: str, value: object, code: str) -> None:
        body = {
            name: each
            for name, each in {"email": "a@b.com", "password": PASSWORD, member: value}.items()
            if each != ...
        }
        assert violated(unauthenticated.post(TOKENS, json=body)) == [(member, code)]

    def test_a_user_who_is_disabled_meanwhile_gets_no_session(
        self, unauthenticated: Caller, carol: str, app: Flask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Disabled between the lookup and the creation of the session."""
        verify = PasswordHasher.verify

        def disable_first(self: PasswordHasher, kept: str, password: str) -> object:
            app.extensions["app-services"].users.disable(carol)
            return verify(self, kept, password)

        monkeypatch.setattr(PasswordHasher, "verify", disable_first)
        assert log_in(unauthenticated, carol).status_code == 401
        with app.app_context(), db.engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM refresh_tokens")).scalar_one() == 0

    def test_a_user_who_loses_a_scope_meanwhile_gets_a_token_without_it(
        self, unauthenticated: Caller, carol: str, app: Flask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A later revocation would miss this token."""
        verify = PasswordHasher.verify

        def withdraw_first(self: PasswordHasher, kept: str, password: str) -> object:
            app.extensions["app-services"].users.revoke(carol, ["tasks"])
            return verify(self, kept, password)

        monkeypatch.setattr(PasswordHasher, "verify", withdraw_first)
        caller, _ = logged_in(unauthenticated, carol)
        assert caller.get("/v1/tasks").status_code == 403


class TestLimits:
    def test_five_per_minute_and_address(self, make_application: Callable[..., Flask]) -> None:
        """C22."""
        limited = Caller(make_application(token_rate_limit="5 per minute").test_client(), {})
        assert [log_in(limited, f"{n}@example.com").status_code for n in range(6)] == [401] * 5 + [429]

    @pytest.mark.nightly
    def test_of_a_thousand_attempts_from_four_networks_ten_each_are_checked(
        self, make_application: Callable[..., Flask], unauthenticated: Caller, carol: str, verifications: list[str]
    ) -> None:
        """With every spelling of the address that the service treats as equal; each response follows C22."""
        app = make_application(trusted_proxies=(ip_network("127.0.0.1"),), token_rate_limit="5 per minute")
        local, _, domain = carol.partition("@")
        spellings = (carol, carol.upper(), f"{local.title()}@{domain}", f"{local}@{domain.title()}")
        crowd = Caller(app.test_client(), {})
        statuses = [
            crowd.post(
                TOKENS,
                json={"email": spellings[number % len(spellings)], "password": f"guess number {number}"},
                headers={"X-Forwarded-For": f"203.0.{number // 250}.{number % 250}"},
            ).status_code
            for number in range(1000)
        ]
        assert statuses == ([401] * 10 + [429] * 240) * 4
        assert len(verifications) == 40

    @pytest.mark.parametrize(
        ("guesser", "neighbour", "other"),
        [
            ("203.0.113.7", "203.0.113.250", "203.0.114.7"),
            ("2001:db8:0:1::7", "2001:db8:0:1:ffff::1", "2001:db8:0:2::7"),
            ("::ffff:203.0.113.7", "203.0.113.8", "198.51.100.7"),
        ],
    )
    def test_failed_attempts_lock_an_account_for_one_network_only(
        self, make_application: Callable[..., Flask], carol: str, guesser: str, neighbour: str, other: str
    ) -> None:
        """/24 and /64: the owner can log in from every other network with the right password."""
        trusted = make_application(trusted_proxies=(ip_network("127.0.0.1"),), token_rate_limit="1000 per minute")

        def at(client: str, password: str = PASSWORD) -> int:
            sent, fields = {"email": carol, "password": password}, {"X-Forwarded-For": client}
            return Caller(trusted.test_client(), {}).post(TOKENS, json=sent, headers=fields).status_code

        assert [at(guesser, f"guess {number}") for number in range(50)] == [401] * 10 + [429] * 40
        assert (at(guesser), at(neighbour)) == (429, 429)
        assert at(other) == 200

    def test_429_comes_before_any_hashing(self, unauthenticated: Caller, carol: str, verifications: list[str]) -> None:
        statuses = [log_in(unauthenticated, carol, "guess").status_code for _ in range(15)]
        assert statuses == [401] * 10 + [429] * 5
        assert len(verifications) == 10

    def test_attempts_on_a_thousand_accounts_from_one_address_are_limited_to_five(
        self, make_application: Callable[..., Flask], verifications: list[str]
    ) -> None:
        """An untrusted header field does not change the address; letters beyond ASCII do not change the account."""
        app = make_application(token_rate_limit="5 per minute")
        crowd = Caller(app.test_client(), {})
        statuses = [
            crowd.post(
                TOKENS,
                json={"email": f"\uff41{number}\u212a@example.com", "password": "password1"},
                headers={"X-Forwarded-For": f"203.0.113.{number % 250}", "X-Real-IP": f"::{number}"},
            ).status_code
            for number in range(1000)
        ]
        assert statuses == [401] * 5 + [429] * 995
        assert len(verifications) == 5

    def test_an_open_session_is_unaffected(self, unauthenticated: Caller, carol: str) -> None:
        """Failed attempts do not end sessions."""
        caller, token = logged_in(unauthenticated, carol)
        assert [log_in(unauthenticated, carol, "guess").status_code for _ in range(10)] == [401] * 9 + [429]
        answered(caller.get("/v1/users/me"))
        answered(unauthenticated.post(REFRESH, json={"refresh_token": token}))

    @pytest.mark.parametrize("is_known", [True, False])
    def test_ten_in_fifteen_minutes_per_account(self, unauthenticated: Caller, app: Flask, is_known: bool) -> None:
        """C22: with any password, from any number of addresses, with any capitals, for known and unknown addresses."""
        email = an_address()
        if is_known:
            join(unauthenticated, app, email)
        sent = [(email.upper() if n % 2 else email, f"guess number {n}") for n in range(10)]
        assert [log_in(unauthenticated, *each).status_code for each in sent] == [401] * 10
        response = log_in(unauthenticated, email)
        document = rejected(response, 429, "RATE_LIMIT_EXCEEDED")
        assert (document["limit"], document["window_seconds"]) == (10, 900)
