"""Metric files by worker index: counters continue after a crash, gauges are reset, and no file is left behind.

The tests use separate processes, because counting in files applies to a whole process.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from app.config import ROOT

pytestmark = pytest.mark.slow

COUNTING = """
import os, signal, sys
from types import SimpleNamespace
from pathlib import Path
from deploy.metering import metrics_folder
from deploy.serving import worker_index

metrics_folder.MEMORY = Path(sys.argv[1])
metrics_folder.ROOM = 0
metrics_folder.begin()
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from app.observability import metrics

def worker(number, times, *, is_killed):
    metrics_folder.allot(number)
    if (pid := os.fork()) == 0:
        worker_index.set_own(SimpleNamespace(number=number))
        metrics.IN_FLIGHT.inc()
        for _ in range(times):
            metrics.request("GET", "/", "200", 0.01)
            metrics.PANICS.inc()
        if is_killed:
            os.kill(os.getpid(), signal.SIGKILL)
        metrics.IN_FLIGHT.dec()
        os._exit(0)
    os.waitpid(pid, 0)

def said():
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=metrics_folder.home())
    lines = generate_latest(registry).decode().splitlines()
    names = ("http_request_duration_seconds_count", "panics_recovered_total", "http_requests_in_flight")
    return [float(line.rsplit()[-1]) for name in names for line in lines if line.startswith(name)]
"""


def run(script: str, place: Path) -> str:
    """Return the output of a process that counts in files below a folder."""
    argv = [sys.executable, "-c", COUNTING + script, str(place)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode in {0, -9}, done.stderr
    return done.stdout.strip()


def test_counters_continue_after_a_crash(tmp_path: Path) -> None:
    script = """
worker(0, 3, is_killed=True); worker(1, 10, is_killed=False); print(said())
metrics_folder.forget(0); print(said())
worker(0, 2, is_killed=False); print(said())
print(len(list(metrics_folder.home().glob("histogram_*.db"))))
metrics_folder.end()
"""
    assert run(script, tmp_path).splitlines() == [
        "[13.0, 13.0, 1.0]",
        "[13.0, 13.0, 0.0]",
        "[15.0, 15.0, 0.0]",
        "3",  # of the master, and of each worker index
    ]
    assert list(tmp_path.iterdir()) == []


SAME = """
if sys.argv[2] == "theirs":
    from prometheus_client import values
    from deploy.metering import file_values
    metrics_folder.FileValue = values.MultiProcessValue(file_values.owner)
"""
USED = """
for seconds in (0, 0.005, 0.0051, 5, 6, 0.3):
    metrics.request("GET", "/", "200", seconds)
metrics.IN_FLIGHT.inc(2); metrics.IN_FLIGHT.dec(); metrics.POOL_SIZE.set(7); metrics.PANICS.inc()
for number in range(2000):  # more than the first size of the file
    metrics.UNDECLARED.labels(str(number), "a code").inc()
metrics.POOL_SIZE.inc(3); metrics.PANICS.inc()
registry = CollectorRegistry()
MultiProcessCollector(registry, path=metrics_folder.home())
print(generate_latest(registry).decode())
metrics_folder.end()
"""


def test_values_are_those_of_prometheus_client(tmp_path: Path) -> None:
    scripts = COUNTING.replace("metrics_folder.begin()", f"{SAME}metrics_folder.begin()") + USED
    ours, theirs = (
        subprocess.run(
            [sys.executable, "-c", scripts, str(tmp_path), whose], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        for whose in ("ours", "theirs")
    )
    assert ours == theirs
    assert "panics_recovered_total 2.0" in ours
    assert "pool_connections_max 10.0" in ours
    assert 'http_request_duration_seconds_bucket{le="0.005",method="GET",route="/",status="200"} 2.0' in ours


def test_a_file_grows_before_it_is_full(tmp_path: Path) -> None:
    script = (
        "metrics_folder.allot(4); histogram = metrics_folder.home() / 'histogram_4.db';"
        " print(histogram.stat().st_blocks * 512 >= 2**20); metrics_folder.end()"
    )
    assert run(script, tmp_path) == "True"


@pytest.mark.parametrize("ends", ["os.kill(os.getpid(), signal.SIGKILL)", "metrics_folder.end()"])
def test_the_files_of_a_killed_instance_are_removed_by_the_next_one(tmp_path: Path, ends: str) -> None:
    run(ends, tmp_path)
    (tmp_path / "candor-metrics-unfinished").mkdir()
    living = "import subprocess; print(subprocess.run([sys.executable, '-c', 'NEXT'], text=True, capture_output=True))"
    assert "CompletedProcess" in run(living, tmp_path)
    run("metrics_folder.end()", tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["candor-metrics-unfinished"]


def test_a_running_instance_keeps_its_files(tmp_path: Path) -> None:
    script = """
before = metrics_folder.home()
metrics_folder._sweep(Path(sys.argv[1]))
print(before.exists())
metrics_folder.end()
"""
    assert run(script, tmp_path) == "True"
