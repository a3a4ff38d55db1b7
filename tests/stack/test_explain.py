"""Five failures on a real server, each explained from its request id alone."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

import flask_migrate
import pytest
from sqlalchemy import create_engine, text

from app import create_app
from app.cli import migrations
from app.config import Settings
from app.extensions import db
from app.observability import log_reader
from app.wiring import Services
from tests.stack.conftest import Served, serving

WITHIN: Final = 10.0
TASK: Final = "/v1/tasks/8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33"


@dataclass(frozen=True)
class Night:
    """A server, a user with every scope, and the database that tests break under it."""

    served: Served
    token: str
    database_url: str

    def call(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, dict[str, Any]]:
        """Return the status and the JSON of an answer."""
        fields = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        with closing(HTTPConnection("127.0.0.1", self.served.port, timeout=20)) as connection:
            sent = None if body is None else json.dumps(body)
            connection.request(method, path, sent, {**fields, **{k.replace("_", "-"): v for k, v in headers.items()}})
            answer = connection.getresponse()
            body_text = answer.read()
            return answer.status, json.loads(body_text) if body_text else {}

    def explained(self, request_id: str) -> Mapping[str, Any]:
        """Return the stored record of a request that has just failed."""
        deadline = time.monotonic() + WITHIN
        while time.monotonic() < deadline:
            status, document = self.call("GET", f"/v1/requests/{request_id}")
            if status == 200:
                (told,) = document["occurrences"]
                assert isinstance(told, dict)
                return told
            time.sleep(0.1)
        pytest.fail(f"{request_id} is not on record")


@pytest.fixture
def night(settings: Settings, make_database: Callable[[str], str], tmp_path: Path) -> Iterator[Night]:
    """Serve on a separate database."""
    own = replace(settings, database_url=make_database("night"), log_level="WARNING")
    app = create_app(own)
    migrations.bind(app)
    with app.app_context():
        flask_migrate.upgrade()
        db.engine.dispose()
    services: Services = app.extensions["app-services"]
    token = services.tokens.issue("root", scopes=["admin"], lifetime=timedelta(hours=1))
    with serving(own, tmp_path / "log", FAILURES_SAMPLE="1", LOG_LEVEL="INFO") as served:
        yield Night(served, token, own.database_url)


def test_five_failures_are_explained_from_their_ids_alone(night: Night) -> None:
    """The operator has the request id and ``flask explain``, and nothing else."""
    engine = create_engine(night.database_url)
    ids = [f"at-3-am-{number}" for number in range(5)]
    with engine.begin() as blocker:
        blocker.execute(text("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE"))
        assert night.call("GET", TASK, X_Request_Id=ids[0], Request_Timeout="0.3")[0] == 504
        assert night.call("PATCH", TASK, {"title": "x"}, X_Request_Id=ids[1])[0] == 503
    with engine.begin() as vandal:
        vandal.execute(text("ALTER TABLE tasks RENAME TO elsewhere"))
    assert night.call("GET", TASK, X_Request_Id=ids[2])[0] == 500
    assert night.call("POST", "/v1/tasks", {"task": {"tags": ["B"]}}, X_Request_Id=ids[3])[0] == 400
    assert night.call("GET", TASK, X_Request_Id=ids[4], Authorization="Bearer nonsense")[0] == 401
    told = [night.explained(request_id) for request_id in ids]
    assert [(each["code"], each["fault"], each["sqlstate"]) for each in told] == [
        ("DEADLINE_EXCEEDED", "client", told[0]["sqlstate"]),
        ("SERVICE_UNAVAILABLE", "capacity", "55P03"),
        ("INTERNAL_ERROR", "service", "42P01"),
        ("VALIDATION_FAILED", "client", None),
        ("INVALID_TOKEN", "client", None),
    ]
    assert told[0]["spent_ms"]["database"] > 250
    assert told[0]["facts"]["spent_in"] == "database"
    assert told[1]["causes"][-1]["type"] == "LockNotAvailable"
    assert told[2]["causes"][-1]["type"] == "UndefinedTable"
    assert told[3]["violations"] == ["title REQUIRED_FIELD", "tags[0] INVALID_TAG_FORMAT"]
    assert told[4]["facts"] == {"description": "The token is malformed"}
    assert all(each["client"] and each["operator"] for each in told)
    for request_id, each in zip(ids, told, strict=True):
        (logged,) = log_reader.occurrences(request_id, [night.served.log])
        assert {name: each[name] for name in ("code", "status", "duration_ms")} == {
            name: logged.fields[name] for name in ("code", "status", "duration_ms")
        }
    engine.dispose()
