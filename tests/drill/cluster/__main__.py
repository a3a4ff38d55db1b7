"""``make drill-cluster``: faults of machines by the list of hosts, three times each; ``ALL=1``: all, five times.

``ONLY=switchover,link-down`` runs these faults, ``WAYS=hosts,haproxy`` uses these ways, ``RUNS=1`` repeats once.
A run without ``ONLY`` writes its table into ``docs/evidence/cluster.md``. It exits with 1 if an acknowledged write was
lost or done twice, or a response was improper; with ``ALL=1``, also if a target was missed.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from psycopg import sql

from deploy.stack.program_paths import NginxError, find
from tests import evidence
from tests.drill.cluster.faults import DEFAULT, ONLY_BY, OTHERS, Fault, NotPossible, Rig, name_of
from tests.drill.cluster.measure import GRACE, Trial, failed_later, markdown, outage, targets_missed
from tests.drill.cluster.network import NetworkError, network
from tests.drill.cluster.oracle import Acknowledged, parsed
from tests.drill.cluster.postgres import PATRONI, Cluster, ClusterError, wait_for
from tests.drill.cluster.probe import Prober
from tests.drill.cluster.service import NAMES, WAYS, Service, keep, logs
from tests.drill.history import examine
from tests.drill.load import Ledger, Load
from tests.drill.verdicts import BUDGET, Verdict
from tests.drill.verdicts import GRACE as GRACE_OF_BUDGET
from tests.nightly import commit
from tests.stack.deployment import ROOT

LOGS: Final = ROOT / ".local" / "test-drill-cluster"
PROGRAMS: Final = ("ip", "etcd", "haproxy", "pgbouncer", "nginx", "redis-server")
CLIENTS: Final = 4
STEADY: Final = 2.0
BACK_WITHIN: Final = 60.0
OBSERVED: Final = 5.0
"""Seconds after the oracle is back and the cluster is whole."""
AT_MOST: Final[dict[bool, float]] = {False: 1500.0, True: 4 * 3600.0}
"""Seconds after which no further trial begins, by default and with ``ALL=1``."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The faults to run, by which ways, and how often."""

    faults: tuple[Fault, ...]
    ways: tuple[str, ...]
    runs: int
    is_all: bool
    is_complete: bool


def planned(environ: dict[str, str]) -> Plan:
    """Return the plan of a run. Raises: ValueError: a name is unknown."""
    is_all = environ.get("ALL", "") not in {"", "0"}
    faults = {name_of(fault): fault for fault in (*DEFAULT, *OTHERS)}
    only, ways = _names(environ.get("ONLY", "")), _names(environ.get("WAYS", ""))
    if unknown := [name for name in only if name not in faults] + [way for way in ways if way not in WAYS]:
        raise ValueError(f"{', '.join(unknown)} is unknown; faults: {', '.join(faults)}; ways: {', '.join(WAYS)}")
    chosen = tuple(faults[name] for name in only) or (*DEFAULT, *(OTHERS if is_all else ()))
    return Plan(
        chosen,
        tuple(ways) or (WAYS if is_all else WAYS[:1]),
        int(environ.get("RUNS") or (5 if is_all else 3)),
        is_all,
        not only,
    )


def _names(text: str) -> list[str]:
    return [name for name in text.replace(" ", "").split(",") if name]


