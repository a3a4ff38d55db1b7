"""A log level that one worker sets is in force in all workers of every instance."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from app.config import Settings
from tests.stack.checkout import wait_until
from tests.stack.conftest import IN_FORCE_WITHIN, Served, serving

REQUESTS = 30
"""Enough requests for every worker to get one."""


@pytest.fixture
def instances(settings: Settings, tmp_path: Path) -> Iterator[list[Served]]:
    """Serve two instances with two workers each; the log level is reset afterwards."""
    with ExitStack() as stack:
        yield [stack.enter_context(serving(settings, tmp_path / name, WEB_CONCURRENCY="2")) for name in "ab"]
    engine = create_engine(settings.database_url)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM logger"))
    engine.dispose()


def logged_requests(served: Served) -> int:
    """Return the number of requests that are logged."""
    before = served.log.read_text().count('"candor.access"')
    for _ in range(REQUESTS):
        urllib.request.urlopen(f"{served.url}/healthz", timeout=10).close()
    return served.log.read_text().count('"candor.access"') - before


def test_a_level_is_in_force_in_every_worker_of_every_instance(
    instances: list[Served], bearer: Callable[..., dict[str, str]]
) -> None:
    """Within 5 seconds, and back again."""
    for level, expected in (("ERROR", 0), ("INFO", REQUESTS)):
        body = json.dumps({"level": level, "log_error_stack": True}).encode()
        headers = {**bearer("root", "admin"), "Content-Type": "application/json"}
        request = urllib.request.Request(f"{instances[0].url}/v1/logger", body, headers, method="PUT")
        urllib.request.urlopen(request, timeout=10).close()
        for served in instances:
            wait_until(lambda served=served, expected=expected: logged_requests(served) == expected, IN_FORCE_WITHIN)  # type: ignore[misc]
