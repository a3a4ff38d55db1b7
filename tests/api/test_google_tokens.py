"""Google's access tokens: the service verifies them at Google, with few calls and a timeout, and caches the result."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any, Final

import pytest
from flask import Flask

from app.config import Settings
from app.config.issuers import GOOGLE, Issuer
from app.extensions import db
from app.wiring import wire
from tests.api.caller import TASKS, Caller, answered, at_once, rejected
from tests.api.conftest import Log, MovableClock
from tests.api.forge import described
from tests.fakes.remote import Behaviour, Remote, answers, disconnects, is_silent

pytestmark = pytest.mark.slow

CLIENT: Final = "123-abc.apps.googleusercontent.com"
_NUMBERS: Final = count(1)


def a_token() -> str:
    """Return a new text in the format of Google's tokens."""
    return f"ya29.a0AfH6SM{next(_NUMBERS):08}-_xyz"


def grants(**changes: Any) -> Behaviour:
    """Answer that a token is valid, with changes; ``...`` removes a member."""
    now = int(time.time())
    members = {
        "azp": CLIENT,
        "aud": CLIENT,
        "sub": "1098",
        "scope": "openid",
        "exp": f"{now + 30_000}",
        "expires_in": "3000",
    }
    return answers({name: value for name, value in {**members, **changes}.items() if value is not ...})


@pytest.fixture
def google() -> Iterator[Remote]:
    """Return a fake of Google's endpoint."""
    made = Remote(grants())
    yield made
    made.close()


@pytest.fixture
def trusting(
    other_application: Flask, google: Remote, unauthenticated: Caller, settings: Settings, clock: MovableClock
) -> Caller:
    """Return a caller of an application that accepts Google's tokens, and has not called Google yet."""
    assert unauthenticated
    issuers = (Issuer(url=GOOGLE, scopes={"1098": ("tasks",)}),)
    believing = replace(settings, google_client_id=CLIENT, google_url=google.url, issuers=issuers)
    with other_application.app_context():
        engine = db.engine
    other_application.extensions["app-services"] = wire(believing, db.session, lambda: engine, clock)
    return Caller(other_application.test_client(), {})


def with_token(caller: Caller, token: str) -> Caller:
    """Return the Authorization header with a token."""
    return Caller(caller.client, {"Authorization": f"Bearer {token}"})


class TestAccepted:
    def test_ok(self, trusting: Caller, google: Remote) -> None:
        """The principal is the issuer and the subject; its permissions are configured."""
        token = a_token()
        caller = with_token(trusting, token)
        assert caller.task()["created_by"] == f"{GOOGLE}#1098"
        assert google.heads[0].startswith(f"GET /tokeninfo?access_token={token} HTTP/1.1")
        assert caller.get("/v1/logger").status_code == 403

    def test_a_user_outside_the_list_has_no_permission(self, trusting: Caller, google: Remote) -> None:
        google.behave = grants(sub="7", scope="admin tasks")
        assert with_token(trusting, a_token()).get(TASKS).status_code == 403

    def test_google_is_called_once(self, trusting: Caller, google: Remote) -> None:
        """For any number of requests with a token, also at the same time."""
        token, app = a_token(), trusting.client.application
        callers = [with_token(Caller(app.test_client(), {}), token) for _ in range(8)]
        assert at_once(8, lambda number: callers[number].get(TASKS).status_code, threads=8) == [200] * 8
        assert google.connections == 1


class TestRejected:
    @pytest.mark.parametrize(
        ("behaviour", "description"),
        [
            (
                answers({"error": "invalid_token", "error_description": "Invalid Value"}, 400),
                "is not known to its issuer",
            ),
            (answers({"error": "invalid_token"}, 401), "is not known to its issuer"),
            (grants(aud="other"), "is meant for another audience"),
            (grants(aud=CLIENT + ".evil"), "is meant for another audience"),
            (grants(aud="other", azp=CLIENT), "is meant for another audience"),
            (grants(sub=...), "claim is missing or malformed"),
            (grants(sub="a\nb"), "claim is missing or malformed"),
            (grants(exp="1", expires_in="-5"), "has expired"),
        ],
    )
    def test_an_invalid_token_is_401_for_a_minute(
        self, trusting: Caller, google: Remote, behaviour: Behaviour, description: str
    ) -> None:
        """The service compares the audience, and does not call Google again."""
        token, google.behave = a_token(), behaviour
        for _ in range(3):
            assert description in str(described(trusting, f"Bearer {token}"))
        assert google.connections == 1

    @pytest.mark.parametrize(
        "token",
        [
            "ya29.",
            "ya29",
            "ya29.x y",
            "ya29.x/../../tokeninfo?",
            "ya29.é",
            "YA29.abc",
            "ya29." + "x" * 3000,
            "xya29.abc",
        ],
    )
    def test_a_token_in_another_format_causes_no_call(self, trusting: Caller, google: Remote, token: str) -> None:
        """Only those that begin with ya29."""
        described(trusting, f"Bearer {token}")
        assert google.connections == 0

    def test_google_is_not_called_unless_configured(self, unauthenticated: Caller) -> None:
        assert described(unauthenticated, f"Bearer {a_token()}") == "The token is malformed"


