"""Every worker of every instance rejects a revoked session within 5 seconds, even when Redis loses its data.

Each worker accepts tokens of other issuers from its first request on.
"""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

import pytest
from flask import Flask
from sqlalchemy import create_engine, text

from app.config import Settings
from tests.api.accounts import PASSWORD, an_address
from tests.fakes.issuer import AUDIENCE, Issuer
from tests.fakes.remote import Remote, answers
from tests.stack.checkout import wait_until
from tests.stack.conftest import Served, serving
from tests.stack.redis_server import Redis

WITHIN: Final = 5.0
OTHER: Final = Issuer()
TRIES: Final = 12
"""Connections, enough for every worker to get some."""


@pytest.fixture
def redis() -> Iterator[Redis]:
    """Return the Redis in which the instances share their limits."""
    redis = Redis()
    with redis.server:
        yield redis


@pytest.fixture
def issuers(tmp_path: Path) -> Iterator[Path]:
    """Return a file that names another issuer, which publishes its keys."""
    remote, path = Remote(answers(OTHER.jwks())), tmp_path / "issuers.toml"
    path.write_text(f'["{OTHER.url}"]\njwks_url = "{remote.url}"\naudience = "{AUDIENCE}"\n')
    yield path
    remote.close()


@pytest.fixture
def instances(settings: Settings, redis: Redis, issuers: Path, tmp_path: Path) -> Iterator[list[Served]]:
    """Serve two instances with two workers each; no account is left behind."""
    environment = {"WEB_CONCURRENCY": "2", "REDIS_URL": redis.url, "TOKEN_RATE_LIMIT": "1000 per second"}
    environment["ISSUERS"] = str(issuers)
    with ExitStack() as stack:
        yield [stack.enter_context(serving(settings, tmp_path / name, **environment)) for name in "ab"]
    engine = create_engine(settings.database_url)
    with engine.begin() as connection:
        for table in ("users", "registrations", "jobs", "revoked_tokens"):
            connection.execute(text(f"DELETE FROM {table}"))
    engine.dispose()


@pytest.fixture
def email(app: Flask, settings: Settings) -> str:
    """Return the address of a user with an account."""
    address = an_address()
    body = {"name": "Alice", "email": address}
    assert app.test_client().post("/v1/users", json=body).status_code == 202
    engine = create_engine(settings.database_url)
    with engine.connect() as connection:
        query = text("SELECT payload->>'token' FROM jobs WHERE payload->>'to' = :to")
        token = connection.execute(query, {"to": address}).scalar_one()
    engine.dispose()
    activation = {"token": token, "password": PASSWORD}
    assert app.test_client().post("/v1/users:activate", json=activation).status_code == 200
    return address


def post(served: Served, path: str, body: dict[str, str]) -> Any:
    """Return the response to a POST."""
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(served.url + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def statuses(instances: list[Served], access_token: str) -> set[int]:
    """Return every worker's status for an access token."""
    seen = set()
    for served in instances:
        for _ in range(TRIES):
            connection = HTTPConnection("127.0.0.1", served.port, timeout=10)
            connection.request("GET", "/v1/users/me", headers={"Authorization": f"Bearer {access_token}"})
            seen.add(connection.getresponse().status)
            connection.close()
    return seen


def test_everywhere_within_five_seconds_without_redis(
    app: Flask, instances: list[Served], redis: Redis, email: str
) -> None:
    """By the holder of the session, or by an admin who disables the account."""
    assert statuses(instances, OTHER.token()) == {403}, "known, and without the scope"
    sessions = [post(instances[0], "/v1/tokens", {"email": email, "password": PASSWORD}) for _ in range(2)]
    first, second = (each["access_token"] for each in sessions)
    assert statuses(instances, first) == statuses(instances, second) == {200}
    post(instances[0], "/v1/tokens:revoke", {"token": sessions[0]["refresh_token"]})
    wait_until(lambda: statuses(instances, first) == {401}, WITHIN)
    with redis.flushed():
        assert statuses(instances, first) == {401}
    assert statuses(instances, second) == {200}
    with app.app_context():
        app.extensions["app-services"].users.disable(email)
    wait_until(lambda: statuses(instances, second) == {401}, WITHIN)
    with redis.flushed():
        assert statuses(instances, first) == statuses(instances, second) == {401}
