"""``flask worker``, in processes that are killed, suspended and stopped."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import Connection, create_engine, make_url, text

from app.config import Settings
from app.models.logger import Level
from deploy.local.free_ports import free_port
from tests.fakes.network import Proxy
from tests.scrape import scraped
from tests.stack.checkout import wait_until
from tests.stack.conftest import IN_FORCE_WITHIN
from tests.stack.deployment import ROOT, SCALE

LEASE: Final = 2.0
ROOM: Final = 20.0
"""Seconds that an event may take on a busy machine."""
MANY: Final = round(1000 * SCALE)

WRITER: Final = """
import os, signal
from sqlalchemy import text
from app import request_context
from app.extensions import db
from app.models.jobs import NewJob
from app.repositories.unit_of_work import UnitOfWork
from tests.stack.jobs_app import app

request_context.request_id.set("request-12345678")
with app.app_context(), UnitOfWork(db.session, lambda: db.engine) as unit:
    unit.jobs.add(NewJob("test.note", {}))
    unit.commit()
os.kill(os.getpid(), signal.SIGKILL)
"""


class Farm:
    """Workers on one queue, and the effects of their jobs."""

    def __init__(self, settings: Settings, connection: Connection, home: Path) -> None:
        self._environ = os.environ | {
            "DATABASE_URL": settings.database_url,
            "JWT_SECRET": settings.jwt_secret,
        }
        self._connection, self._home = connection, home
        self.workers: list[subprocess.Popen[bytes]] = []

    def measure(self) -> int:
        """Make the next worker serve its metrics, and return their address."""
        port = free_port()
        self._environ["WORKER_METRICS_PORT"] = str(port)
        return port

    def reach_through(self, proxy: Proxy) -> None:
        """Place this network between the database and the workers that follow."""
        url = make_url(self._environ["DATABASE_URL"]).set(host="127.0.0.1", port=proxy.port)
        self._environ["DATABASE_URL"] = url.render_as_string(hide_password=False)

    def python(self, *words: str) -> "subprocess.Popen[bytes]":
        """Start Python with these arguments, and keep its output."""
        with self._log(len(self.workers)).open("wb") as log:
            self.workers.append(subprocess.Popen([sys.executable, *words], cwd=ROOT, env=self._environ, stderr=log))
        return self.workers[-1]

    def _log(self, number: int) -> Path:
        return self._home / f"{number}.log"

    def pool(self, connections: int) -> None:
        """Limit the connections of the workers that follow."""
        self._environ["DATABASE_POOL_SIZE"] = str(connections)

    def worker(self, *options: str) -> "subprocess.Popen[bytes]":
        """Start a worker."""
        return self.python("-m", "flask", "--app", "tests.stack.jobs_app", "worker", "--lease", f"{LEASE}", *options)

    def start(self, *options: str) -> "subprocess.Popen[bytes]":
        """Start a worker, and return it once it is ready."""
        worker = self.worker(*options)
        number = len(self.workers) - 1
        wait_until(lambda: "worker ready" in self.output(number), ROOM)
        return worker

    def output(self, number: int) -> str:
        """Return the log of a process."""
        return self._log(number).read_text()

    def lines(self, number: int, message: str) -> list[dict[str, object]]:
        """Return the log entries of a process with a message."""
        lines: list[dict[str, object]] = [json.loads(line) for line in self.output(number).splitlines()]
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
        """Return the number of rows."""
        return int(self._connection.execute(text(f"SELECT count(*) FROM {source}")).scalar_one())

    @property
    def effects(self) -> int:
        """Return the number of jobs that have inserted a row."""
        return self.count("effects")

    @property
    def jobs(self) -> int:
        """Return the number of jobs that are not done."""
        return self.count("jobs")


@contextmanager
def workers(settings: Settings, home: Path) -> Iterator[Farm]:
    """Return a set of workers, still empty, that ends with the block."""
    engine = create_engine(settings.database_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("DELETE FROM jobs"))
        connection.execute(text("CREATE TABLE effects (id uuid, worker integer)"))
        farm = Farm(settings, connection, home)
        yield farm
        for worker in farm.workers:
            worker.kill()
            worker.wait()
        connection.execute(text("DROP TABLE effects"))
        connection.execute(text("DELETE FROM jobs"))
    engine.dispose()


@pytest.fixture
def farm(settings: Settings, tmp_path: Path) -> Iterator[Farm]:
    """Return a set of workers, still empty."""
    with workers(settings, tmp_path) as farm:
        yield farm


@pytest.fixture
def gate(tmp_path: Path) -> Callable[[], str]:
    """Return a factory of files whose removal jobs wait for."""

    def make() -> str:
        path = tmp_path / "gate"
        path.touch()
        return str(path)

    return make


@pytest.mark.nightly
def test_a_committed_job_runs_although_every_process_is_killed(farm: Farm) -> None:
    assert farm.python("-c", WRITER).wait(ROOM) == -signal.SIGKILL
    assert (farm.jobs, farm.effects) == (1, 0)
    farm.start()
    wait_until(lambda: farm.jobs == 0, ROOM)
    assert farm.effects == 1
    assert [line["request_id"] for line in farm.lines(1, "job test.note: done")] == ["request-12345678"]


@pytest.mark.nightly
def test_two_workers_do_many_jobs_once_each(farm: Farm) -> None:
    farm.add("test.note", MANY)
    farm.start()
    farm.start()
    wait_until(lambda: farm.jobs == 0, ROOM * 3 * SCALE)
    assert (farm.effects, farm.count("(SELECT DISTINCT id FROM effects) AS jobs")) == (MANY, MANY)
    assert farm.count("(SELECT DISTINCT worker FROM effects) AS workers") == 2


def test_a_worker_that_is_killed_loses_no_job(farm: Farm, gate: Callable[[], str]) -> None:
    """Another worker executes its job when the lease has expired, and the transaction of the first is rolled back."""
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
    wait_until(lambda: bool(farm.lines(0, "job test.wait: lease lost")), ROOM)
    assert farm.effects == 1


def test_sigterm_finishes_running_jobs_and_starts_none(farm: Farm, gate: Callable[[], str]) -> None:
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


def test_poison_jobs_harm_no_other_job_and_no_worker(farm: Farm) -> None:
    """Neither a job that fails, nor a job that kills its process."""
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


def test_finished_and_queued_jobs_are_measured(farm: Farm) -> None:
    """The outcomes of the jobs, and the content of the queue."""
    port = farm.measure()
    farm.add("test.note", 20)
    farm.add("test.fail", 3)
    farm.add("test.unknown", 2)
    farm.start()
    wait_until(lambda: farm.effects == 20 and farm.count("jobs WHERE attempts > 0 AND lease_owner IS NULL") == 3, ROOM)
    wait_until(lambda: scraped(port).total("jobs_queued", kind="test.unknown") == 2, ROOM)
    is_in_force = scraped(port)
    assert is_in_force.total("jobs_total", kind="test.note", outcome="done") == 20
    assert is_in_force.total("job_duration_seconds_count", kind="test.note") == 20
    assert is_in_force.total("jobs_total", kind="test.fail", outcome="rescheduled") >= 3
    assert is_in_force.total("jobs_overdue_seconds", kind="test.unknown") > 0
    assert is_in_force.total("jobs_dead") == 0


@pytest.mark.nightly
def test_a_log_level_is_in_force_in_a_worker_too(farm: Farm, set_log_level: Callable[[Level], None]) -> None:
    """Within 5 seconds, and back again."""
    farm.start()

    def is_in_force() -> bool:
        before = len(farm.lines(0, "job test.note: done"))
        farm.add("test.note", 10)
        wait_until(lambda: farm.jobs == 0, ROOM)
        return len(farm.lines(0, "job test.note: done")) > before

    assert is_in_force()
    set_log_level(Level.ERROR)
    wait_until(lambda: not is_in_force(), IN_FORCE_WITHIN)
    set_log_level(Level.INFO)
    wait_until(is_in_force, IN_FORCE_WITHIN)


def test_a_port_that_is_taken_keeps_no_worker_from_working(farm: Farm) -> None:
    port = farm.measure()
    with closing(socket.create_server(("127.0.0.1", port))):
        farm.add("test.note")
        farm.start()
        wait_until(lambda: farm.effects == 1, ROOM)
    assert f"no metrics are served on METRICS_HOST=127.0.0.1 WORKER_METRICS_PORT={port}" in farm.output(0)


def test_more_threads_than_connections_are_rejected_in_one_line(farm: Farm) -> None:
    """Jobs would wait for connections of one another, and the worker would take the database for unavailable."""
    farm.pool(3)
    assert farm.worker("--threads", "3").wait(ROOM) == 1
    assert farm.output(0).startswith("Error: --threads 3 needs DATABASE_POOL_SIZE=4, and it is 3: ")
    assert farm.output(0).count("\n") == 1


@pytest.mark.nightly
def test_by_default_it_runs_as_many_jobs_as_the_pool_allows(farm: Farm, gate: Callable[[], str]) -> None:
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
    wait_until(lambda: bool(farm.lines(0, "the job queue is unavailable")), ROOM)
    farm.add("test.note")
    proxy = Proxy(server.host or "", server.port or 5432, listener=socket.create_server(("127.0.0.1", proxy.port)))
    wait_until(lambda: farm.jobs == 0, ROOM)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(ROOM) == 0
    assert len(farm.lines(0, "the job queue is unavailable")) == 1
    assert len(farm.lines(0, "the job queue is available again")) == 1
    proxy.close()
