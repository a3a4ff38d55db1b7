"""Two real instances, and a network between them that is slow, cuts off, lies and ends (3.5 for remotes)."""

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
from tests.api.accounts import an_address, join
from tests.api.caller import Caller
from tests.fakes import remote as fake
from tests.fakes.remote import Behaviour, Remote, answers, carries
from tests.stack.checkout import wait_until
from tests.stack.conftest import Served, free_port, serving

SECRET: Final = b"<h1>what only the other side knows</h1>"
TRIES: Final = 5
GOOD: Final = 6
"""Good calls before each bad one, so that the breaker, which counts, is not the one that answers."""
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
"""What a caller sees: why an answer is degraded, or, where there is no copy of the user, the error."""


def fault(name: str, port: int) -> Behaviour:
    """Return a network before this port with this fault."""
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
    """An instance, the network before the other, and that one."""

    first: Served
    network: Remote
    second: Served
    user: dict[str, Any]
    bearer: Callable[..., dict[str, str]]

    def mend(self) -> None:
        """Have the network carry everything."""
        self.network.behave = carries(self.second.port)

    def is_whole(self) -> bool:
        """Tell whether the user's profile is all it can be."""
        status, _, degraded = self.profile()
        return status == 200 and not degraded

    def profile(self, subject: str = "", **headers: str) -> tuple[int, dict[str, Any], str]:
        """Return the status, the document, and the field Degraded: for an admin of this name, or for the user."""
        token = self.bearer(subject, "admin") if subject else self.bearer(self.user["id"], "")
        return profile(self.first, self.user, {**token, **headers})


def profile(served: Served, user: dict[str, Any], headers: dict[str, str]) -> tuple[int, dict[str, Any], str]:
    """Ask for a profile."""
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
    pair.mend()
    wait_until(pair.is_whole, 10)
    status, document, _ = pair.profile(**{"X-Request-Id": "through-both-logs"})
    assert (status, document["user"]) == (200, pair.user)
    for served in (pair.first, pair.second):
        wait_until(lambda served=served: "through-both-logs" in served.log.read_text(), 5)  # type: ignore[misc]


@pytest.mark.parametrize("name", SEES)
def test_what_the_caller_sees(pair: Pair, name: str) -> None:
    """C26: whoever has seen the user sees a copy, whoever has not is told what is wrong."""
    reason, status, code = SEES[name]
    expected = (200, f"user;reason={reason}, preferences;reason={reason}", status, code)
    subjects = (f"admin-{name}-{number}" for number in range(TRIES))
    wait_until(lambda: seen(pair, name, next(subjects)) == expected, 30)


def seen(pair: Pair, name: str, subject: str) -> tuple[int, str, int, str]:
    """Return what those see, once a fault has come, who have seen the user before, and who have not.

    A busy machine is late by itself now and then.
    """
    pair.mend()
    for _ in range(GOOD):
        wait_until(pair.is_whole, 10)
    pair.network.behave = fault(name, pair.second.port)
    with ThreadPoolExecutor(2) as pool:
        known, unknown = pool.map(pair.profile, ("", subject))
    assert known[1]["user"] == pair.user
    assert b"only the other side" not in json.dumps([known, unknown]).encode()
    return known[0], known[2], unknown[0], unknown[1].get("code", "")


def test_the_dead_are_left_alone(pair: Pair) -> None:
    """One probe at most, however many ask. That it recovers by one, the tests of the API show, and the demo."""
    pair.mend()
    wait_until(pair.is_whole, 10)
    pair.network.behave = fake.resets
    open_at = "user;reason=breaker-open, preferences;reason=breaker-open"
    wait_until(lambda: pair.profile()[2] == open_at, 20)
    asked = pair.network.connections
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: pair.profile(), range(40)))
    assert {(status, degraded) for status, _, degraded in answers} == {(200, open_at)}
    assert pair.network.connections - asked <= 1
    assert '"breaker":"users"' in pair.first.log.read_text()


@pytest.mark.nightly
def test_an_instance_that_asks_itself_answers(
    settings: Settings, pair: Pair, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """C23, C23a: what it asks itself for is no profile, so that there is no loop; and its work slots are bounded."""
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
