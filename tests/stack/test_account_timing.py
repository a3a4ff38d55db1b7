"""Response times do not reveal whether an address has an account. Takes minutes; part of ``make soak``."""

import json
import logging
import math
import random
import statistics
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from itertools import count
from typing import Final
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text

from app.config import Settings
from app.models.common_passwords import Acceptable
from app.models.passwords import Argon2Passwords
from tests.api.accounts import PASSWORD
from tests.stack.conftest import Served, serving
from tests.stack.deployment import SCALE

pytestmark = pytest.mark.skipif(SCALE < 10, reason="takes minutes: make soak")

SAMPLES: Final = 500
TRIES: Final = 10
"""Attempts for one account: the service rejects more."""
NEAR: Final = 0.05
"""The share by which medians may differ without being a finding."""
LIKELY, SURE = 0.01, 0.001
"""Probabilities of the samples without a difference: with seven pairs, the first one occurs now and then by chance."""
WRONG: Final = "not the password"
HUGE: Final = "x" * 16_000
"""Almost as long as the largest body of a login."""
PATHS: Final = ("/v1/users", "/v1/users:requestPasswordReset")
_numbers: Final = count()


@pytest.fixture(scope="module")
def served(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve with one worker and without limits per address."""
    many = "1000000 per hour"
    log = tmp_path_factory.mktemp("timed") / "log"
    limits = {"TOKEN_RATE_LIMIT": many, "REGISTRATION_RATE_LIMIT": many, "WEB_CONCURRENCY": "1"}
    with serving(settings, log, **limits) as served:
        yield served


@pytest.fixture(scope="module")
def addresses(settings: Settings) -> Iterator[dict[str, list[str]]]:
    """Return addresses of every kind, for the same number of attempts."""
    kinds = ("unknown", "known", "disabled", "unverified", *PATHS)
    made = {kind: [f"{next(_numbers)}@timed.test" for _ in range(SAMPLES)] for kind in kinds}
    kept, engine = Argon2Passwords().hash(Acceptable(PASSWORD)), create_engine(settings.database_url)
    user = text(
        "INSERT INTO users (id, name, email, password_hash, scopes, is_disabled, create_time, update_time, version)"
        " VALUES (:id, 'A', :email, :kept, '{tasks}', :is_disabled, now(), now(), 1)"
    )
    registration = text(
        "INSERT INTO registrations (id, email, name, token_digest, expire_time)"
        " VALUES (:id, :email, 'A', decode(md5(:email), 'hex'), now() + interval '3 days')"
    )
    with engine.begin() as connection:
        for kind in kinds[1:]:
            shared = {} if kind == "unverified" else {"kept": kept, "is_disabled": kind == "disabled"}
            rows = [{"id": uuid4(), "email": email, **shared} for email in made[kind]]
            connection.execute(registration if kind == "unverified" else user, rows)
    yield made
    with engine.begin() as connection:
        for table in ("users", "registrations", "jobs"):
            connection.execute(text(f"DELETE FROM {table}"))
    engine.dispose()


class Stopwatch:
    """Sends requests on one connection, and measures the time of each answer."""

    def __init__(self, connection: HTTPConnection) -> None:
        self._connection = connection

    def seconds(self, path: str, body: dict[str, str], status: int) -> float:
        """Return the seconds until the answer."""
        sent = json.dumps(body).encode()
        began = time.perf_counter()
        self._connection.request("POST", path, sent, {"Content-Type": "application/json"})
        response = self._connection.getresponse()
        response.read()
        taken = time.perf_counter() - began
        assert response.status == status
        return taken


@pytest.fixture
def watch(served: Served) -> Iterator[Stopwatch]:
    """Return a stopwatch with its own connection."""
    with closing(HTTPConnection("127.0.0.1", served.port, timeout=30)) as connection:
        yield Stopwatch(connection)


def probability(one: list[float], other: list[float]) -> float:
    """Return the probability of such samples from one distribution (Mann and Whitney, 1947; normal approximation)."""
    ranked = sorted([(each, True) for each in one] + [(each, False) for each in other])
    ranks = sum(rank for rank, (_, is_one) in enumerate(ranked, 1) if is_one)
    n, m = len(one), len(other)
    u = ranks - n * (n + 1) / 2
    z = (u - n * m / 2) / math.sqrt(n * m * (n + m + 1) / 12)
    return math.erfc(abs(z) / math.sqrt(2))


def compared(taken: dict[str, list[float]], *pairs: tuple[str, str]) -> None:
    """Print the samples of each pair, and fail for pairs that differ."""
    apart = []
    for one, other in pairs:
        medians = [statistics.median(taken[each]) for each in (one, other)]
        share, chance = medians[1] / medians[0] - 1, probability(taken[one], taken[other])
        seen = f"{one} {medians[0] * 1000:.2f} ms, {other} {medians[1] * 1000:.2f} ms: {share:+.2%}, p {chance:.3f}"
        logging.getLogger("drill").warning("%s", seen)
        if chance < (LIKELY if abs(share) > NEAR else SURE):
            apart.append(seen)
    assert apart == []


def in_any_order(*kinds: str) -> list[str]:
    """Return each kind as often as there are samples, mixed so that other load affects all kinds alike."""
    drawn = [kind for kind in kinds for _ in range(SAMPLES)]
    random.shuffle(drawn)
    return drawn


def test_logging_in(watch: Stopwatch, addresses: dict[str, list[str]]) -> None:
    """Unknown, known, disabled and not activated accounts, with a wrong, an empty and a huge password."""
    tries = {kind: iter([email for email in emails for _ in range(TRIES)]) for kind, emails in addresses.items()}
    passwords = {"wrong": WRONG, "empty": "", "huge": HUGE}
    kinds = {f"{kind}, {password}": (kind, password) for kind in ("unknown", "known") for password in passwords}
    kinds |= {f"{kind}, wrong": (kind, "wrong") for kind in ("disabled", "unverified")}
    taken: dict[str, list[float]] = {name: [] for name in kinds}
    for name in in_any_order(*kinds):
        kind, password = kinds[name]
        body = {"email": next(tries[kind]), "password": passwords[password]}
        taken[name].append(watch.seconds("/v1/tokens", body, 401))
    others = [("unknown, wrong", f"{kind}, wrong") for kind in ("known", "disabled", "unverified")]
    compared(taken, *others, *((f"unknown, {each}", f"known, {each}") for each in ("empty", "huge")))


@pytest.mark.parametrize("path", PATHS)
def test_requesting_an_email(watch: Stopwatch, addresses: dict[str, list[str]], path: str) -> None:
    """Registration and password reset, for an address with an account and for one without."""
    taken: dict[str, list[float]] = {"unknown": [], "known": []}
    known = iter(addresses[path])
    for kind in in_any_order(*taken):
        email = f"{next(_numbers)}@timed.test" if kind == "unknown" else next(known)
        body = {"email": email} | ({"name": "A"} if path == "/v1/users" else {})
        taken[kind].append(watch.seconds(path, body, 202))
    compared(taken, ("unknown", "known"))
