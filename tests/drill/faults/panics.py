"""PostgreSQL stops with a panic, is started, and stops again."""

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

from deploy.local import postgres_cluster
from tests.drill.environment import SCALE, Environment
from tests.drill.verdicts import Verdict
from tests.scrape import scraped

SIZE: Final = "size=64m"
LASTS: Final = 20.0
EVERY: Final = 10.0
"""Seconds in which a process may log the same message once."""
ABOUT_REQUESTS: Final = frozenset({"candor.access", "candor.errors"})
TICKS: Final = os.sysconf("SC_CLK_TCK")


def wal_disk_full(env: Environment) -> None:
    """Fill the disk of the write-ahead log: PostgreSQL panics at every start; without a mount it is killed.

    Failures are 503; a worker tries to connect once a second, and logs the same message at most once in 10 s.
    """
    with _own_file_system(env) as place:
        env.expect_soon(env.are_ready, 15, "ready before the fault")
        began, offset, spent = time.monotonic(), env.deployment.log.stat().st_size, _seconds_of_cpu(env)
        probes = _probes(env)
        panics = _panic_again_and_again(env, place)
        lasted = time.monotonic() - began
        spent = _seconds_of_cpu(env) - spent
        probes = _probes(env) - probes
        if place is not None:
            (place / "ballast").unlink()
        env.database.start(disposable=False)
        env.heal()
        env.expect_soon(env.are_ready, 5, "ready again")
    rejected = [each for each in env.ledger.of(since=began) if each.verdict is Verdict.REJECTED]
    env.expect({each.status for each in rejected} <= {503, 507}, "what fails is 503, or 507 before the first panic")
    warnings = _warnings(env, offset)
    processes = len(env.deployment.workers) + 1
    most = processes * (1 + lasted // EVERY)
    env.expect(
        all(times <= most for times in warnings.values()), f"more than {most:.0f} times: {warnings.most_common(1)}"
    )
    env.expect(probes <= processes * (1 + lasted), f"{probes:.0f} tries to connect in {lasted:.0f} s are a storm")
    env.note(
        f"{panics} panics in {lasted:.0f} s; {probes:.0f} tries to connect, {warnings.total()} warnings about that"
    )
    env.note(f"{spent / lasted:.0%} of a core, {len(rejected)} rejections included")


def _probes(env: Environment) -> float:
    """Return the number of times that a worker has probed the database."""
    labels = {"breaker": "database", "before": "open", "after": "half-open"}
    scrapes = map(scraped, env.deployment.metrics_ports)
    return sum(scrape.total("breaker_transitions_total", **labels) for scrape in scrapes)


def _panic_again_and_again(env: Environment, place: Path | None) -> int:
    """Start it whenever it has ended, and fill the space that it has freed; return the number of panics."""
    panics, until = 0, time.monotonic() + LASTS * SCALE
    while time.monotonic() < until:
        if place is not None:
            _fill(place)
            with suppress(psycopg.Error):
                env.database.run("SELECT pg_switch_wal()")
        elif not env.database.has_ended():
            env.database.kill()
        if env.database.has_ended():
            panics += 1
            env.database.try_to_start()
        time.sleep(0.2)
    env.database.stop()
    return panics


def _fill(place: Path) -> None:
    left = os.statvfs(place)
    with (place / "ballast").open("ab") as ballast, suppress(OSError):
        ballast.write(b"\0" * (left.f_bavail * left.f_frsize))


@contextmanager
def _own_file_system(env: Environment) -> Iterator[Path | None]:
    """Move the write-ahead log to a small file system for the time of the fault, where one can be mounted."""
    data, place = env.database.directory / "data", env.database.directory / "wal"
    place.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", SIZE, "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        yield None
        return
    env.database.stop()
    uid, gid = postgres_cluster.account(env.database.directory) or (-1, -1)
    shutil.copytree(data / "pg_wal", place / "pg_wal")
    for each in (place, *place.rglob("*")):
        os.chown(each, uid, gid)
    (data / "pg_wal").rename(data / "pg_wal.before")
    (data / "pg_wal").symlink_to(place / "pg_wal")
    env.database.start(disposable=False)
    try:
        yield place
    finally:
        env.database.stop()
        (data / "pg_wal").unlink()
        shutil.copytree(place / "pg_wal", data / "pg_wal")
        for each in (data / "pg_wal", *(data / "pg_wal").rglob("*")):
            os.chown(each, uid, gid)
        shutil.rmtree(data / "pg_wal.before")
        subprocess.run(["umount", "--lazy", str(place)], check=False)
        env.database.start(disposable=False)


def _warnings(env: Environment, offset: int) -> Counter[str]:
    """Return the number of log entries per message, at WARNING and above, that are not about one request."""
    with env.deployment.log.open("rb") as log:
        log.seek(offset)
        lines = [json.loads(raw) for raw in log if raw.startswith(b"{")]
    loud = [line for line in lines if line["level"] in {"WARNING", "ERROR"} and line["logger"] not in ABOUT_REQUESTS]
    return Counter(f"{line['logger']}: {line['message']}" for line in loud)


def _seconds_of_cpu(env: Environment) -> float:
    """Return the CPU seconds of all processes of the instances so far."""
    ticks = 0
    for pid in (*env.deployment.masters, *env.deployment.workers):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS
