"""Google's access tokens: Google is asked what they are, seldom and briefly, and believed for a while."""

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
from tests.api.caller import TASKS, Caller, answered, at_once, refused
from tests.api.conftest import Log, MovableClock
from tests.api.forge import described
from tests.fakes.remote import Behaviour, Remote, hangs_up, is_silent, says

CLIENT: Final = "123-abc.apps.googleusercontent.com"
_NUMBERS: Final = count(1)


def a_token() -> str:
    """Return what looks like a token of Google's, and was never seen before."""
    return f"ya29.a0AfH6SM{next(_NUMBERS):08}-_xyz"


def grants(**changes: Any) -> Behaviour:
    """Say that a token is good, with changes; ``...`` takes a member away."""
    now = int(time.time())
    told = {
        "azp": CLIENT,
        "aud": CLIENT,
        "sub": "1098",
        "scope": "openid",
        "exp": f"{now + 30_000}",
        "expires_in": "3000",
    }
    return says({name: value for name, value in {**told, **changes}.items() if value is not ...})


@pytest.fixture
def google() -> Iterator[Remote]:
    """Return what stands for Google."""
    made = Remote(grants())
    yield made
    made.close()


@pytest.fixture
def trusting(
    other_application: Flask, google: Remote, unauthenticated: Caller, settings: Settings, clock: MovableClock
) -> Caller:
    """Return a caller of an application that believes Google, and has asked it nothing yet."""
    assert unauthenticated
    issuers = (Issuer(url=GOOGLE, scopes={"1098": ("tasks",)}),)
    believing = replace(settings, google_client_id=CLIENT, google_url=google.url, issuers=issuers)
    with other_application.app_context():
        engine = db.engine
    other_application.extensions["app-services"] = wire(believing, db.session, lambda: engine, clock)
    return Caller(other_application.test_client(), {})


def bearing(caller: Caller, token: str) -> Caller:
    """Return the bearer of a token."""
    return Caller(caller.client, {"Authorization": f"Bearer {token}"})


class TestTaken:
    def test_ok(self, trusting: Caller, google: Remote) -> None:
        """3.4: the principal is issuer and subject; what it may do is configured."""
        token = a_token()
        caller = bearing(trusting, token)
        assert caller.task()["created_by"] == f"{GOOGLE}#1098"
        assert google.heads[0].startswith(f"GET /tokeninfo?access_token={token} HTTP/1.1")
        assert caller.get("/v1/logger").status_code == 403

    def test_who_is_not_in_the_list_may_nothing(self, trusting: Caller, google: Remote) -> None:
        """3.4."""
        google.behave = grants(sub="7", scope="admin tasks")
        assert bearing(trusting, a_token()).get(TASKS).status_code == 403

    def test_google_is_asked_once(self, trusting: Caller, google: Remote) -> None:
        """3.4: however many requests come with a token, at the same time too."""
        token, app = a_token(), trusting.client.application
        callers = [bearing(Caller(app.test_client(), {}), token) for _ in range(8)]
        assert at_once(8, lambda number: callers[number].get(TASKS).status_code, threads=8) == [200] * 8
        assert google.connections == 1


class TestRefused:
    @pytest.mark.parametrize(
        ("behaviour", "description"),
        [
            (says({"error": "invalid_token", "error_description": "Invalid Value"}, 400), "is not known to its issuer"),
            (says({"error": "invalid_token"}, 401), "is not known to its issuer"),
            (grants(aud="other"), "is meant for another audience"),
            (grants(aud=CLIENT + ".evil"), "is meant for another audience"),
            (grants(aud="other", azp=CLIENT), "is meant for another audience"),
            (grants(sub=...), "claim is missing or malformed"),
            (grants(sub="a\nb"), "claim is missing or malformed"),
            (grants(exp="1", expires_in="-5"), "has expired"),
        ],
    )
    def test_one_that_is_not_good_is_401_for_a_minute(
        self, trusting: Caller, google: Remote, behaviour: Behaviour, description: str
    ) -> None:
        """3.4: the audience is compared, and Google is not asked again."""
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
    def test_what_is_none_of_google_s_is_not_asked_about(self, trusting: Caller, google: Remote, token: str) -> None:
        """3.4: only those starting ya29."""
        described(trusting, f"Bearer {token}")
        assert google.connections == 0

    def test_where_it_is_not_configured_nobody_is_asked(self, unauthenticated: Caller) -> None:
        """3.4: when configured."""
        assert described(unauthenticated, f"Bearer {a_token()}") == "The token is malformed"


