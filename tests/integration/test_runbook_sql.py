"""Every SQL block of the runbooks and of the pages for operators runs on PostgreSQL."""

import threading
import time
from collections.abc import Iterator
from typing import Final

import psycopg
import pytest

from app.config import ROOT, Settings
from tests.law.test_runbooks import blocks

WITHIN: Final = 10.0
"""Seconds for which the session waits for the lock."""
PAGES: Final = sorted(path for folder in ("runbooks", "operate") for path in (ROOT / "docs" / folder).glob("*.md"))
STATEMENTS: Final = [
    pytest.param(block, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, block in enumerate(blocks(page.read_text(), "sql"), 1)
]


@pytest.fixture
def connection(settings: Settings) -> Iterator["psycopg.Connection"]:
    """Return a connection of the service's role; its changes are rolled back."""
    with psycopg.connect(settings.database_url.replace("+psycopg", "")) as connection:
        yield connection
        connection.rollback()


@pytest.mark.parametrize("statement", STATEMENTS)
def test_it_runs(connection: "psycopg.Connection", statement: str) -> None:
    role = connection.info.user
    connection.execute(statement.replace("ROLE candor", f"ROLE {role}"))


def test_find_the_blocker_finds_it(settings: Settings, connection: "psycopg.Connection") -> None:
    """A session that waits for a lock is listed with the session that holds it."""
    url = settings.database_url.replace("+psycopg", "")
    (query,) = blocks((ROOT / "docs" / "runbooks" / "work-slots-are-full.md").read_text(), "sql")
    with psycopg.connect(url) as blocker, psycopg.connect(url) as blocked:
        blocker.execute("SELECT pg_advisory_xact_lock(715)")
        waiting = threading.Thread(target=blocked.execute, args=["SELECT pg_advisory_xact_lock(715)"])
        waiting.start()
        try:
            until = time.monotonic() + WITHIN
            while not (found := connection.execute(query).fetchall()) and time.monotonic() < until:
                connection.rollback()
                time.sleep(0.05)
        finally:
            blocker.rollback()
            waiting.join(WITHIN)
        assert [(row[0], row[2]) for row in found] == [(blocked.info.backend_pid, blocker.info.backend_pid)]
