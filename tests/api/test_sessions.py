"""``POST /v1/tokens:refresh`` and ``:revoke``: a session is a chain of tokens, each good once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text
from werkzeug.test import TestResponse

from app.extensions import db
from tests.api.accounts import REFRESH, REVOKE, an_address, join, logged_in
from tests.api.caller import TASKS, Caller, answered, at_once, refused
from tests.api.conftest import MovableClock
from tests.api.forge import described

REVOKED = "The token has been revoked"


@pytest.fixture
def email(nobody: Caller, app: Flask) -> str:
    """Return the address of somebody with an account."""
    address: str = join(nobody, app, an_address())["email"]
    return address


def refresh(caller: Caller, token: str) -> TestResponse:
    """Exchange a refresh token."""
    return caller.post(REFRESH, json={"refresh_token": token})


def refreshed(caller: Caller, token: str) -> dict[str, Any]:
    """Return the tokens that a refresh token is exchanged for."""
    return answered(refresh(caller, token))


def bearing(caller: Caller, access: str) -> Caller:
    """Return the bearer of an access token."""
    return Caller(caller.client, {"Authorization": f"Bearer {access}"})


def learn(app: Flask) -> None:
    """Let the application learn what is revoked, as its poller does every two seconds."""
    with app.app_context():
        app.extensions["candor-services"].tokens.refresh_revoked()


class TestRefresh:
    def test_ok(self, nobody: Caller, email: str) -> None:
        """3.4: each token leads to the next."""
        _, token = logged_in(nobody, email)
        for _ in range(3):
            tokens = refreshed(nobody, token)
            assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 900)
            answered(bearing(nobody, tokens["access_token"]).get(TASKS))
            assert tokens["refresh_token"] != token
            token = tokens["refresh_token"]

    @pytest.mark.parametrize("token", ["", "x" * 43, "x" * 100_000, "' OR 1=1--"])
    def test_an_unknown_one_is_the_same_401(self, nobody: Caller, token: str) -> None:
        """3.4: the challenge without an error."""
        response = refresh(nobody, token)
        assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, 'Bearer realm="candor"')

    def test_one_that_is_used_again_ends_the_session(self, nobody: Caller, email: str, app: Flask) -> None:
        """3.4: whoever is the thief, neither goes on; other sessions do."""
        _, stolen = logged_in(nobody, email)
        _, other = logged_in(nobody, email)
        thief = refreshed(nobody, stolen)
        thief = refreshed(nobody, thief["refresh_token"])
        assert refresh(nobody, stolen).status_code == 401
        assert refresh(nobody, thief["refresh_token"]).status_code == 401
        learn(app)
        assert described(nobody, f"Bearer {thief['access_token']}") == REVOKED
        refreshed(nobody, other)

    def test_of_several_at_once_exactly_one_succeeds_and_goes_on(self, nobody: Caller, email: str, app: Flask) -> None:
        """3.4: the row is locked; who comes at the same time has not stolen it."""
        _, token = logged_in(nobody, email)
        responses = at_once(8, lambda _: refresh(Caller(app.test_client(), {}), token), threads=4)
        assert sorted(each.status_code for each in responses) == [200] + [401] * 7
        (tokens,) = (answered(each) for each in responses if each.status_code == 200)
        learn(app)
        answered(bearing(nobody, tokens["access_token"]).get(TASKS))
        refreshed(nobody, tokens["refresh_token"])

    @pytest.mark.parametrize(("seconds", "status"), [(4, 200), (6, 401)])
    def test_five_seconds_are_at_the_same_time(
        self, nobody: Caller, email: str, timed: Caller, clock: MovableClock, seconds: int, status: int
    ) -> None:
        """3.4: later, whoever sends it again ends the session."""
        _, token = logged_in(nobody, email)
        following = refreshed(timed, token)["refresh_token"]
        clock.moved = timedelta(seconds=seconds)
        assert refresh(timed, token).status_code == 401
        assert refresh(timed, following).status_code == status

    def test_a_refresh_token_opens_no_door_and_an_access_token_refreshes_nothing(
        self, nobody: Caller, email: str
    ) -> None:
        """A6."""
        _, token = logged_in(nobody, email)
        assert described(nobody, f"Bearer {token}") == "The token is malformed"
        tokens = refreshed(nobody, token)
        assert refresh(nobody, tokens["access_token"]).status_code == 401

    def test_thirty_days_are_enough_and_a_second_more_is_too_late(
        self, nobody: Caller, email: str, timed: Caller, clock: MovableClock
    ) -> None:
        """3.4."""
        for late, status in ((-60, 200), (60, 401)):
            clock.moved *= 0
            _, token = logged_in(nobody, email)
            clock.moved = timedelta(days=30, seconds=late)
            assert refresh(timed, token).status_code == status

    def test_only_digests_are_kept(self, nobody: Caller, email: str, app: Flask) -> None:
        """3.4."""
        _, token = logged_in(nobody, email)
        with app.app_context(), db.engine.connect() as connection:
            rows = connection.execute(text("SELECT t::text FROM refresh_tokens t")).scalars().all()
        assert rows
        assert not any(token in row for row in rows)


class TestRevoke:
    def test_ok(self, nobody: Caller, email: str, app: Flask) -> None:
        """RFC 7009: both tokens of the session are good no more."""
        caller, token = logged_in(nobody, email)
        assert answered(nobody.post(REVOKE, json={"token": token})) == {}
        assert refresh(nobody, token).status_code == 401
        learn(app)
        assert described(nobody, caller.credentials["Authorization"]) == REVOKED

    def test_by_the_access_token(self, nobody: Caller, email: str, app: Flask) -> None:
        """RFC 7009: either token ends the session, and no other session."""
        caller, token = logged_in(nobody, email)
        other, _ = logged_in(nobody, email)
        answered(nobody.post(REVOKE, json={"token": caller.credentials["Authorization"].removeprefix("Bearer ")}))
        assert refresh(nobody, token).status_code == 401
        learn(app)
        assert described(nobody, caller.credentials["Authorization"]) == REVOKED
        answered(other.get(TASKS))

    @pytest.mark.parametrize("hint", ["refresh_token", "access_token", "something else"])
    def test_what_kind_of_token_it_is_may_be_said_and_is_found_out_anyhow(
        self, nobody: Caller, email: str, hint: str
    ) -> None:
        """RFC 7009, section 2.1."""
        _, token = logged_in(nobody, email)
        assert answered(nobody.post(REVOKE, json={"token": token, "token_type_hint": hint})) == {}
        assert refresh(nobody, token).status_code == 401

    def test_a_token_of_the_command_line(
        self, nobody: Caller, app: Flask, bearer: Callable[..., dict[str, str]]
    ) -> None:
        """A11: without a session, for as long as it would be good."""
        issued = bearer("somebody")["Authorization"]
        answered(nobody.post(REVOKE, json={"token": issued.removeprefix("Bearer ")}))
        learn(app)
        assert described(nobody, issued) == REVOKED

    @pytest.mark.parametrize("token", ["", "nonsense", "a.b.c", "x" * 100_000])
    def test_what_is_no_token_is_200_all_the_same(self, nobody: Caller, token: str) -> None:
        """RFC 7009, section 2.2."""
        assert answered(nobody.post(REVOKE, json={"token": token})) == {}

    def test_what_is_over_is_forgotten(self, nobody: Caller, email: str, app: Flask) -> None:
        """A revocation outlives its token by a minute, and goes with the next."""
        with app.app_context(), db.engine.begin() as connection:
            connection.execute(text("INSERT INTO revoked_tokens VALUES ('old', now() - interval '1 hour')"))
        answered(nobody.post(REVOKE, json={"token": logged_in(nobody, email)[1]}))
        with app.app_context(), db.engine.connect() as connection:
            kept = connection.execute(text("SELECT id FROM revoked_tokens WHERE id = 'old'")).all()
        assert kept == []


class TestOperator:
    """A13: what ``flask users`` does reaches those who are in."""

    def test_who_is_disabled_is_out(self, nobody: Caller, email: str, app: Flask) -> None:
        caller, token = logged_in(nobody, email)
        with app.app_context():
            app.extensions["candor-services"].users.disable(email)
        learn(app)
        assert described(nobody, caller.credentials["Authorization"]) == REVOKED
        assert refresh(nobody, token).status_code == 401

    def test_who_loses_a_scope_keeps_the_session(self, nobody: Caller, email: str, app: Flask) -> None:
        """Role downgraded: the old scope is refused, with the old token and with a new one."""
        caller, token = logged_in(nobody, email)
        with app.app_context():
            app.extensions["candor-services"].users.withdraw(email, ["tasks"])
        learn(app)
        assert described(nobody, caller.credentials["Authorization"]) == REVOKED
        again = bearing(nobody, refreshed(nobody, token)["access_token"])
        assert again.get(TASKS).status_code == 403
        answered(again.get("/v1/users/me"))

    def test_who_is_granted_a_scope_refreshes(self, nobody: Caller, email: str, app: Flask) -> None:
        caller, token = logged_in(nobody, email)
        with app.app_context():
            app.extensions["candor-services"].users.grant(email, ["admin"])
        learn(app)
        assert described(nobody, caller.credentials["Authorization"]) == REVOKED
        answered(bearing(nobody, refreshed(nobody, token)["access_token"]).get("/v1/logger"))

    def test_others_stay_in(self, nobody: Caller, email: str, app: Flask) -> None:
        other, _ = logged_in(nobody, join(nobody, app, an_address())["email"])
        with app.app_context():
            app.extensions["candor-services"].users.disable(email)
        learn(app)
        answered(other.get(TASKS))


class TestDatabaseAway:
    def test_what_was_learnt_is_kept(
        self, nobody: Caller, email: str, app: Flask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A11: a revoked token stays revoked while the database is away."""
        caller, token = logged_in(nobody, email)
        answered(nobody.post(REVOKE, json={"token": token}))
        learn(app)
        tokens = app.extensions["candor-services"].tokens
        monkeypatch.setattr(tokens._revoked, "all", refused_to_answer)
        with pytest.raises(ConnectionError):
            learn(app)
        assert described(nobody, caller.credentials["Authorization"]) == REVOKED


def refused_to_answer() -> frozenset[str]:
    """Fail as a database does that is away."""
    raise ConnectionError


def test_refusals_are_documented(nobody: Caller) -> None:
    """C12: a body of another shape is 400."""
    refused(nobody.post(REFRESH, json={}), 400, "VALIDATION_FAILED")
    refused(nobody.post(REVOKE, json={"token": 1}), 400, "VALIDATION_FAILED")
