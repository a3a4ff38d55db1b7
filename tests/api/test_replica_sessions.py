"""Sessions on a primary and a replica that lags, pauses and fails: none reads an older state than it has seen.

``make nightly`` runs 20,000 operations, other runs 2,000.
"""

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Final

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import make_url

from app.wire.read_after import FIELD
from tests import replication
from tests.api.conftest import Bearer
from tests.api.test_replica_reads import reads
from tests.drill.session_guarantees import Access, violations
from tests.replication import Balancer, Pair

pytestmark = pytest.mark.slow

OPERATIONS: Final = 20_000 if os.environ.get("NIGHTLY") else 2_000
SESSIONS: Final = 8
ITEMS: Final = 6
WRITERS: Final = 2
WRITES: Final = (0.02, 0.3)
"""The share of writes: of most sessions, which read with old positions, and of the writers."""
PERIOD: Final = 0.6
"""Seconds of each state of the replica."""
NOWHERE: Final = ("127.0.0.1", 9)


@pytest.fixture
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Return a primary and its standby."""
    with replication.pair(tmp_path_factory.mktemp("sessions")) as nodes:
        yield nodes


@pytest.fixture
def balancer(nodes: Pair) -> Iterator[Balancer]:
    """Return a balancer that leads to the standby."""
    with closing(Balancer(nodes.standby.address)) as balancer:
        yield balancer


class Disturbance(threading.Thread):
    """Lets the replica be well, stop to replay, lag for seconds, and fail, in turns."""

    def __init__(self, nodes: Pair, balancer: Balancer) -> None:
        super().__init__(daemon=True)
        self._standby, self._balancer, self._over = nodes.standby, balancer, threading.Event()
        self.periods = Counter[str]()

    def run(self) -> None:
        """Disturb until the end."""
        states = [self._well, self._paused, self._well, self._lagging, self._well, self._failed]
        while not self._over.is_set():
            for state in states:
                state()
                self.periods[state.__name__.strip("_")] += 1

    def end(self) -> None:
        """End, with a good replica."""
        self._over.set()
        self.join()

    def _well(self) -> None:
        self._over.wait(PERIOD)

    def _paused(self) -> None:
        self._standby.run("SELECT pg_wal_replay_pause()")
        self._over.wait(PERIOD)
        self._standby.run("SELECT pg_wal_replay_resume()")

    def _lagging(self) -> None:
        self._delay("2s")
        self._over.wait(3 * PERIOD)
        self._delay("0")

    def _delay(self, time: str) -> None:
        self._standby.run(f"ALTER SYSTEM SET recovery_min_apply_delay = '{time}'")
        self._standby.run("SELECT pg_reload_conf()")

    def _failed(self) -> None:
        """Fail, and come back with the state from before, which is older than what sessions have read meanwhile."""
        self._standby.run("SELECT pg_wal_replay_pause()")
        good, self._balancer.target = self._balancer.target, NOWHERE
        self._standby.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'candor'")
        self._over.wait(PERIOD)
        self._balancer.target = good
        self._over.wait(2 * PERIOD)
        self._standby.run("SELECT pg_wal_replay_resume()")


class Items:
    """The tasks, whose descriptions are their versions, and the history."""

    def __init__(self, app: Flask, credentials: dict[str, str]) -> None:
        self._app, self._credentials = app, credentials
        self._locks = [threading.Lock() for _ in range(ITEMS)]
        self._versions = [1] * ITEMS
        self.history: list[Access] = []
        client = FlaskClient(app, app.response_class)
        self._paths = [self._created(client, number) for number in range(ITEMS)]

    def _created(self, client: FlaskClient, number: int) -> str:
        began, body = time.monotonic(), {"task": {"title": f"item {number}", "description": "1"}}
        made = client.post("/v1/tasks", json=body, headers=self._credentials)
        assert made.status_code == 201
        self.history.append(Access("setup", str(number), 1, True, began, time.monotonic()))
        return f"/v1/{made.get_json()['name']}"

    def run(self, session: int, disturbance: Disturbance) -> list[Access]:
        """Read and write as one session, until the replica has been in all states, and return its accesses."""
        chance, client = random.Random(session), FlaskClient(self._app, self._app.response_class)
        accesses: list[Access] = []
        position = ""
        while len(accesses) < OPERATIONS // SESSIONS or not disturbance.periods["failed"]:
            number = chance.randrange(ITEMS)
            headers = {**self._credentials, **({FIELD: position} if position else {})}
            act = self._write if chance.random() < WRITES[session < WRITERS] else self._read
            access, position = act(client, session, number, headers)
            accesses.append(access)
        return accesses

    def _write(self, client: FlaskClient, session: int, number: int, headers: dict[str, str]) -> tuple[Access, str]:
        with self._locks[number]:
            version, began = self._versions[number] + 1, time.monotonic()
            done = client.patch(self._paths[number], json={"description": str(version)}, headers=headers)
            while done.status_code == 503:  # the version is the same, therefore it may be written twice
                time.sleep(0.1)
                done = client.patch(self._paths[number], json={"description": str(version)}, headers=headers)
            assert done.status_code == 200, done.text
            self._versions[number] = version
            return Access(session, str(number), version, True, began, time.monotonic()), done.headers[FIELD]

    def _read(self, client: FlaskClient, session: int, number: int, headers: dict[str, str]) -> tuple[Access, str]:
        while True:  # a busy machine rejects some
            began = time.monotonic()
            done = client.get(self._paths[number], headers=headers)
            if done.status_code != 503:
                break
            time.sleep(0.1)
        assert done.status_code in {200, 404}, done.text
        version = int(done.get_json()["description"]) if done.status_code == 200 else 0
        access = Access(session, str(number), version, False, began, time.monotonic())
        return access, done.headers.get(FIELD, "")


def test_no_session_reads_an_older_state(
    make_application: Callable[..., Flask], nodes: Pair, balancer: Balancer, bearer: Bearer
) -> None:
    url = nodes.migrated_url()
    replica = make_url(url).set(port=balancer.port).render_as_string(hide_password=False)
    items = Items(make_application(database_url=url, replica_url=replica), dict(bearer("alice")))
    before, disturbance = reads(), Disturbance(nodes, balancer)
    disturbance.start()
    try:
        with ThreadPoolExecutor(SESSIONS) as pool:
            for accesses in pool.map(lambda session: items.run(session, disturbance), range(SESSIONS)):
                items.history += accesses
    finally:
        disturbance.end()
    assert len(items.history) >= OPERATIONS
    assert violations(items.history) == []
    served = reads() - before
    assert served["replica", "reached"] > OPERATIONS / 20, served
    assert served["primary", "behind"] > 0, served
    assert served["primary", "failed"] > 0, (served, disturbance.periods)