class Oracle:
    """The process of ``oracle`` in its machine."""

    def __init__(self, rig: Rig, way: str) -> None:
        self._file = rig.home / "log" / "oracle.log"
        self._file.unlink(missing_ok=True)
        url = {"DATABASE_URL": rig.service.url(way)}
        argv = [sys.executable, "-m", "tests.drill.cluster.oracle"]
        self._process = rig.network.start("oracle", "oracle", argv, environment=url)

    def acknowledged(self) -> list[Acknowledged]:
        """Return the acknowledged writes until now."""
        lines = self._file.read_text(encoding="utf-8").splitlines(keepends=True)
        return parsed("".join(line for line in lines if line[:1].isdigit()))

    def is_back(self) -> bool:
        """Return True if a write of the last half second was acknowledged."""
        now = time.monotonic()
        return any(each.ended > now - 0.5 for each in self.acknowledged()[-20:])

    def stop(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait(10)


def tried(rig: Rig, fault: Fault, way: str, number: int) -> Trial:
    """Run a fault under load, and measure the service and the oracle. Raises: ClusterError, NotPossible."""
    rig.cluster.wait_until_whole()
    wait_for(rig.service.is_ready, BACK_WITHIN, "the service is not ready")
    rig.broken.clear()
    ledger = Ledger(f"{way}-{name_of(fault)}-{number}")
    oracle = Oracle(rig, way)
    try:
        wait_for(oracle.is_back, BACK_WITHIN, "the oracle writes nothing")
        with (
            Load(rig.service.place, rig.service.bearer, ledger, clients=CLIENTS),
            Prober(rig.service.place, rig.service.bearer, ledger) as prober,
        ):
            time.sleep(STEADY)
            began = time.monotonic()
            try:
                fault(rig)
            finally:
                rig.cluster.restore()
            wait_for(oracle.is_back, BACK_WITHIN, "the oracle is not back")
            rig.cluster.wait_until_whole()
            time.sleep(OBSERVED)
            ended = time.monotonic()
    finally:
        oracle.stop()
    written = [each.ended for each in prober.probes if each.kind == "keyed" and each.is_good]
    theirs = outage([each.ended for each in oracle.acknowledged()], since=began, until=ended)
    ours = outage(written, since=began, until=ended)
    findings = examine(ledger.creations, ledger.updates, rig.cluster.rows(f"{ledger.tag}/"))
    findings.lost += _lost(rig, oracle.acknowledged())
    reads = [each.is_good for each in prober.probes if each.kind == "get" and each.began >= began]
    failures = [each for each in ledger.entries if each.verdict is Verdict.FAILED]
    late = [each for each in failures if each.status and each.seconds > BUDGET + GRACE_OF_BUDGET]
    improper = [each.why for each in failures if each not in late]
    back = theirs.ended if theirs.seconds > 1 else began
    return Trial(
        name_of(fault),
        way,
        theirs.seconds,
        ours.seconds,
        failed_later(prober.probes, since=back + GRACE, until=ended - GRACE),
        reads.count(False) / len(reads),
        len(late),
        findings,
        (*improper, *_contradictions(prober), *rig.broken),
    )


def _contradictions(prober: Prober) -> list[str]:
    """Return the histories of single objects that no order explains."""
    return [words for history in prober.task.histories if (words := history.contradiction())]


def _lost(rig: Rig, acknowledged: list[Acknowledged]) -> list[str]:
    """Return the acknowledged writes of the oracle that are not stored: losses of the database, not of the service."""
    stored = {number for (number,) in rig.cluster.run(sql.SQL("SELECT number FROM oracle"))}
    return [f"the oracle's {each.number}" for each in acknowledged if each.number not in stored]


@contextmanager
def running_rig() -> Iterator[Rig]:
    """Build everything below a folder that the account of PostgreSQL can read, and remove it afterwards."""
    home = Path(tempfile.mkdtemp(prefix="candor-cluster-"))
    home.chmod(0o755)
    (home / "log").mkdir()
    try:
        with network(home / "log") as made:
            cluster = Cluster(made, home)
            service = Service(made, cluster, home)
            cluster.start()
            service.start()
            yield Rig(made, cluster, service, home)
    except (ClusterError, subprocess.SubprocessError):
        _print(logs(home / "log"))
        raise
    finally:
        keep(home / "log", LOGS)
        shutil.rmtree(home, ignore_errors=True)


def main(environ: dict[str, str]) -> int:
    """Run the plan, print and write the table, and return the exit code."""
    try:
        plan = planned(environ)
        for program in PROGRAMS:
            find(program)
    except (ValueError, NginxError) as error:
        return _complain(str(error))
    if not PATRONI.exists():
        return _complain("Patroni is not installed: make drill-cluster installs it")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the machines are removed
    began = time.monotonic()
    trials, skipped = list[Trial](), list[str]()
    try:
        with running_rig() as rig:
            _print(f"drill-cluster: ready after {time.monotonic() - began:.0f} s")
            for way in plan.ways:
                rig.service.serve(way)
                _run(rig, plan, way, began, trials, skipped)
    except (ClusterError, NetworkError, NginxError, subprocess.SubprocessError) as error:
        skipped.append(f"the run ended early: {error}")
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return _judged(plan, trials, skipped, time.monotonic() - began)


def _run(rig: Rig, plan: Plan, way: str, began: float, trials: list[Trial], skipped: list[str]) -> None:
    """Run the faults by one way."""
    for fault in plan.faults:
        if way not in ONLY_BY.get(fault, WAYS):
            continue
        for number in range(plan.runs):
            if time.monotonic() - began > AT_MOST[plan.is_all]:
                skipped.append(f"`{name_of(fault)}`, run {number + 1}: the time was up")
                continue
            try:
                trials.append(tried(rig, fault, way, number))
            except NotPossible as error:
                skipped.append(f"`{name_of(fault)}`: {error}")
                break
            _print(_line(trials[-1]))


def _line(trial: Trial) -> str:
    text = (
        f"{trial.fault} ({trial.way}): oracle {trial.oracle:.1f} s, service {trial.service:.1f} s, "
        f"failed later {trial.failed_later:.1%}, reads failed {trial.reads_failed:.1%}, late {trial.late}"
    )
    wrong = Counter(trial.failures)
    wrong.update(f"lost: {each}" for each in trial.findings.lost[:5])
    wrong.update(f"done once too often: {each}" for each in (trial.findings.doubled + trial.findings.risen)[:5])
    return "\n".join([text, *(f"  ! {what} ({times} times)" for what, times in wrong.most_common(10))])


def _judged(plan: Plan, trials: list[Trial], skipped: list[str], seconds: float) -> int:
    """Print the table, write it if the run was complete, and return the exit code."""
    table = markdown(trials, NAMES)
    missed = targets_missed(trials)
    wrong = sorted({trial.fault for trial in trials if not trial.is_correct})
    faults = [*(f"improper: {name}" for name in wrong), *missed]
    _print("\n".join(["", table, "", *skipped, *faults, f"drill-cluster: {len(trials)} trials in {seconds:.0f} s"]))
    if plan.is_complete and trials:
        evidence.write("drill-cluster", f"{_about(trials, skipped, faults, seconds)}\n\n{table}", page="cluster")
    ended_early = not trials or any("early" in each for each in skipped)
    return int(bool(wrong) or ended_early or (plan.is_all and bool(missed)))


def _about(trials: list[Trial], skipped: list[str], faults: list[str], seconds: float) -> str:
    """Return the lines before the table of the page."""
    busy = os.getloadavg()[0]
    return "\n".join([
        f"- Commit: `{commit()}`",
        f"- Date: {datetime.now(UTC):%Y-%m-%d}",
        f"- Duration: {seconds:.0f} seconds, {len(trials)} trials, on {os.cpu_count()} cores with a load of {busy:.0f}",
        f"- Targets missed: {'; '.join(faults) or 'none'}",
        *([f"- Not run: {'; '.join(skipped)}"] if skipped else []),
    ])  # fmt: skip


def _print(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def _complain(words: str) -> int:
    sys.stderr.write(f"drill-cluster: {words}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(dict(os.environ)))
