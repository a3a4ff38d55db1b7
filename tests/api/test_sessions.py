"""``POST /v1/tokens:refresh`` and ``:revoke``: a session is a chain of single-use tokens."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text
from werkzeug.test import TestResponse

from app.extensions import db
from app.observability import metrics
from app.rest import failover
from app.services.revocations import BELIEVED_FOR
from tests.api.accounts import REFRESH, REVOKE, an_address, join, logged_in
from tests.api.caller import TASKS, Caller, answered, at_once, rejected
from tests.api.conftest import Log, MovableClock
from tests.api.forge import Forge, described

pytestmark = pytest.mark.slow

REVOKED = "The token has been revoked"


@pytest.fixture
def email(unauthenticated: Caller, app: Flask) -> str:
    """Return the address of a user with an account."""
    address: str = join(unauthenticated, app, an_address())["email"]
    return address


def refresh(caller: Caller, token: str) -> TestResponse:
    """Exchange a refresh token."""
    return caller.post(REFRESH, json={"refresh_token": token})


def refreshed(caller: Caller, token: str) -> dict[str, Any]:
    """Return the new tokens in exchange for a refresh token."""
    return answered(refresh(caller, token))


def with_token(caller: Caller, access: str) -> Caller:
    """Return the Authorization header with an access token."""
    return Caller(caller.client, {"Authorization": f"Bearer {access}"})


def learn(app: Flask) -> None:
    """Let the application read the revocations, as its poller does every two seconds."""
    with app.app_context():
        app.extensions["app-services"].revocations.refresh()


class TestRefresh:
    def test_ok(self, unauthenticated: Caller, email: str) -> None:
        """Each token leads to the next."""
        _, token = logged_in(unauthenticated, email)
        for _ in range(3):
            tokens = refreshed(unauthenticated, token)
            assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 900)
            answered(with_token(unauthenticated, tokens["access_token"]).get(TASKS))
            assert tokens["refresh_token"] != token
            token = tokens["refresh_token"]

    @pytest.mark.parametrize("token", ["", "x" * 43, "x" * 10_000, "' OR 1=1--"])
    def test_an_unknown_token_is_the_same_401(self, unauthenticated: Caller, token: str) -> None:
        """The challenge has no error."""
        response = refresh(unauthenticated, token)
        assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, 'Bearer realm="candor"')

    def test_reuse_after_the_successor_was_used_ends_the_session(
        self, unauthenticated: Caller, email: str, app: Flask
    ) -> None:
        """It may be stolen, therefore neither holder can continue; other sessions can."""
        _, stolen = logged_in(unauthenticated, email)
        _, other = logged_in(unauthenticated, email)
        attacker = refreshed(unauthenticated, stolen)
        attacker = refreshed(unauthenticated, attacker["refresh_token"])
        assert refresh(unauthenticated, stolen).status_code == 401
        assert refresh(unauthenticated, attacker["refresh_token"]).status_code == 401
        learn(app)
        assert described(unauthenticated, f"Bearer {attacker['access_token']}") == REVOKED
        refreshed(unauthenticated, other)

    @pytest.mark.parametrize("seconds", [0, 6, 59])
    def test_after_a_lost_response_it_gets_a_new_successor(
        self, unauthenticated: Caller, email: str, timed: Caller, clock: MovableClock, seconds: int
    ) -> None:
        """The session continues with it. This works repeatedly within the 60 seconds."""
        _, token = logged_in(unauthenticated, email)
        refreshed(timed, token)
        clock.moved = timedelta(seconds=seconds)
        refreshed(timed, token)
        received = refreshed(timed, token)
        refreshed(timed, refreshed(timed, received["refresh_token"])["refresh_token"])

    def test_the_successor_that_was_not_received_is_superseded(
        self, unauthenticated: Caller, email: str, timed: Caller, clock: MovableClock, app: Flask
    ) -> None:
        """It is 401, and ends the session only after its replacement was used."""
        _, token = logged_in(unauthenticated, email)
        lost = refreshed(timed, token)["refresh_token"]
        clock.moved = timedelta(seconds=8)
        received = refreshed(timed, token)["refresh_token"]
        for _ in range(2):
            assert refresh(timed, lost).status_code == 401
        following = refreshed(timed, received)
        answered(with_token(timed, following["access_token"]).get(TASKS))
        assert refresh(timed, lost).status_code == 401
        assert refresh(timed, following["refresh_token"]).status_code == 401
        learn(app)
        assert described(unauthenticated, f"Bearer {following['access_token']}") == REVOKED

    def test_reuse_at_an_instance_with_a_late_clock_is_detected(
        self, unauthenticated: Caller, email: str, timed: Caller, clock: MovableClock
    ) -> None:
        """The successor counts as created after the use of the token, whatever the clocks show."""
        _, token = logged_in(unauthenticated, email)
        refreshed(unauthenticated, token)
        clock.moved = timedelta(seconds=-20)
        received = refreshed(timed, token)["refresh_token"]
        following = refreshed(timed, received)["refresh_token"]
        assert [refresh(timed, each).status_code for each in (token, following)] == [401, 401]

    def test_reuse_after_a_login_at_an_instance_with_an_early_clock_ends_nothing(
        self, unauthenticated: Caller, email: str, timed: Caller, clock: MovableClock
    ) -> None:
        """A used predecessor never counts as a successor."""
        clock.moved = timedelta(seconds=30)
        _, first = logged_in(timed, email)
        token = refreshed(unauthenticated, first)["refresh_token"]
        refreshed(unauthenticated, token)
        refreshed(unauthenticated, refreshed(unauthenticated, token)["refresh_token"])

    def test_a_superseded_token_stays_superseded_when_its_replacement_is_superseded_too(
        self, unauthenticated: Caller, email: str, timed: Caller
    ) -> None:
        _, token = logged_in(unauthenticated, email)
        first, second, third = (refreshed(timed, token)["refresh_token"] for _ in range(3))
        assert [refresh(timed, each).status_code for each in (first, second)] == [401, 401]
        following = refreshed(timed, third)["refresh_token"]
        assert refresh(timed, first).status_code == 401
        assert refresh(timed, following).status_code == 401

    def test_reuse_after_sixty_seconds_ends_the_session(
        self, unauthenticated: Caller, email: str, timed: Caller, clock: MovableClock
    ) -> None:
        """Although its successor is unused."""
        _, token = logged_in(unauthenticated, email)
        following = refreshed(timed, token)["refresh_token"]
        clock.moved = timedelta(seconds=61)
        assert refresh(timed, token).status_code == 401
        assert refresh(timed, following).status_code == 401

    def test_of_several_concurrent_refreshes_one_token_remains_valid(
        self, unauthenticated: Caller, email: str, app: Flask
    ) -> None:
        """Each supersedes the one before; at most one token remains valid."""
        _, token = logged_in(unauthenticated, email)
        responses = at_once(8, lambda _: refresh(Caller(app.test_client(), {}), token), threads=4)
        tokens = [answered(each) for each in responses]
        learn(app)
        answered(with_token(unauthenticated, tokens[0]["access_token"]).get(TASKS))
        statuses = [refresh(unauthenticated, each["refresh_token"]).status_code for each in tokens]
        assert statuses.count(200) == 1

    def test_a_session_is_refreshed_at_most_thirty_times_in_fifteen_minutes(
        self, unauthenticated: Caller, email: str, timed: Caller, clock: MovableClock
    ) -> None:
        """A session needs one refresh in that time. Others are unaffected. A rejected token is not used up."""
        _, token = logged_in(unauthenticated, email)
        _, other = logged_in(unauthenticated, email)
        for _ in range(29):
            token = refreshed(timed, token)["refresh_token"]
        document = rejected(refresh(timed, token), 429, "RATE_LIMIT_EXCEEDED")
        assert (document["limit"], document["window_seconds"], document["retry_after"]) == (30, 900, 30)
        refreshed(timed, other)
        clock.moved = timedelta(minutes=15, seconds=1)
        refreshed(timed, token)

    def test_a_refresh_token_is_not_an_access_token_and_vice_versa(self, unauthenticated: Caller, email: str) -> None:
        _, token = logged_in(unauthenticated, email)
        assert described(unauthenticated, f"Bearer {token}") == "The token is malformed"
        tokens = refreshed(unauthenticated, token)
        assert refresh(unauthenticated, tokens["access_token"]).status_code == 401

    def test_a_refresh_token_is_valid_for_thirty_days_and_not_a_second_longer(
        self, unauthenticated: Caller, email: str, timed: Caller, clock: MovableClock
    ) -> None:
        for late, status in ((-60, 200), (60, 401)):
            clock.moved *= 0
            _, token = logged_in(unauthenticated, email)
            clock.moved = timedelta(days=30, seconds=late)
            assert refresh(timed, token).status_code == status

    def test_only_digests_are_stored(self, unauthenticated: Caller, email: str, app: Flask) -> None:
        _, token = logged_in(unauthenticated, email)
        with app.app_context(), db.engine.connect() as connection:
            rows = connection.execute(text("SELECT t::text FROM refresh_tokens t")).scalars().all()
        assert rows
        assert not any(token in row for row in rows)


class TestRevoke:
    def test_ok(self, unauthenticated: Caller, email: str, app: Flask) -> None:
        """RFC 7009: both tokens of the session become invalid."""
        caller, token = logged_in(unauthenticated, email)
        assert answered(unauthenticated.post(REVOKE, json={"token": token})) == {}
        assert refresh(unauthenticated, token).status_code == 401
        learn(app)
        assert described(unauthenticated, caller.credentials["Authorization"]) == REVOKED

    def test_the_access_token_revokes_the_session_too(self, unauthenticated: Caller, email: str, app: Flask) -> None:
        """RFC 7009: either token ends the session, and no other session."""
        caller, token = logged_in(unauthenticated, email)
        other, _ = logged_in(unauthenticated, email)
        answered(
            unauthenticated.post(REVOKE, json={"token": caller.credentials["Authorization"].removeprefix("Bearer ")})
        )
        assert refresh(unauthenticated, token).status_code == 401
        learn(app)
        assert described(unauthenticated, caller.credentials["Authorization"]) == REVOKED
        answered(other.get(TASKS))

    @pytest.mark.parametrize("hint", ["refresh_token", "access_token", "something else"])
    def test_a_token_type_hint_is_optional(self, unauthenticated: Caller, email: str, hint: str) -> None:
        """RFC 7009, section 2.1."""
        _, token = logged_in(unauthenticated, email)
        assert answered(unauthenticated.post(REVOKE, json={"token": token, "token_type_hint": hint})) == {}
        assert refresh(unauthenticated, token).status_code == 401

    def test_a_token_of_the_command_line_can_be_revoked(
        self, unauthenticated: Caller, app: Flask, bearer: Callable[..., dict[str, str]]
    ) -> None:
        """It has no session; the revocation lasts as long as the token would be valid."""
        issued = bearer("somebody")["Authorization"]
        answered(unauthenticated.post(REVOKE, json={"token": issued.removeprefix("Bearer ")}))
        learn(app)
        assert described(unauthenticated, issued) == REVOKED

    @pytest.mark.parametrize("token", ["", "nonsense", "a.b.c", "x" * 10_000])
    def test_an_invalid_token_is_200_too(self, unauthenticated: Caller, token: str) -> None:
        """RFC 7009, section 2.2."""
        assert answered(unauthenticated.post(REVOKE, json={"token": token})) == {}

    def test_expired_revocations_are_deleted(self, unauthenticated: Caller, email: str, app: Flask) -> None:
        """A revocation lasts one minute longer than its token; the next revocation deletes it."""
        with app.app_context(), db.engine.begin() as connection:
            connection.execute(
                text("INSERT INTO revoked_tokens (id, expire_time) VALUES ('old', now() - interval '1 hour')")
            )
        answered(unauthenticated.post(REVOKE, json={"token": logged_in(unauthenticated, email)[1]}))
        with app.app_context(), db.engine.connect() as connection:
            kept = connection.execute(text("SELECT id FROM revoked_tokens WHERE id = 'old'")).all()
        assert kept == []


class TestSessionsAreRevoked:
    """Entries are for sessions, not for tokens: refreshing does not extend the list of revocations."""

    @pytest.mark.parametrize("by", ["refresh token", "access token", "operator"])
    def test_one_entry_ends_all_tokens_of_a_session(
        self, unauthenticated: Caller, email: str, app: Flask, by: str
    ) -> None:
        caller, token = logged_in(unauthenticated, email)
        access = [caller.credentials["Authorization"]]
        for _ in range(20):
            tokens = refreshed(unauthenticated, token)
            token = tokens["refresh_token"]
            access.append(f"Bearer {tokens['access_token']}")
        if by == "operator":
            with app.app_context():
                app.extensions["app-services"].users.disable(email)
        else:
            sent = token if by == "refresh token" else access[3].removeprefix("Bearer ")
            answered(unauthenticated.post(REVOKE, json={"token": sent}))
        with app.app_context(), db.engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM revoked_tokens")).scalar_one() == 1
        learn(app)
        assert {described(unauthenticated, each) for each in access} == {REVOKED}
        assert refresh(unauthenticated, token).status_code == 401

    def test_an_expired_session_needs_no_entry(
        self, unauthenticated: Caller, email: str, timed: Caller, clock: MovableClock
    ) -> None:
        """Its access tokens have expired."""
        _, token = logged_in(unauthenticated, email)
        clock.moved = timedelta(minutes=16)
        answered(timed.post(REVOKE, json={"token": token}))
        with timed.client.application.app_context(), db.engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM revoked_tokens")).scalar_one() == 0

    def test_a_session_that_another_instance_still_accepts_is_revoked(
        self, unauthenticated: Caller, email: str, timed: Caller, clock: MovableClock
    ) -> None:
        """Clocks of instances differ by up to a minute."""
        _, token = logged_in(unauthenticated, email)
        clock.moved = timedelta(minutes=15, seconds=30)
        answered(timed.post(REVOKE, json={"token": token}))
        with timed.client.application.app_context(), db.engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM revoked_tokens")).scalar_one() == 1

    def test_after_a_change_of_scopes_an_old_access_token_still_revokes_the_session(
        self, unauthenticated: Caller, email: str, app: Flask
    ) -> None:
        """RFC 7009, section 2.1: the token is revoked already, the session is not."""
        caller, token = logged_in(unauthenticated, email)
        _, other = logged_in(unauthenticated, email)
        with app.app_context():
            app.extensions["app-services"].users.revoke(email, ["tasks"])
        answered(
            unauthenticated.post(REVOKE, json={"token": caller.credentials["Authorization"].removeprefix("Bearer ")})
        )
        assert refresh(unauthenticated, token).status_code == 401
        refreshed(unauthenticated, other)

    def test_revocation_wins_against_a_concurrent_refresh(
        self, unauthenticated: Caller, email: str, app: Flask
    ) -> None:
        """In either order, no refresh token of the session is valid afterwards."""
        for _ in range(5):
            _, token = logged_in(unauthenticated, email)
            sent = ((REFRESH, {"refresh_token": token}), (REVOKE, {"token": token}))

            def send(number: int, sent: tuple[tuple[str, dict[str, str]], ...] = sent) -> TestResponse:
                path, body = sent[number]
                return Caller(app.test_client(), {}).post(path, json=body)

            refreshing, revoking = at_once(2, send, threads=2)
            answered(revoking)
            if refreshing.status_code == 200:
                assert refresh(unauthenticated, answered(refreshing)["refresh_token"]).status_code == 401
            else:
                assert refresh(unauthenticated, token).status_code == 401

    def test_a_token_that_the_previous_release_has_issued_and_revoked(
        self, unauthenticated: Caller, app: Flask, forge: Forge
    ) -> None:
        """By its ``jti``: both releases serve during an upgrade."""
        with app.app_context(), db.engine.begin() as connection:
            connection.execute(
                text("INSERT INTO revoked_tokens (id, expire_time) VALUES ('old', now() + interval '1 hour')")
            )
        learn(app)
        assert described(unauthenticated, f"Bearer {forge.token(jti='old')}") == REVOKED
        answered(with_token(unauthenticated, forge.token(jti="other")).get(TASKS))


class TestAge:
    def test_with_a_stale_list_valid_tokens_are_503_and_invalid_ones_401(
        self,
        make_application: Callable[..., Flask],
        unauthenticated: Caller,
        bearer: Callable[..., dict[str, str]],
        log: Log,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A list that cannot be read expires."""
        app = make_application()
        caller = Caller(app.test_client(), bearer())
        revocations = app.extensions["app-services"].revocations
        with app.app_context():
            revocations.refresh_in_steps()
        answered(caller.get(TASKS))
        monkeypatch.setattr(revocations, "_fresh_at", revocations._fresh_at - BELIEVED_FOR - 1)
        assert rejected(caller.get(TASKS), 503, "SERVICE_UNAVAILABLE")["retry_after"] == 5
        elsewhere = caller.post(json={"task": {"title": "x"}}, headers={failover.REQUESTED: "1"})
        assert elsewhere.headers[failover.FIELD] == failover.ELSEWHERE  # another instance may have the list
        assert described(Caller(app.test_client(), {}), "Bearer x.y.z") == "The token is malformed"
        monkeypatch.setattr(revocations._reads, "horizon", raise_connection_error)
        with app.app_context(), pytest.raises(ConnectionError):
            revocations.refresh_in_steps()
        monkeypatch.undo()
        with app.app_context():
            revocations.refresh_in_steps()
        answered(caller.get(TASKS))
        old, fresh = log.of("candor.revocations")
        assert (old["level"], old["message"]) == ("WARNING", "the list of revoked sessions is out of date")
        assert old["seconds"] > BELIEVED_FOR
        assert (fresh["level"], fresh["message"]) == ("INFO", "the list of revoked sessions is up to date again")

    def test_the_age_of_the_list_is_measured(self, app: Flask) -> None:
        before = time.time()
        learn(app)
        labels = {"poll": "revocations"}
        assert (
            before <= (metrics.REGISTRY.get_sample_value("poll_success_timestamp_seconds", labels) or 0) <= time.time()
        )


