"""Secrets that a test plants in requests are in no log, metric, debug output or failure record (real processes)."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest
from sqlalchemy import create_engine, text

from app.config import Settings
from deploy.local.free_ports import free_port
from tests.stack.checkout import wait_until
from tests.stack.conftest import Served, serving

PLANT: Final = "c4n4ry-7c1f9e"
TOKEN: Final = f"{PLANT}-of-the-debug-listener"
MALFORMED: Final = (
    f"{PLANT} / HTTP/1.1 {PLANT}\r\n\r\n",
    f"GET /?{PLANT} HTTP/1.1\r\nHost: x\r\n{PLANT} : x\r\n\r\n",
    f"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {PLANT}\r\n {PLANT}\r\n\r\n",
    f"POST /v1/tasks HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: {PLANT}\r\n\r\n",
    f"POST /v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Length: {PLANT}\r\n\r\n",
    f"GET /?{PLANT * 2000} HTTP/1.1\r\nHost: x\r\n\r\n",
    f"GET / HTTP/1.1\r\nHost: x\r\nCookie: {PLANT * 2000}\r\n\r\n",
)


@pytest.fixture
def port() -> int:
    """Return the port of the debug listener."""
    return free_port()


@pytest.fixture
def metrics() -> str:
    """Return the port of the metrics."""
    return f"http://127.0.0.1:{free_port()}/metrics"


@pytest.fixture
def watched(settings: Settings, tmp_path: Path, port: int, metrics: str) -> Iterator[Served]:
    """Serve with every output that could leak data, at its most verbose."""
    environment = {"DEBUG_TOKEN": TOKEN, "DEBUG_PORT": str(port), "FAILURES_SAMPLE": "1", "LOG_LEVEL": "DEBUG"}
    environment |= {"METRICS_PORT": str(urlsplit(metrics).port)}
    with serving(settings, tmp_path / "log", WEB_CONCURRENCY="1", **environment) as served:
        yield served


def sent(served: Served, method: str, path: str, body: str = "", **headers: str) -> int:
    """Send a request, and return the status."""
    with closing(HTTPConnection("127.0.0.1", served.port, timeout=20)) as connection:
        fields = {"Content-Type": "application/json", "Cookie": PLANT} | headers
        connection.request(method, path, body or None, fields)
        return connection.getresponse().status


def seen_inside(port: int) -> str:
    """Return all output of the debug listener."""
    told = ""
    for page in ("stacks", "vars", "profile?seconds=1&format=collapsed"):
        with closing(HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
            connection.request("GET", f"/debug/{page}", headers={"X-Debug-Token": TOKEN})
            answer = connection.getresponse()
            assert answer.status == 200
            told += answer.read().decode()
    return told


def recorded(settings: Settings) -> list[str]:
    """Return every record of a failed request."""
    engine = create_engine(settings.database_url)
    with engine.connect() as connection:
        rows = [str(row) for row in connection.execute(text("SELECT failures::text FROM failures")).scalars()]
    engine.dispose()
    return rows


def test_planted_secrets_of_requests_do_not_appear(
    watched: Served, port: int, metrics: str, settings: Settings, bearer: Callable[..., dict[str, str]]
) -> None:
    before = len(recorded(settings))
    alice = bearer("alice")
    statuses = [
        sent(watched, "GET", f"/v1/tasks?filter=title%3D{PLANT}&{PLANT}=1", **alice),
        sent(watched, "GET", "/v1/tasks", Authorization=f"Bearer {PLANT}"),
        sent(watched, "POST", "/v1/tasks", f'{{"task": {{"{PLANT}": 1, "title": ["{PLANT}"]}}}}', **alice),
        sent(watched, "POST", "/v1/tasks", f'{{"{PLANT}', **alice, **{"Idempotency-Key": PLANT}),
        sent(watched, "PUT", "/v1/logger", f'{{"level": "{PLANT}"}}', **bearer("root", "admin")),
    ]
    assert statuses == [400, 401, 400, 400, 400]
    rejections = [watched.raw(request.encode()) for request in MALFORMED]
    assert {int(answer[9:12]) for answer in rejections} == {400, 414, 431, 501}
    wait_until(lambda: len(recorded(settings)) > before, 10)
    lines = watched.log.read_text().splitlines()
    told = [line for line in lines if json.loads(line)["logger"] == "candor.errors"]
    assert len(told) == len(statuses) + len(MALFORMED)
    assert [line for line in lines if PLANT in line] == []
    assert PLANT not in seen_inside(port)
    with urllib.request.urlopen(metrics, timeout=10) as answer:
        measured = answer.read().decode()
    assert 'code="VALIDATION_FAILED"' in measured
    assert PLANT not in measured
    assert [row for row in recorded(settings) if PLANT in row] == []
