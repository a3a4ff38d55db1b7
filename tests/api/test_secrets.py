"""Retirement of a leaked key: its tokens are rejected, sessions can continue; page tokens have their own key."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import jwt
import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import text

from app.extensions import db
from app.models.claim_validation import LATEST
from app.models.token_lifetimes import MAX_LIFETIME
from tests.api.accounts import REVOKE, an_address, join, log_in, logged_in
from tests.api.caller import TASKS, Caller, answered, rejected
from tests.api.forge import Forge, described
from tests.api.test_sessions import REVOKED, learn, refresh, refreshed, with_token

OLD, NEW, PAGES = (secrets.token_hex(32) for _ in range(3))
WRONG: Final = "The signature is not valid"
HOUR: Final = timedelta(hours=1)
Make = Callable[..., Flask]


@pytest.fixture
def leaked(make_application: Make, unauthenticated: Caller) -> Flask:
    """Return an application whose secret has leaked; the tables are emptied afterwards."""
    assert unauthenticated
    return make_application(jwt_secret=OLD)


def caller(app: Flask) -> Caller:
    """Return a caller without credentials."""
    return Caller(app.test_client(), {})


def forged() -> str:
    """Return a token of an admin, signed with the leaked secret."""
    return Forge(OLD).token(sub="mallory", scope="admin")


def run(app: Flask, *arguments: str) -> Result:
    """Run a command."""
    return app.test_cli_runner().invoke(args=["tokens", *arguments, "--yes"])


def revoked(app: Flask) -> dict[str, datetime]:
    """Return the revoked subjects, and the lifetime of the entries."""
    with app.app_context(), db.engine.connect() as connection:
        return {row.id: row.expire_time for row in connection.execute(text("SELECT * FROM revoked_tokens"))}


class TestKeys:
    def test_tokens_of_a_removed_secret_are_rejected(self, make_application: Make, leaked: Flask) -> None:
        answered(with_token(caller(leaked), forged()).get(TASKS))
        for settings in ({"jwt_secret": OLD}, {"jwt_secret": ""}):
            app = make_application(jwt_keys=(("new", NEW),), page_token_secret=PAGES, **settings)
            assert described(caller(app), f"Bearer {forged()}") == WRONG
            for kid in ("new", "old", "", "JWT_SECRET"):
                token = jwt.encode(Forge(OLD).claims(scope="admin"), OLD, algorithm="HS256", headers={"kid": kid})
                assert described(caller(app), f"Bearer {token}") == WRONG

    def test_tokens_of_an_additional_secret_are_accepted(self, make_application: Make, leaked: Flask) -> None:
        """During a rotation no user is logged out."""
        app = make_application(jwt_secret=OLD, jwt_keys=(("new", NEW), ("old", OLD)))
        answered(with_token(caller(app), forged()).get(TASKS))
        issued = app.extensions["app-services"].tokens.issue("alice", scopes=["tasks"], lifetime=HOUR)
        assert jwt.get_unverified_header(issued)["kid"] == "new"
        answered(with_token(caller(app), issued).get(TASKS))

    def test_sessions_survive_a_rotation(self, make_application: Make, leaked: Flask) -> None:
        email = join(caller(leaked), leaked, an_address())["email"]
        _, token = logged_in(caller(leaked), email)
        app = make_application(jwt_secret="", jwt_keys=(("new", NEW),), page_token_secret=PAGES)
        tokens = refreshed(caller(app), token)
        answered(with_token(caller(app), tokens["access_token"]).get(TASKS))


class TestRetire:
    def test_ok(self, leaked: Flask, make_application: Make) -> None:
        """Before any restart, on every instance; also for tokens that are signed later."""
        other = make_application(jwt_secret=OLD, jwt_keys=(("new", NEW), ("old", OLD)))
        before = with_token(caller(leaked), forged())
        answered(before.get(TASKS))
        assert run(leaked, "retire-key").exit_code == 0
        for app in (leaked, other):
            learn(app)
            assert described(caller(app), f"Bearer {forged()}") == REVOKED
            assert described(caller(app), before.credentials["Authorization"]) == REVOKED
        token = other.extensions["app-services"].tokens.issue("alice", scopes=["tasks"], lifetime=HOUR)
        answered(with_token(caller(other), token).get(TASKS))

    def test_a_key_can_be_named(self, leaked: Flask, make_application: Make) -> None:
        app = make_application(jwt_keys=(("new", NEW), ("leaked", PAGES)))
        token = jwt.encode(Forge("").claims(), PAGES, algorithm="HS256", headers={"kid": "leaked"})
        answered(with_token(caller(app), token).get(TASKS))
        assert run(app, "retire-key", "--kid", "leaked").exit_code == 0
        learn(app)
        assert described(caller(app), f"Bearer {token}") == REVOKED

    def test_tokens_of_a_retired_key_revoke_nothing(self, leaked: Flask, unauthenticated: Caller) -> None:
        """Otherwise an attacker with the key could fill the list of revocations, and end sessions of other users."""
        holder, token = logged_in(caller(leaked), join(caller(leaked), leaked, an_address())["email"])
        claims = jwt.decode(
            holder.credentials["Authorization"].removeprefix("Bearer "), options={"verify_signature": False}
        )
        assert run(leaked, "retire-key").exit_code == 0
        learn(leaked)
        before = revoked(leaked)
        for named in ({"jti": "any"}, {"jti": claims["jti"]}, {"jti": "other", "sid": claims["sid"]}):
            sent = Forge(OLD).token(sub=claims["sub"], exp=LATEST, **named)
            answered(caller(leaked).post(REVOKE, json={"token": sent}))
        assert revoked(leaked) == before
        assert refresh(caller(leaked), token).status_code == 200

    def test_no_revocation_lasts_longer_than_the_longest_token(self, leaked: Flask) -> None:
        """For any expiry in a token of the key."""
        token = Forge(OLD).token(jti="forged", exp=LATEST)
        answered(caller(leaked).post(REVOKE, json={"token": token}))
        assert revoked(leaked)["forged"] < datetime.now(UTC) + MAX_LIFETIME + HOUR

    def test_an_invalid_key_is_reported(self, make_application: Make) -> None:
        app = make_application(jwt_keys=(("new", NEW),))
        for arguments in (["--kid", "other"], []):
            result = run(app, "retire-key", *arguments)
            assert (result.exit_code, result.output.startswith("Error: There is no such key")) == (1, True)

    def test_all_sessions_can_be_ended(self, unauthenticated: Caller, app: Flask) -> None:
        emails = [join(unauthenticated, app, an_address())["email"] for _ in range(2)]
        sessions = [logged_in(unauthenticated, email) for email in emails]
        result = run(app, "end-sessions")
        assert result.output == "2 sessions ended\n"
        learn(app)
        for holder, token in sessions:
            assert described(unauthenticated, holder.credentials["Authorization"]) == REVOKED
            assert refresh(unauthenticated, token).status_code == 401
        answered(log_in(unauthenticated, emails[0]))


class TestPageTokens:
    def test_they_have_their_own_key(self, make_application: Make, leaked: Flask) -> None:
        """A leaked ``JWT_SECRET`` cannot seal page tokens, and a new one leaves them valid."""
        one = make_application(jwt_secret=OLD, page_token_secret=PAGES)
        two = make_application(jwt_secret=NEW, page_token_secret=PAGES)
        three = make_application(jwt_secret=OLD)
        pairs = (one, OLD), (two, NEW), (three, OLD)
        alice = {app: with_token(caller(app), Forge(secret).token()) for app, secret in pairs}
        for title in "ab":
            alice[one].task(title)
        page = answered(alice[one].list_tasks(page_size=1))["next_page_token"]
        answered(alice[two].list_tasks(page_size=1, page_token=page))
        rejected(alice[three].list_tasks(page_size=1, page_token=page), 400, "INVALID_PAGE_TOKEN")
