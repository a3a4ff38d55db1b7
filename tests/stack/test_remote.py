"""Two real instances, and a network between them that is slow, interrupts, corrupts and fails."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any, Final

import pytest
from flask import Flask

from app.config import Settings
from deploy.local.free_ports import free_port
from tests.api.accounts import an_address, join
from tests.api.caller import Caller
from tests.fakes import remote as fake
from tests.fakes.remote import Behaviour, Remote, answers, carries
from tests.stack.checkout import wait_until
from tests.stack.conftest import Served, serving

SECRET: Final = b"<h1>what only the other side knows</h1>"
TRIES: Final = 5
GOOD: Final = 6
"""Successful calls before each failed one, enough for the circuit breaker to stay closed."""
SEES: Final = {
    "late": ("timed-out", 504, "DEADLINE_EXCEEDED"),
    "black hole": ("timed-out", 504, "DEADLINE_EXCEEDED"),
    "byte by byte": ("timed-out", 504, "DEADLINE_EXCEEDED"),
    "reset": ("unreachable", 503, "SERVICE_UNAVAILABLE"),
    "half": ("no-usable-answer", 502, "EXTERNAL_SERVICE_ERROR"),
    "hung up": ("no-usable-answer", 502, "EXTERNAL_SERVICE_ERROR"),
    "garbage": ("no-usable-answer", 502, "EXTERNAL_SERVICE_ERROR"),
    "another type": ("no-usable-answer", 502, "EXTERNAL_SERVICE_ERROR"),
    "html 503": ("no-usable-answer", 502, "EXTERNAL_SERVICE_ERROR"),
}
"""The caller's view: the reason of a degraded response, or the error where there is no copy of the user."""


def fault(name: str, port: int) -> Behaviour:
    """Return a network in front of this port with this fault."""
    return {
        "late": carries(port, fake.late(2)),
        "black hole": fake.is_silent,
        "byte by byte": carries(port, fake.byte_by_byte),
        "reset": fake.resets,
        "half": carries(port, fake.half),
        "hung up": fake.disconnects,
        "garbage": fake.sends(bytes(range(256)) * 4),
        "another type": carries(port, fake.as_html),
        "html 503": answers(SECRET, 503, "text/html"),
    }[name]


@dataclass(frozen=True)
class Pair:
    """An instance, the network in front of the other instance, and that instance."""

    first: Served
    network: Remote
    second: Served
    user: dict[str, Any]
    bearer: Callable[..., dict[str, str]]

    def recover(self) -> None:
        """Remove the fault from the network."""
        self.network.behave = carries(self.second.port)

    def is_whole(self) -> bool:
        """Return True if the user's profile is complete."""
        status, _, degraded = self.profile()
        return status == 200 and not degraded

    def profile(self, subject: str = "", **headers: str) -> tuple[int, dict[str, Any], str]:
        """Return the status, the document, and the field Degraded, for an admin of this name, or for the user."""
        token = self.bearer(subject, "admin") if subject else self.bearer(self.user["id"], "")
        return profile(self.first, self.user, {**token, **headers})


def profile(served: Served, user: dict[str, Any], headers: dict[str, str]) -> tuple[int, dict[str, Any], str]:
    """Request a profile."""
    with closing(HTTPConnection("127.0.0.1", served.port, timeout=30)) as connection:
        connection.request("GET", f"/v1/users/{user['id']}/profile", headers=headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"{}"), answer.headers.get("Degraded", "")


@pytest.fixture(scope="module")
def pair(
    settings: Settings,
    app: Flask,
    bearer: Callable[..., dict[str, str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Pair]:
    """Serve two instances with one worker each."""
    home = tmp_path_factory.mktemp("remote")
    with serving(settings, home / "second", WEB_CONCURRENCY="1") as second:
        network = Remote(carries(second.port))
        urls = {"USERS_URL": network.url, "PREFERENCES_URL": network.url}
        with serving(settings, home / "first", WEB_CONCURRENCY="1", **urls) as first:
            user = join(Caller(app.test_client(), {}), app, an_address())
            yield Pair(first, network, second, user, bearer)
        network.close()


def test_a_profile_comes_through(pair: Pair) -> None:
    """C16: with one request id in both logs."""
    pair.recover()
    wait_until(pair.is_whole, 10)
    status, document, _ = pair.profile(**{"X-Request-Id": "through-both-logs"})
    assert (status, document["user"]) == (200, pair.user)
    for served in (pair.first, pair.second):
        wait_until(lambda served=served: "through-both-logs" in served.log.read_text(), 5)  # type: ignore[misc]


@pytest.mark.parametrize("name", SEES)
def test_the_responses_during_a_fault(pair: Pair, name: str) -> None:
    """C26: a caller who has seen the user gets a copy, another caller gets an error."""
    reason, status, code = SEES[name]
    expected = (200, f"user;reason={reason}, preferences;reason={reason}", status, code)
    subjects = (f"admin-{name}-{number}" for number in range(TRIES))
    wait_until(lambda: seen(pair, name, next(subjects)) == expected, 30)


def seen(pair: Pair, name: str, subject: str) -> tuple[int, str, int, str]:
    """Return the responses after a fault, for callers who have seen the user before and for callers who have not.

    A busy machine is occasionally late by itself.
    """
    pair.recover()
    for _ in range(GOOD):
        wait_until(pair.is_whole, 10)
    pair.network.behave = fault(name, pair.second.port)
    with ThreadPoolExecutor(2) as pool:
        known, unknown = pool.map(pair.profile, ("", subject))
    assert known[1]["user"] == pair.user
    assert b"only the other side" not in json.dumps([known, unknown]).encode()
    return known[0], known[2], unknown[0], unknown[1].get("code", "")


def test_an_unreachable_instance_gets_one_probe(pair: Pair) -> None:
    """One probe at most, for any number of callers. Tests of the API and the demo show that one probe recovers it."""
    pair.recover()
    wait_until(pair.is_whole, 10)
    pair.network.behave = fake.resets
    open_at = "user;reason=breaker-open, preferences;reason=breaker-open"
    wait_until(lambda: pair.profile()[2] == open_at, 20)
    connections_before = pair.network.connections
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: pair.profile(), range(40)))
    assert {(status, degraded) for status, _, degraded in answers} == {(200, open_at)}
    assert pair.network.connections - connections_before <= 1
    assert '"breaker":"users"' in pair.first.log.read_text()


@pytest.mark.nightly
def test_an_instance_that_calls_itself_answers(
    settings: Settings, pair: Pair, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """C23, C23a: a call to itself does not request a profile, therefore there is no loop, and its slots are bounded."""
    port = free_port()
    urls = {"USERS_URL": f"http://127.0.0.1:{port}", "PREFERENCES_URL": f"http://127.0.0.1:{port}"}
    log = tmp_path_factory.mktemp("itself") / "log"
    with serving(settings, log, WEB_CONCURRENCY="1", PORT=str(port), **urls) as itself:
        me = pair.bearer(pair.user["id"], "")
        wait_until(lambda: profile(itself, pair.user, me)[1].get("degraded") is False, 10)
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: profile(itself, pair.user, me)[0], range(32)))
        assert {*answers} <= {200, 503, 504}
        wait_until(lambda: profile(itself, pair.user, me)[0] == 200, 10)