class TestAway:
    @pytest.mark.parametrize(
        "behaviour",
        [
            answers({}, 500),
            answers({}, 503, Retry_After="7"),
            answers({}, 429),
            answers({}, 404),
            answers({}, 302, Location="/elsewhere"),
            answers(b"<html>", 200, "text/html"),
            answers([]),
            answers({}),
            grants(exp="soon"),
            grants(aud=["x"]),
            disconnects,
        ],
    )
    def test_an_unusable_answer_is_503(self, trusting: Caller, google: Remote, behaviour: Behaviour) -> None:
        """The service does not cache it."""
        token, google.behave = a_token(), behaviour
        document = rejected(with_token(trusting, token).get(TASKS), 503, "SERVICE_UNAVAILABLE")
        assert 1 <= document["retry_after"] <= 60
        google.behave = grants()
        answered(with_token(trusting, token).get(TASKS))

    def test_a_call_without_an_answer_ends_in_time(self, trusting: Caller, google: Remote) -> None:
        """C23: at the caller's deadline 504; callers with cached tokens are unaffected."""
        known = a_token()
        answered(with_token(trusting, known).get(TASKS))
        google.behave = is_silent
        hasty = with_token(trusting, a_token())
        rejected(hasty.get(TASKS, headers={"Request-Timeout": "0.2"}), 504, "DEADLINE_EXCEEDED")
        answered(with_token(trusting, known).get(TASKS))

    def test_no_log_entry_contains_a_token(self, trusting: Caller, google: Remote, log: Log) -> None:
        """With any result of the verification."""
        tokens = [a_token() for _ in range(4)]
        for token, behaviour in zip(tokens, (grants(), answers({}, 400), answers({}, 500), disconnects), strict=True):
            google.behave = behaviour
            with_token(trusting, token).get(TASKS)
        assert log.lines
        assert not any(token in line for token in tokens for line in log.lines)


class TestBounds:
    def test_thirty_tokens_per_minute_and_address(self, trusting: Caller, google: Remote) -> None:
        """Then 429; cached tokens and other addresses are still served."""
        known = a_token()
        answered(with_token(trusting, known).get(TASKS))
        google.behave = answers({}, 400)
        statuses = [with_token(trusting, a_token()).get(TASKS).status_code for _ in range(30)]
        assert statuses == [401] * 29 + [429]
        assert google.connections == 30
        document = rejected(with_token(trusting, a_token()).get(TASKS), 429, "RATE_LIMIT_EXCEEDED")
        assert (document["limit"], document["window_seconds"]) == (30, 60)
        answered(with_token(trusting, known).get(TASKS))
        elsewhere = with_token(trusting, a_token()).get(TASKS, environ_overrides={"REMOTE_ADDR": "192.0.2.7"})
        assert elsewhere.status_code == 401

    @pytest.mark.parametrize(
        ("lifetime", "seconds", "is_asked_again"),
        [(3000, 299, False), (3000, 301, True), (100, 50, False), (100, 120, True), (0, 59, False), (0, 61, True)],
    )
    def test_results_are_cached_for_a_limited_time(
        self,
        trusting: Caller,
        google: Remote,
        clock: MovableClock,
        lifetime: int,
        seconds: int,
        is_asked_again: bool,
    ) -> None:
        """Valid tokens for five minutes and not beyond their expiry, invalid ones for one minute."""
        token = a_token()
        google.behave = grants(exp=f"{int(time.time()) + lifetime}") if lifetime else answers({}, 400)
        for moved in (0, seconds):
            clock.moved = timedelta(seconds=moved)
            with_token(trusting, token).get(TASKS)
        assert google.connections == 1 + is_asked_again
