"""PostgreSQL panics, is started, and panics again."""

import json
import os
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psycopg

from deploy.local import cluster
from tests.drill.environment import SCALE, Environment
from tests.drill.verdicts import Verdict
from tests.scrape import scraped

SIZE: Final = "size=64m"
LASTS: Final = 20.0
EVERY: Final = 10.0
"""Seconds in which a process may say the same thing once."""
ABOUT_REQUESTS: Final = frozenset({"candor.access", "candor.errors"})
TICKS: Final = os.sysconf("SC_CLK_TCK")


def wal_disk_full(stage: Environment) -> None:
    """Leave the write-ahead log no room: PostgreSQL panics whenever it is started; without a mount it is killed.

    What fails is 503; a worker tries to connect once a second, and says the same thing once in 10 s at most.
    """
    with _own_file_system(stage) as place:
        stage.expect_soon(stage.are_ready, 15, "ready before the fault")
        began, offset, spent = time.monotonic(), stage.deployment.log.stat().st_size, _seconds_of_cpu(stage)
        probes = _probes(stage)
        panics = _panic_again_and_again(stage, place)
        lasted = time.monotonic() - began
        spent = _seconds_of_cpu(stage) - spent
        probes = _probes(stage) - probes
        if place is not None:
            (place / "ballast").unlink()
        stage.database.start(disposable=False)
        stage.heal()
        stage.expect_soon(stage.are_ready, 5, "ready again")
    refused = [each for each in stage.ledger.of(since=began) if each.verdict is Verdict.REFUSED]
    stage.expect({each.status for each in refused} <= {503, 507}, "what fails is 503, or 507 before the first panic")
    told = _told(stage, offset)
    processes = len(stage.deployment.workers) + 1
    most = processes * (1 + lasted // EVERY)
    stage.expect(all(times <= most for times in told.values()), f"more than {most:.0f} times: {told.most_common(1)}")
    stage.expect(probes <= processes * (1 + lasted), f"{probes:.0f} tries to connect in {lasted:.0f} s are a storm")
    stage.note(f"{panics} panics in {lasted:.0f} s; {probes:.0f} tries to connect, {told.total()} warnings about that")
    stage.note(f"{spent / lasted:.0%} of a core, {len(refused)} refusals included")


def _probes(stage: Environment) -> float:
    """Return how often a worker has tried whether the database is back."""
    labels = {"breaker": "database", "before": "open", "after": "half-open"}
    scrapes = map(scraped, stage.deployment.metrics_ports)
    return sum(scrape.total("breaker_transitions_total", **labels) for scrape in scrapes)


def _panic_again_and_again(stage: Environment, place: Path | None) -> int:
    """Start it whenever it has ended, and fill what it has made room for; return how often it panicked."""
    panics, until = 0, time.monotonic() + LASTS * SCALE
    while time.monotonic() < until:
        if place is not None:
            _fill(place)
            with suppress(psycopg.Error):
                stage.database.run("SELECT pg_switch_wal()")
        elif not stage.database.has_ended():
            stage.database.kill()
        if stage.database.has_ended():
            panics += 1
            stage.database.try_to_start()
        time.sleep(0.2)
    stage.database.stop()
    return panics


def _fill(place: Path) -> None:
    left = os.statvfs(place)
    with (place / "ballast").open("ab") as ballast, suppress(OSError):
        ballast.write(b"\0" * (left.f_bavail * left.f_frsize))


@contextmanager
def _own_file_system(stage: Environment) -> Iterator[Path | None]:
    """Have the write-ahead log on a small file system meanwhile, where one may be mounted."""
    data, place = stage.database.directory / "data", stage.database.directory / "wal"
    place.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", SIZE, "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        yield None
        return
    stage.database.stop()
    uid, gid = cluster.account(stage.database.directory) or (-1, -1)
    shutil.copytree(data / "pg_wal", place / "pg_wal")
    for each in (place, *place.rglob("*")):
        os.chown(each, uid, gid)
    (data / "pg_wal").rename(data / "pg_wal.before")
    (data / "pg_wal").symlink_to(place / "pg_wal")
    stage.database.start(disposable=False)
    try:
        yield place
    finally:
        stage.database.stop()
        (data / "pg_wal").unlink()
        shutil.copytree(place / "pg_wal", data / "pg_wal")
        for each in (data / "pg_wal", *(data / "pg_wal").rglob("*")):
            os.chown(each, uid, gid)
        shutil.rmtree(data / "pg_wal.before")
        subprocess.run(["umount", "--lazy", str(place)], check=False)
        stage.database.start(disposable=False)


def _told(stage: Environment, offset: int) -> Counter[str]:
    """Return how often each thing was said, at WARNING and above, that is not about one request."""
    with stage.deployment.log.open("rb") as log:
        log.seek(offset)
        lines = [json.loads(raw) for raw in log if raw.startswith(b"{")]
    loud = [line for line in lines if line["level"] in {"WARNING", "ERROR"} and line["logger"] not in ABOUT_REQUESTS]
    return Counter(f"{line['logger']}: {line['message']}" for line in loud)


def _seconds_of_cpu(stage: Environment) -> float:
    """Return what all processes of the instances have computed so far."""
    ticks = 0
    for pid in (*stage.deployment.masters, *stage.deployment.workers):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS
