"""Callers of the API, the log of the service, and a movable clock."""

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import QueuePool, create_engine, text
from werkzeug.test import TestResponse

from app.config import Settings
from app.extensions import db
from app.observability import metrics
from app.observability.logs import JsonFormatter
from app.wiring import wire
from tests.api.caller import Caller
from tests.api.forge import Forge
from tests.api.limited import Get, Make, Statuses

Bearer = Callable[..., dict[str, str]]
IDLE = text(
    "SELECT pid, query FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'candor'"
    " AND state LIKE 'idle in transaction%'"
)


@pytest.fixture(autouse=True)
def no_active_request(app: Flask) -> Iterator[None]:
    """Assert after each test that no active request, checked-out connection or work slot remains."""
    yield
    with app.app_context():
        pool = db.engine.pool
    assert isinstance(pool, QueuePool)
    gauges = (metrics.IN_FLIGHT, metrics.POOL_IN_USE, metrics.SLOTS_IN_USE)
    left = {family.name: sample.value for gauge in gauges for family in gauge.collect() for sample in family.samples}
    assert (pool.checkedout(), *left.values()) == (0, 0, 0, 0), left


@pytest.fixture(autouse=True, scope="module")
def no_open_transaction(settings: Settings) -> Iterator[None]:
    """Assert after each module that no database session of the service is idle in a transaction."""
    yield
    engine = create_engine(settings.database_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        assert connection.execute(IDLE).all() == []
    engine.dispose()


@pytest.fixture
def alice(client: FlaskClient, bearer: Bearer) -> Caller:
    """Return a caller with the scope of tasks."""
    return Caller(client, bearer("alice"))


@pytest.fixture
def bob(client: FlaskClient, bearer: Bearer) -> Caller:
    """Return another caller with the scope of tasks."""
    return Caller(client, bearer("bob"))


@pytest.fixture
def admin(client: FlaskClient, bearer: Bearer) -> Caller:
    """Return a caller with all scopes."""
    return Caller(client, bearer("root", "admin"))


@pytest.fixture
def unauthenticated(client: FlaskClient) -> Caller:
    """Return a caller without credentials."""
    return Caller(client, {})


@pytest.fixture
def path(created: TestResponse) -> str:
    """Return the path of the created resource; each resource has its own fixture of this name."""
    return created.headers["Location"]


@pytest.fixture
def tag(created: TestResponse) -> str:
    """Return the entity tag of the created resource."""
    return created.headers["ETag"]


@dataclass
class Log:
    """The log entries of the service, each a line of the stream."""

    lines: list[str] = field(default_factory=list)

    def of(self, logger: str) -> list[dict[str, Any]]:
        """Return the entries of one logger; every entry is one JSON object."""
        assert all("\n" not in line and "\r" not in line for line in self.lines)
        return [line for line in map(json.loads, self.lines) if line["logger"] == logger]

    @property
    def access(self) -> list[dict[str, Any]]:
        """The entries of finished requests."""
        return self.of("candor.access")

    @property
    def errors(self) -> list[dict[str, Any]]:
        """The entries of errors."""
        return self.of("candor.errors")


@pytest.fixture
def log() -> Iterator[Log]:
    """Return the log of the service during the test, in the format of production."""
    kept, log_folder = Log(), logging.getLogger("candor")

    class Keeping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            kept.lines.append(self.format(record))

    handler = Keeping()
    handler.setFormatter(JsonFormatter())
    log_folder.addHandler(handler)
    log_folder.setLevel(logging.INFO)
    yield kept
    log_folder.removeHandler(handler)
    log_folder.setLevel(logging.NOTSET)


@dataclass
class MovableClock:
    """The machine's clock with an offset."""

    moved: timedelta = timedelta()

    def now(self) -> datetime:
        """Return the present moment of this clock."""
        return datetime.now(UTC) + self.moved


@pytest.fixture
def clock() -> MovableClock:
    """Return a movable clock."""
    return MovableClock()


@pytest.fixture(scope="session")
def other_application(make_application: Callable[..., Flask]) -> Flask:
    """Return a second application on the same database."""
    return make_application()


@pytest.fixture
def timed(client: FlaskClient, other_application: Flask, settings: Settings, clock: MovableClock) -> Caller:
    """Return a caller of an application that uses the movable clock."""
    with other_application.app_context():
        engine = db.engine
    wired = other_application.extensions["app-services"] = wire(settings, db.session, lambda: engine, clock)
    token = wired.tokens.issue("alice", scopes=["tasks"], lifetime=timedelta(days=400))
    return Caller(other_application.test_client(), {"Authorization": f"Bearer {token}"})


@pytest.fixture
def forge(settings: Settings) -> Forge:
    """Return a forge with the secret of the service."""
    return Forge(settings.jwt_secret)


@pytest.fixture
def make(make_application: Make) -> Make:
    """Return a maker of applications: ``make({"RATELIMIT_DEFAULT": "3 per minute"}, rate_limit="5 per hour")``."""
    return lambda config=None, **settings: make_application(config=config, **settings)


@pytest.fixture
def get(bearer: Bearer) -> Get:
    """Return a sender of requests with a token."""

    def send(
        application: Flask, path: str, *, peer: str = "192.0.2.1", method: str = "GET", **options: Any
    ) -> TestResponse:
        headers, environ = bearer() | options.pop("headers", {}), {"REMOTE_ADDR": peer}
        return application.test_client().open(
            path, method=method, headers=headers, environ_overrides=environ, **options
        )

    return send


@pytest.fixture
def statuses(get: Get) -> Statuses:
    """Return a sender of several requests, which returns their statuses."""

    def send(application: Flask, path: str, times: int, **options: Any) -> list[int]:
        found = []
        for _ in range(times):
            response = get(application, path, **options)
            response.close()
            found.append(response.status_code)
        return found

    return send
