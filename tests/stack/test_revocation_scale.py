"""A long list of revoked sessions: a new one is in force within 5 seconds, no request fails, memory is bounded.

20,000 sessions here, 500,000 in ``make soak``.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import Engine, create_engine, text

from app.config import Settings
from tests.conftest import TokenMaker
from tests.stack.checkout import process_table, wait_until
from tests.stack.conftest import Served, serving
from tests.stack.deployment import SCALE

SESSIONS: Final = 500_000 if SCALE >= 10 else 20_000
HOUR: Final = timedelta(hours=1)
WITHIN: Final = 5.0
MEMORY: Final = 250_000_000
PATH: Final = "/v1/tasks?page_size=1"


@pytest.fixture
def database(settings: Settings) -> Iterator[Engine]:
    """Return the database; no session is revoked afterwards."""
    engine = create_engine(settings.database_url, isolation_level="AUTOCOMMIT")
    yield engine
    with engine.connect() as connection:
        connection.execute(text("DELETE FROM revoked_tokens"))
    engine.dispose()


class Client:
    """Sends GETs without a pause, one after the other, and counts their statuses."""

    def __init__(self, port: int, token: str) -> None:
        self._port, self._fields = port, {"Authorization": f"Bearer {token}"}
        self.statuses: Counter[int] = Counter()
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Client":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ends.is_set():
            self.statuses[self.get()] += 1
            time.sleep(0.005)

    def get(self) -> int:
        """Return the status of one GET, on a new connection, which any worker may accept."""
        connection = HTTPConnection("127.0.0.1", self._port, timeout=30)
        connection.request("GET", PATH, headers=self._fields)
        status = connection.getresponse().status
        connection.close()
        return status


def revoke(database: Engine, *, sessions: int) -> None:
    """Revoke that many sessions in one transaction."""
    with database.connect() as connection:
        connection.execute(
            text(
                "INSERT INTO revoked_tokens (id, expire_time)"
                " SELECT gen_random_uuid()::text, now() + interval '16 minutes' FROM generate_series(1, :sessions)"
            ),
            {"sessions": sessions},
        )


def in_force_after(database: Engine, client: Client, session: str) -> float:
    """Revoke a session, and return the seconds until no worker accepts its token."""
    with database.connect() as connection:
        connection.execute(
            text("INSERT INTO revoked_tokens (id, expire_time) VALUES (:id, now() + interval '1 hour')"),
            {"id": session},
        )
    began = time.monotonic()
    while {client.get() for _ in range(12)} != {401}:
        assert time.monotonic() < began + 4 * WITHIN
    return time.monotonic() - began


def memory(served: Served) -> int:
    """Return the resident memory of the largest worker, in bytes."""
    workers = [pid for pid, parent in process_table().items() if parent == served.pid]
    lines = (line for pid in workers for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return max(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


def test_a_new_revocation_is_in_force_and_nothing_fails(
    settings: Settings, database: Engine, token: TokenMaker, app: object, tmp_path: Path
) -> None:
    tokens = app.extensions["app-services"].tokens  # type: ignore[attr-defined]
    one, two = (
        tokens.issue("alice", scopes=["tasks"], lifetime=HOUR, session_id=session) for session in ("one", "two")
    )
    with serving(settings, tmp_path / "log", WEB_CONCURRENCY="2") as served, Client(served.port, token()) as client:
        revoke(database, sessions=SESSIONS)
        assert in_force_after(database, Client(served.port, one), "one") <= WITHIN
        assert in_force_after(database, Client(served.port, two), "two") <= WITHIN
        assert client.get() == 200
        assert memory(served) < MEMORY
    assert set(client.statuses) == {200}, client.statuses
    assert sum(client.statuses.values()) > 10
    with serving(settings, tmp_path / "log", WEB_CONCURRENCY="2") as served:
        assert {Client(served.port, one).get() for _ in range(12)} <= {401, 503}, "from the first request on"
        wait_until(lambda: {Client(served.port, one).get() for _ in range(12)} == {401}, 12 * WITHIN)
        wait_until(lambda: {Client(served.port, token()).get() for _ in range(12)} == {200}, 12 * WITHIN)
