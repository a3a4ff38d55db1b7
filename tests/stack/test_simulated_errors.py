"""``Simulate-Error`` behind gunicorn: in production, across workers, and with requests that need the slots (C25b)."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest

from app.config import Settings
from deploy.local.free_ports import free_port
from tests.scrape import scraped
from tests.stack.conftest import ROOT, Served, serving
from tests.stack.redis_server import Redis
from tests.stack.test_boot import PRODUCTION

TASKS: Final = "/v1/tasks"
IN_PRODUCTION: Final = {
    **PRODUCTION,
    "FAULTS_ON_DEMAND": "true",
    "FAULTS_ON_DEMAND_IN_PRODUCTION": "true",
}
ABSENT: Final = "8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33"
REFUSAL: Final = (
    "  - FAULTS_ON_DEMAND must be false in production unless FAULTS_ON_DEMAND_IN_PRODUCTION is true: "
    "callers could make their requests fail with any error.\n"
)


def call(served: Served, token: str, value: str | None, path: str = TASKS) -> tuple[int, dict[str, Any], float]:
    """Return status, document and seconds of the response."""
    fields = {"Authorization": f"Bearer {token}", "Connection": "close"}
    request = urllib.request.Request(served.url + path, headers=fields | ({"Simulate-Error": value} if value else {}))
    began = time.monotonic()
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            status, body = answer.status, answer.read()
    except urllib.error.HTTPError as failure:
        status, body = failure.code, failure.read()
    return status, json.loads(body), time.monotonic() - began


def lines(served: Served, logger: str) -> list[dict[str, Any]]:
    """Return the log entries of a logger."""
    entries = [json.loads(line) for line in served.log.read_text().splitlines() if line.startswith("{")]
    return [each for each in entries if each["logger"] == logger]


def test_production_does_not_start_with_it_alone(settings: Settings) -> None:
    environ = {**PRODUCTION, "DATABASE_URL": settings.database_url, "JWT_SECRET": settings.jwt_secret}
    command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | environ | {"FAULTS_ON_DEMAND": "true", "PORT": str(free_port())},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert REFUSAL in done.stdout + done.stderr


def test_production_ignores_it_unless_both_settings_are_true(
    settings: Settings, tmp_path: Path, token: Callable[..., str]
) -> None:
    with serving(settings, tmp_path / "log", **PRODUCTION) as served:
        assert call(served, token(), "SERVICE_UNAVAILABLE")[0] == 200
        assert lines(served, "candor.start")[0]["simulates_errors"] is False


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    """Return the Redis that two workers share."""
    redis = Redis()
    with redis.server:
        yield redis


@pytest.fixture(scope="module")
def allowed(settings: Settings, redis: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, int]]:
    """Serve in production with both settings, by two workers with one slot each; return the port of the metrics too."""
    port = free_port()
    environment = {
        **IN_PRODUCTION,
        "DATABASE_POOL_SIZE": "2",
        "METRICS_PORT": str(port),
        "REDIS_URL": redis.url,
        "WEB_CONCURRENCY": "2",
    }
    with serving(settings, tmp_path_factory.mktemp("simulated") / "log", **environment) as served:
        yield served, port


def test_the_start_logs_that_simulation_is_on(allowed: tuple[Served, int]) -> None:
    entries = lines(allowed[0], "candor.start")
    assert entries[0]["simulates_errors"] is True
    assert any(each["message"].startswith("FAULTS_ON_DEMAND_IN_PRODUCTION is true") for each in entries)


def test_a_series_counts_across_workers(allowed: tuple[Served, int], token: Callable[..., str]) -> None:
    served, _ = allowed
    one = token("of-two-workers")
    statuses = [call(served, one, "SERVICE_UNAVAILABLE; after=6")[0] for _ in range(12)]
    assert statuses == [200] * 6 + [503] * 6


def test_a_delay_holds_a_slot_like_any_request(allowed: tuple[Served, int], token: Callable[..., str]) -> None:
    """Eight at once on two slots: those without a slot get a real 503; requests that need no slot are answered."""
    served, port = allowed
    before = scraped(port)
    with ThreadPoolExecutor(9) as pool:
        slow = [pool.submit(call, served, token(), "INVALID_FILTER; delay=2") for _ in range(8)]
        time.sleep(0.5)
        status, _, seconds = pool.submit(call, served, token(), None, "/healthz").result()
        assert (status, seconds < 2) == (200, True)
    answers = [each.result() for each in slow]
    codes = [document["code"] for _, document, _ in answers]
    assert set(codes) == {"INVALID_FILTER", "SERVICE_UNAVAILABLE"}
    assert all(seconds >= 2 for _, document, seconds in answers if document["code"] == "INVALID_FILTER")
    after = scraped(port)

    def grown(name: str, **labels: str) -> float:
        return after.total(name, **labels) - before.total(name, **labels)

    assert grown("simulated_errors_total", code="INVALID_FILTER") == codes.count("INVALID_FILTER")
    assert grown("errors_total", code="INVALID_FILTER") == 0
    assert grown("errors_total", code="SERVICE_UNAVAILABLE") == codes.count("SERVICE_UNAVAILABLE")
    requests = grown("http_request_duration_seconds_count", route=TASKS)
    assert requests == codes.count("SERVICE_UNAVAILABLE")


def test_a_delay_ends_with_the_budget(settings: Settings, tmp_path: Path, token: Callable[..., str]) -> None:
    with serving(settings, tmp_path / "log", REQUEST_TIMEOUT="0.5") as served:
        status, document, seconds = call(served, token(), "TASK_NOT_FOUND; delay=60", f"{TASKS}/{ABSENT}")
    assert (status, document["code"], document["spent_in"]) == (504, "DEADLINE_EXCEEDED", "simulation")
    assert 0.5 <= seconds < 10


def test_no_stack_and_no_error_is_logged(allowed: tuple[Served, int], token: Callable[..., str]) -> None:
    served, _ = allowed
    assert call(served, token(), "INTERNAL_ERROR")[0] == 500
    until, found = time.monotonic() + 10, list[dict[str, Any]]()
    while not found and time.monotonic() < until:
        found = [each for each in lines(served, "candor.errors") if each["code"] == "INTERNAL_ERROR"]
    (error,) = found
    assert (error["level"], error["simulated"], "stack" in error) == ("WARNING", True, False)