class TestOperator:
    """Effects of ``flask users`` on open sessions."""

    def test_a_disabled_user_loses_access(self, unauthenticated: Caller, email: str, app: Flask) -> None:
        caller, token = logged_in(unauthenticated, email)
        with app.app_context():
            app.extensions["app-services"].users.disable(email)
        learn(app)
        assert described(unauthenticated, caller.credentials["Authorization"]) == REVOKED
        assert refresh(unauthenticated, token).status_code == 401

    def test_a_user_who_loses_a_scope_keeps_the_session(self, unauthenticated: Caller, email: str, app: Flask) -> None:
        """The old scope is denied, with the old token and with a new one."""
        caller, token = logged_in(unauthenticated, email)
        with app.app_context():
            app.extensions["app-services"].users.revoke(email, ["tasks"])
        learn(app)
        assert described(unauthenticated, caller.credentials["Authorization"]) == REVOKED
        again = with_token(unauthenticated, refreshed(unauthenticated, token)["access_token"])
        assert again.get(TASKS).status_code == 403
        answered(again.get("/v1/users/me"))

    def test_all_refresh_tokens_of_a_session_stay_in_one_session_when_scopes_change(
        self, unauthenticated: Caller, email: str, app: Flask
    ) -> None:
        """Also with the plan that PostgreSQL makes for a table that had one row when it was analyzed."""
        _, token = logged_in(unauthenticated, email)
        with app.app_context(), db.engine.begin() as connection:
            connection.execute(text("ANALYZE refresh_tokens"))
        first = token
        for _ in range(3):
            token = refreshed(unauthenticated, token)["refresh_token"]
        with app.app_context():
            app.extensions["app-services"].users.revoke(email, ["tasks"])
            with db.engine.connect() as connection:
                sessions = connection.execute(text("SELECT count(DISTINCT session_id) FROM refresh_tokens"))
                assert sessions.scalar_one() == 1
        assert refresh(unauthenticated, first).status_code == 401
        assert refresh(unauthenticated, token).status_code == 401

    def test_a_granted_scope_is_in_the_next_token(self, unauthenticated: Caller, email: str, app: Flask) -> None:
        caller, token = logged_in(unauthenticated, email)
        with app.app_context():
            app.extensions["app-services"].users.grant(email, ["admin"])
        learn(app)
        assert described(unauthenticated, caller.credentials["Authorization"]) == REVOKED
        answered(with_token(unauthenticated, refreshed(unauthenticated, token)["access_token"]).get("/v1/logger"))

    def test_other_users_keep_their_sessions(self, unauthenticated: Caller, email: str, app: Flask) -> None:
        other, _ = logged_in(unauthenticated, join(unauthenticated, app, an_address())["email"])
        with app.app_context():
            app.extensions["app-services"].users.disable(email)
        learn(app)
        answered(other.get(TASKS))


class TestDatabaseAway:
    def test_known_revocations_are_kept(
        self, unauthenticated: Caller, email: str, app: Flask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A revoked token stays revoked while the database is away."""
        caller, token = logged_in(unauthenticated, email)
        answered(unauthenticated.post(REVOKE, json={"token": token}))
        learn(app)
        reads = app.extensions["app-services"].revocations._reads
        with monkeypatch.context() as patched:
            patched.setattr(reads, "after", raise_connection_error)
            with pytest.raises(ConnectionError):
                learn(app)
        assert described(unauthenticated, caller.credentials["Authorization"]) == REVOKED


def raise_connection_error(*_: object, **__: object) -> None:
    """Raise the error of an unreachable database."""
    raise ConnectionError


def test_rejections_are_documented(unauthenticated: Caller) -> None:
    """C12: a body of another shape is 400."""
    rejected(unauthenticated.post(REFRESH, json={}), 400, "VALIDATION_FAILED")
    rejected(unauthenticated.post(REVOKE, json={"token": 1}), 400, "VALIDATION_FAILED")