class TestAway:
    @pytest.mark.parametrize(
        "behaviour",
        [
            says({}, 500),
            says({}, 503, Retry_After="7"),
            says({}, 429),
            says({}, 404),
            says({}, 302, Location="/elsewhere"),
            says(b"<html>", 200, "text/html"),
            says([]),
            says({}),
            grants(exp="soon"),
            grants(aud=["x"]),
            hangs_up,
        ],
    )
    def test_no_usable_answer_is_503(self, trusting: Caller, google: Remote, behaviour: Behaviour) -> None:
        """3.4: and nothing is remembered of it."""
        token, google.behave = a_token(), behaviour
        document = refused(bearing(trusting, token).get(TASKS), 503, "SERVICE_UNAVAILABLE")
        assert 1 <= document["retry_after"] <= 60
        google.behave = grants()
        answered(bearing(trusting, token).get(TASKS))

    def test_one_that_says_nothing_is_left_in_time(self, trusting: Caller, google: Remote) -> None:
        """C23: at the caller's deadline 504; and who is known already does not notice."""
        known = a_token()
        answered(bearing(trusting, known).get(TASKS))
        google.behave = is_silent
        hasty = bearing(trusting, a_token())
        refused(hasty.get(TASKS, headers={"Request-Timeout": "0.2"}), 504, "DEADLINE_EXCEEDED")
        answered(bearing(trusting, known).get(TASKS))

    def test_a_token_is_in_no_line_of_the_log(self, trusting: Caller, google: Remote, log: Log) -> None:
        """Whatever becomes of it."""
        tokens = [a_token() for _ in range(4)]
        for token, behaviour in zip(tokens, (grants(), says({}, 400), says({}, 500), hangs_up), strict=True):
            google.behave = behaviour
            bearing(trusting, token).get(TASKS)
        assert log.lines
        assert not any(token in line for token in tokens for line in log.lines)


class TestBounds:
    def test_thirty_tokens_a_minute_and_an_address(self, trusting: Caller, google: Remote) -> None:
        """3.4: then 429; tokens that are known already, and other addresses, are served on."""
        known = a_token()
        answered(bearing(trusting, known).get(TASKS))
        google.behave = says({}, 400)
        statuses = [bearing(trusting, a_token()).get(TASKS).status_code for _ in range(30)]
        assert statuses == [401] * 29 + [429]
        assert google.connections == 30
        document = refused(bearing(trusting, a_token()).get(TASKS), 429, "RATE_LIMIT_EXCEEDED")
        assert (document["limit"], document["window_seconds"]) == (30, 60)
        answered(bearing(trusting, known).get(TASKS))
        elsewhere = bearing(trusting, a_token()).get(TASKS, environ_overrides={"REMOTE_ADDR": "192.0.2.7"})
        assert elsewhere.status_code == 401

    @pytest.mark.parametrize(
        ("lifetime", "seconds", "is_asked_again"),
        [(3000, 299, False), (3000, 301, True), (100, 50, False), (100, 120, True), (0, 59, False), (0, 61, True)],
    )
    def test_what_is_remembered_is_remembered_for_a_while(
        self,
        trusting: Caller,
        google: Remote,
        clock: MovableClock,
        lifetime: int,
        seconds: int,
        is_asked_again: bool,
    ) -> None:
        """3.4: the good for five minutes and not beyond their end, the bad for one."""
        token = a_token()
        google.behave = grants(exp=f"{int(time.time()) + lifetime}") if lifetime else says({}, 400)
        for moved in (0, seconds):
            clock.moved = timedelta(seconds=moved)
            bearing(trusting, token).get(TASKS)
        assert google.connections == 1 + is_asked_again
