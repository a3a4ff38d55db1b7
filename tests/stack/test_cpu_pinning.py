"""Workers of real servers claim cores, release them, and leave them to others."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from uuid import uuid4

import pytest

from app.config import Settings
from deploy.local.free_ports import free_port
from tests.stack.checkout import process_table, wait_until
from tests.stack.conftest import ROOT, Served, serving_by

CORES = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else []
pytestmark = pytest.mark.skipif(len(CORES) < 2, reason="needs Linux and two cores")
TWO = CORES[:2]
WITHIN = 30.0
"""Seconds that an event may take on a busy machine."""
LAUNCH = """
import os, sys
from app.resilience import cpu_pinning

claims, cores, _, _, *sys.argv = sys.argv[1:]
cpu_pinning.NAME = "\\0" + claims + "/{}"
os.sched_setaffinity(0, map(int, cores.split(",")))
if "gunicorn" in sys.argv[0]:
    from gunicorn.app.wsgiapp import run
else:
    from flask.cli import main as run
run()
"""
"""Runs a command of Python on these cores; its claims do not collide with those of other tests and services."""


class Machine:
    """Cores whose claims belong to one test."""

    def __init__(self, settings: Settings, home: Path) -> None:
        self._settings, self._home = settings, home
        self._claims = f"test-{uuid4()}"

    def launcher(self, cores: list[int]) -> tuple[str, ...]:
        """Return a command that runs another one on these cores."""
        return sys.executable, "-c", LAUNCH, self._claims, ",".join(map(str, cores))

    def serving(self, workers: int, *, cores: list[int] = TWO, mode: str = "on") -> AbstractContextManager[Served]:
        """Serve with that many workers."""
        environment = {"WEB_CONCURRENCY": str(workers), "PIN_WORKERS": mode, "METRICS_PORT": "0"}
        environment["TOKEN_RATE_LIMIT"] = "1000 per second"
        log = self._home / f"{uuid4()}.log"
        return serving_by(self.launcher(cores), self._settings, log, **environment)

    @contextmanager
    def serving_rpc(self) -> Iterator[int]:
        """Serve gRPC, and yield the process."""
        environ = os.environ | {
            "DATABASE_URL": self._settings.database_url,
            "JWT_SECRET": self._settings.jwt_secret,
            "PIN_WORKERS": "on",
            "RPC_PORT": str(free_port()),
            "RPC_METRICS_PORT": str(free_port()),
        }
        command = [*self.launcher(TWO), sys.executable, "-m", "flask", "rpc", "serve"]
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stderr=subprocess.DEVNULL)
        try:
            yield process.pid
        finally:
            process.terminate()
            process.wait(WITHIN)


@pytest.fixture
def machine(settings: Settings, tmp_path: Path) -> Machine:
    """Return two cores that no process has claimed."""
    return Machine(settings, tmp_path)


def workers_of(served: Served) -> set[int]:
    """Return the process IDs of the workers; there is no exporter of metrics."""
    return {pid for pid, parent in process_table().items() if parent == served.pid}


def cores_of(pid: int) -> list[int]:
    """Return the cores that any thread of a process may use; none if the process ends meanwhile."""
    try:
        threads = [int(each.name) for each in Path(f"/proc/{pid}/task").iterdir()]
        return sorted(set().union(*map(os.sched_getaffinity, threads)))
    except (FileNotFoundError, ProcessLookupError):
        return []


def cores_by_worker(served: Served) -> list[list[int]]:
    """Return the cores of each worker."""
    return sorted(map(cores_of, workers_of(served)))


def decision(served: Served) -> object:
    """Return the decision in the log; it is logged once."""
    [entry] = [
        line for line in map(json.loads, served.log.read_text().splitlines()) if line["logger"] == "candor.start"
    ]
    return entry["pinning"]


EACH_HAS_ONE = [[core] for core in TWO]


def test_each_worker_has_a_core_and_the_master_has_all(machine: Machine) -> None:
    with machine.serving(2) as served:
        wait_until(lambda: cores_by_worker(served) == EACH_HAS_ONE, WITHIN)
        assert cores_of(served.pid) == TWO
        assert decision(served) == f"one core for each worker, of {TWO[0]}, {TWO[1]}"


def test_instances_share_no_core_and_a_waiting_one_takes_the_core_of_an_ended_one(machine: Machine) -> None:
    with machine.serving(1) as last:
        [[core]] = cores_by_worker(last)
        with machine.serving(1) as first, machine.serving(1) as waiting:
            assert [*cores_by_worker(last), *cores_by_worker(first)] in (EACH_HAS_ONE, EACH_HAS_ONE[::-1])
            assert cores_by_worker(waiting) == [TWO]
            [worker] = workers_of(last)
            os.kill(last.pid, signal.SIGKILL)
            wait_until(lambda: cores_by_worker(waiting) == [[core]], WITHIN)
            assert worker not in process_table()


def test_a_successor_of_a_killed_worker_has_its_core(machine: Machine) -> None:
    with machine.serving(2) as served:
        killed = min(workers_of(served))
        [core] = cores_of(killed)
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: len(workers_of(served) - {killed}) == 2, WITHIN)
        wait_until(lambda: cores_by_worker(served) == EACH_HAS_ONE, WITHIN)
        assert [core] in cores_by_worker(served)


def test_workers_of_a_reload_have_cores_once_the_previous_ones_have_ended(machine: Machine) -> None:
    """Both run for a time, and twice as many cores do not exist."""
    with machine.serving(2) as served:
        before = workers_of(served)
        os.kill(served.pid, signal.SIGHUP)
        wait_until(lambda: len(workers_of(served)) == 2 and not before & workers_of(served), WITHIN)
        wait_until(lambda: cores_by_worker(served) == EACH_HAS_ONE, WITHIN)


@pytest.mark.parametrize(
    ("workers", "cores", "mode", "reason"),
    [
        (3, TWO, "on", "off: more workers (3) than cores (2)"),
        (2, TWO[1:], "on", "off: more workers (2) than cores (1)"),
        (1, TWO, "off", "off: PIN_WORKERS"),
    ],
)
def test_otherwise_workers_use_all_allowed_cores(
    machine: Machine, workers: int, cores: list[int], mode: str, reason: str
) -> None:
    with machine.serving(workers, cores=cores, mode=mode) as served:
        wait_until(lambda: cores_by_worker(served) == [cores] * workers, WITHIN)
        assert decision(served) == reason


def test_a_worker_stays_on_the_cores_that_the_service_may_use(machine: Machine) -> None:
    with machine.serving(1, cores=TWO[1:]) as served:
        assert cores_by_worker(served) == [TWO[1:]]


def test_a_thread_hashes_a_password_on_any_core(machine: Machine) -> None:
    is_over = threading.Event()

    def log_in() -> None:
        with closing(HTTPConnection("127.0.0.1", served.port, timeout=WITHIN)) as connection:
            while not is_over.is_set():
                body = json.dumps({"email": f"{uuid4()}@example.com", "password": "wrong horse battery"})
                connection.request("POST", "/v1/tokens", body, {"Content-Type": "application/json"})
                connection.getresponse().read()

    with machine.serving(1) as served:
        [before] = cores_by_worker(served)
        client = threading.Thread(target=log_in)
        client.start()
        wait_until(lambda: cores_by_worker(served) == [TWO], WITHIN)
        is_over.set()
        client.join()
        wait_until(lambda: cores_by_worker(served) == [before], WITHIN)


def test_grpc_claims_a_core_too(machine: Machine) -> None:
    pytest.importorskip("grpc")
    with machine.serving(1) as served, machine.serving_rpc() as rpc:
        wait_until(lambda: [*cores_by_worker(served), cores_of(rpc)] == EACH_HAS_ONE, WITHIN)
