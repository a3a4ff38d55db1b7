"""``flask worker``, in processes that are killed, stopped and told to leave."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import Connection, create_engine, make_url, text

from app.config import Settings
from app.models.logger import Level
from tests.fakes.network import Proxy
from tests.scrape import scraped
from tests.stack.checkout import wait_until
from tests.stack.conftest import IN_FORCE_WITHIN, free_port
from tests.stack.deployment import ROOT, SCALE

LEASE: Final = 2.0
ROOM: Final = 20.0
"""Seconds in which something has to happen on a machine that is busy with other things."""
MANY: Final = round(1000 * SCALE)

WRITER: Final = """
import os, signal
from sqlalchemy import text
from app import context
from app.extensions import db
from app.models.jobs import NewJob
from app.repositories.unit_of_work import UnitOfWork
from tests.stack.jobs_app import app

context.request_id.set("request-12345678")
with app.app_context(), UnitOfWork(db.session, lambda: db.engine) as unit:
    unit.jobs.add(NewJob("test.note", {}))
    unit.commit()
os.kill(os.getpid(), signal.SIGKILL)
"""


class Farm:
    """Workers on one queue, and what their jobs have done."""

    def __init__(self, settings: Settings, connection: Connection, home: Path) -> None:
        self._environ = os.environ | {
            "DATABASE_URL": settings.database_url,
            "JWT_SECRET": settings.jwt_secret,
        }
        self._connection, self._home = connection, home
        self.workers: list[subprocess.Popen[bytes]] = []

    def measure(self) -> int:
        """Have the next worker serve its metrics, and return where."""
        port = free_port()
        self._environ["WORKER_METRICS_PORT"] = str(port)
        return port

    def reach_through(self, proxy: Proxy) -> None:
        """Have the workers that follow find the database behind this."""
        url = make_url(self._environ["DATABASE_URL"]).set(host="127.0.0.1", port=proxy.port)
        self._environ["DATABASE_URL"] = url.render_as_string(hide_password=False)

    def python(self, *words: str) -> "subprocess.Popen[bytes]":
        """Start Python with these words, and keep what it says."""
        with self._log(len(self.workers)).open("wb") as log:
            self.workers.append(subprocess.Popen([sys.executable, *words], cwd=ROOT, env=self._environ, stderr=log))
        return self.workers[-1]

    def _log(self, number: int) -> Path:
        return self._home / f"{number}.log"

    def pool(self, connections: int) -> None:
        """Have the workers that follow get by with so many."""
        self._environ["DATABASE_POOL_SIZE"] = str(connections)

    def worker(self, *options: str) -> "subprocess.Popen[bytes]":
        """Start a worker."""
        return self.python("-m", "flask", "--app", "tests.stack.jobs_app", "worker", "--lease", f"{LEASE}", *options)

    def start(self, *options: str) -> "subprocess.Popen[bytes]":
        """Start a worker, and return it once it is ready."""
        worker = self.worker(*options)
        number = len(self.workers) - 1
        wait_until(lambda: "worker ready" in self.said(number), ROOM)
        return worker

    def said(self, number: int) -> str:
        """Return the log of a process."""
        return self._log(number).read_text()

    def lines(self, number: int, message: str) -> list[dict[str, object]]:
        """Return what a process has logged under a message."""
        lines: list[dict[str, object]] = [json.loads(line) for line in self.said(number).splitlines()]
        return [line for line in lines if line["message"] == message]

    def add(self, kind: str, count: int = 1, **payload: str) -> None:
        """Queue jobs."""
        self._connection.execute(
            text(
                "INSERT INTO jobs (kind, payload, request_id)"
                " SELECT :kind, CAST(:payload AS jsonb), 'request-12345678' FROM generate_series(1, :count)"
            ),
            {"kind": kind, "payload": json.dumps(payload), "count": count},
        )

    def count(self, source: str) -> int:
        """Return how many rows there are."""
        return int(self._connection.execute(text(f"SELECT count(*) FROM {source}")).scalar_one())

    @property
    def effects(self) -> int:
        """Return how many jobs have left a row behind."""
        return self.count("effects")

    @property
    def jobs(self) -> int:
        """Return how many jobs are not done."""
        return self.count("jobs")


@pytest.fixture
def farm(settings: Settings, tmp_path: Path) -> Iterator[Farm]:
    """Return a farm without workers."""
    engine = create_engine(settings.database_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("DELETE FROM jobs"))
        connection.execute(text("CREATE TABLE effects (id uuid, worker integer)"))
        farm = Farm(settings, connection, tmp_path)
        yield farm
        for worker in farm.workers:
            worker.kill()
            worker.wait()
        connection.execute(text("DROP TABLE effects"))
        connection.execute(text("DELETE FROM jobs"))
    engine.dispose()


@pytest.fixture
def gate(tmp_path: Path) -> Callable[[], str]:
    """Return a maker of files that jobs wait for to go."""

    def make() -> str:
        path = tmp_path / "gate"
        path.touch()
        return str(path)

    return make


@pytest.mark.nightly
def test_committed_and_then_everything_killed_it_is_done(farm: Farm) -> None:
    assert farm.python("-c", WRITER).wait(ROOM) == -signal.SIGKILL
    assert (farm.jobs, farm.effects) == (1, 0)
    farm.start()
    wait_until(lambda: farm.jobs == 0, ROOM)
    assert farm.effects == 1
    assert [line["request_id"] for line in farm.lines(1, "job test.note: done")] == ["request-12345678"]


def test_two_workers_do_many_jobs_once_each(farm: Farm) -> None:
    farm.add("test.note", MANY)
    farm.start()
    farm.start()
    wait_until(lambda: farm.jobs == 0, ROOM * 3 * SCALE)
    assert (farm.effects, farm.count("(SELECT DISTINCT id FROM effects) AS jobs")) == (MANY, MANY)
    assert farm.count("(SELECT DISTINCT worker FROM effects) AS workers") == 2


def test_a_worker_that_is_killed_loses_no_job(farm: Farm, gate: Callable[[], str]) -> None:
    """What it held is done by another when its lease is over, and what it wrote was undone."""
    path = Path(gate())
    farm.add("test.wait", gate=str(path))
    first = farm.start()
    wait_until(path.with_suffix(".held").exists, ROOM)
    first.kill()
    path.unlink()
    farm.start()
    assert wait_until(lambda: farm.jobs == 0, ROOM) < LEASE + 5
    assert farm.effects == 1


def test_a_worker_that_was_stopped_past_its_lease_is_fenced(farm: Farm, gate: Callable[[], str]) -> None:
    path = Path(gate())
    farm.add("test.wait", gate=str(path))
    first = farm.start()
    wait_until(path.with_suffix(".held").exists, ROOM)
    first.send_signal(signal.SIGSTOP)
    path.unlink()
    farm.start()
    wait_until(lambda: farm.jobs == 0, ROOM)
    first.send_signal(signal.SIGCONT)
    wait_until(lambda: bool(farm.lines(0, "job test.wait: lost")), ROOM)
    assert farm.effects == 1


def test_told_to_leave_it_finishes_what_has_begun_and_begins_nothing(farm: Farm, gate: Callable[[], str]) -> None:
    path = Path(gate())
    farm.add("test.wait", gate=str(path))
    worker = farm.start()
    wait_until(path.with_suffix(".held").exists, ROOM)
    worker.send_signal(signal.SIGTERM)
    wait_until(lambda: bool(farm.lines(0, "worker leaving")), ROOM)
    farm.add("test.note")
    path.unlink()
    assert worker.wait(ROOM) == 0
    assert (farm.effects, farm.jobs) == (1, 1)


def test_poison_harms_no_other_job_and_no_worker(farm: Farm) -> None:
    """Neither one that fails, nor one that takes the process along."""
    farm.add("test.fail", 5)
    farm.add("test.note", 20)
    worker = farm.start()
    wait_until(lambda: farm.effects == 20, ROOM)
    assert worker.poll() is None
    failed = farm.lines(0, "job test.fail: rescheduled")
    assert {(line["request_id"], line["level"]) for line in failed} == {("request-12345678", "WARNING")}
    assert farm.count("jobs WHERE last_error = 'ValueError: it does not work'") == 5
    farm.add("test.fall")
    assert worker.wait(ROOM) == -signal.SIGABRT
    farm.add("test.note")
    farm.start()
    wait_until(lambda: farm.effects == 21, ROOM)


def test_what_is_done_and_what_waits_is_measured(farm: Farm) -> None:
    """The outcomes that the jobs had, and what is in the queue."""
    port = farm.measure()
    farm.add("test.note", 20)
    farm.add("test.fail", 3)
    farm.add("test.unknown", 2)
    farm.start()
    wait_until(lambda: farm.effects == 20 and farm.count("jobs WHERE attempts > 0 AND lease_owner IS NULL") == 3, ROOM)
    wait_until(lambda: scraped(port).total("jobs_queued", kind="test.unknown") == 2, ROOM)
    told = scraped(port)
    assert told.total("jobs_total", kind="test.note", outcome="done") == 20
    assert told.total("job_duration_seconds_count", kind="test.note") == 20
    assert told.total("jobs_total", kind="test.fail", outcome="rescheduled") >= 3
    assert told.total("jobs_overdue_seconds", kind="test.unknown") > 0
    assert told.total("jobs_dead") == 0


@pytest.mark.nightly
def test_a_level_that_is_asked_for_is_in_force_in_a_worker_too(farm: Farm, ask_for: Callable[[Level], None]) -> None:
    """3.6: within 5 seconds, and back again."""
    farm.start()

    def told() -> bool:
        before = len(farm.lines(0, "job test.note: done"))
        farm.add("test.note", 10)
        wait_until(lambda: farm.jobs == 0, ROOM)
        return len(farm.lines(0, "job test.note: done")) > before

    assert told()
    ask_for(Level.ERROR)
    wait_until(lambda: not told(), IN_FORCE_WITHIN)
    ask_for(Level.INFO)
    wait_until(told, IN_FORCE_WITHIN)


def test_a_port_that_is_taken_keeps_no_worker_from_working(farm: Farm) -> None:
    port = farm.measure()
    with closing(socket.create_server(("127.0.0.1", port))):
        farm.add("test.note")
        farm.start()
        wait_until(lambda: farm.effects == 1, ROOM)
    assert f"no metrics are served on METRICS_HOST=127.0.0.1 WORKER_METRICS_PORT={port}" in farm.said(0)


def test_more_threads_than_connections_are_refused_in_a_line(farm: Farm) -> None:
    """Jobs would starve one another, and the worker would take the database for one that is away."""
    farm.pool(3)
    assert farm.worker("--threads", "3").wait(ROOM) == 1
    assert farm.said(0).startswith("Error: --threads 3 needs DATABASE_POOL_SIZE=4, and it is 3: ")
    assert farm.said(0).count("\n") == 1


@pytest.mark.nightly
def test_unless_told_it_does_as_many_jobs_as_the_pool_is_for(farm: Farm, gate: Callable[[], str]) -> None:
    farm.pool(2)
    path = Path(gate())
    farm.add("test.wait", 3, gate=str(path))
    worker = farm.start()
    wait_until(path.with_suffix(".held").exists, ROOM)
    worker.send_signal(signal.SIGTERM)
    wait_until(lambda: bool(farm.lines(0, "worker leaving")), ROOM)
    assert [line["running"] for line in farm.lines(0, "worker leaving")] == [1]
    path.unlink()
    assert worker.wait(ROOM) == 0
    assert (farm.effects, farm.jobs) == (1, 2)


def test_while_the_database_is_away_it_waits(farm: Farm, settings: Settings) -> None:
    server = make_url(settings.database_url)
    proxy = Proxy(server.host or "", server.port or 5432)
    farm.reach_through(proxy)
    worker = farm.start()
    proxy.close()
    wait_until(lambda: bool(farm.lines(0, "jobs are out of reach")), ROOM)
    farm.add("test.note")
    proxy = Proxy(server.host or "", server.port or 5432, listener=socket.create_server(("127.0.0.1", proxy.port)))
    wait_until(lambda: farm.jobs == 0, ROOM)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(ROOM) == 0
    assert len(farm.lines(0, "jobs are out of reach")) == 1
    assert len(farm.lines(0, "jobs are within reach again")) == 1
    proxy.close()
