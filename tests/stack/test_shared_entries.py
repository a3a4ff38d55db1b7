"""What a flood of requests that no limit bounds costs the log, on a real gunicorn."""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

import pytest

from app.config import Settings
from tests.stack.checkout import wait_until
from tests.stack.conftest import Served, serving

COUNT = 400


@pytest.fixture(scope="module")
def limited(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve with one worker that lets one request an hour in."""
    log = tmp_path_factory.mktemp("limited") / "log"
    with serving(settings, log, WEB_CONCURRENCY="1", RATE_LIMIT="1 per hour") as served:
        yield served


def entries(served: Served, code: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the entries of errors with this code, and those of access."""
    found = [json.loads(line) for line in served.log.read_text().splitlines() if line.startswith("{")]
    errors = [each for each in found if each["logger"] == "candor.errors" and each["code"] == code]
    return errors, [
        each for each in found if each["logger"] == "candor.access" and each["status"] in {400, 404, 405, 429}
    ]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "ROUTE_NOT_FOUND"),
        ("PUT", "/v1/tasks", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/v1/nothing#fragment", 400, "MALFORMED_REQUEST"),
        ("GET", "/v1/tasks", 429, "RATE_LIMIT_EXCEEDED"),
    ],
)
def test_those_of_a_second_and_an_address_share_an_entry(
    limited: Served, method: str, path: str, status: int, code: str
) -> None:
    if status == 429:
        with closing(HTTPConnection("127.0.0.1", limited.port, timeout=20)) as connection:
            connection.request("GET", "/")
            connection.getresponse().read()
    _, before = entries(limited, code)
    began, ids = time.monotonic(), []
    with closing(HTTPConnection("127.0.0.1", limited.port, timeout=20)) as connection:
        for _ in range(COUNT):
            connection.request(method, path)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == status
            ids.append(answer.headers["X-Request-Id"])
    seconds = time.monotonic() - began

    def accounted() -> int:
        return sum(each.get("count", 1) for each in entries(limited, code)[0])

    wait_until(lambda: accounted() == COUNT, 10)
    errors, access = entries(limited, code)
    access = access[len(before) :]
    assert len(errors) <= 2 * (seconds + 2)
    assert [each["request_id"] for each in access] == ids, "each request has its access entry"
    own = {each["request_id"] for each in errors if "count" not in each}
    assert all(each.get("code") == (None if each["request_id"] in own else code) for each in access)
    for each in errors:
        if "count" in each:
            assert each["level"] == "WARNING"
            assert each["request_id"] in own, "the entry of the first has the cause"
            assert set(each["request_ids"]) < set(ids)
            assert len(each["request_ids"]) == min(5, each["count"])
        else:
            assert each["causes"]
