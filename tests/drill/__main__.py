"""``make drill``: all faults, or those in ``ONLY=``, lasting DRILL_SCALE times as long; exits 1 for a broken promise.

A run of every fault writes its table into ``docs/evidence/drill.md``.
"""

import os
import shutil
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Final

from tests import evidence
from tests.drill.environment import Environment, running_environment
from tests.drill.faults import FAULTS, Fault, name_of
from tests.drill.history import examine
from tests.drill.load import Ledger
from tests.drill.run import Row, details, markdown, run_fault, table
from tests.nightly import commit
from tests.stack.deployment import NGINX, ROOT

HOME: Final = ROOT / ".local" / "test-drill"


def main(only: str) -> int:
    """Run the faults, print the table, return the exit code."""
    wanted = {each for each in only.replace(" ", "").split(",") if each}
    faults = [fault for fault in FAULTS if not wanted or name_of(fault) in wanted]
    if unknown := wanted - {name_of(fault) for fault in faults}:
        return _complain(f"no fault is called {', '.join(sorted(unknown))}, but {', '.join(map(name_of, FAULTS))}")
    if NGINX is None:
        return _complain("nginx is not installed (apt-get install nginx)")
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    began = time.monotonic()
    _print(f"drill: {len(faults)} faults, on PostgreSQL, two instances and nginx below {HOME.relative_to(ROOT)}")
    with running_environment(HOME) as env:
        rows = _run_faults(env, faults)
    _print(f"\n{table(rows)}\n")
    bad = [row.name for row in rows if not row.is_good]
    judged = f"promises were broken by {', '.join(bad)}" if bad else "every promise was kept"
    seconds = time.monotonic() - began
    if not wanted:
        evidence.write("drill", f"{_about(rows, judged, seconds)}\n\n{markdown(rows)}")
    _print(f"drill: {judged}, in {seconds:.0f} s")
    return 1 if bad else 0


def _run_faults(env: Environment, faults: list[Fault]) -> list[Row]:
    """Run the faults in order, and at the end compare all writes with the database again."""
    rows, ledgers = list[Row](), list[Ledger]()
    env.plant()
    for number, fault in enumerate(faults, 1):
        _print(f"{number}/{len(faults)} {name_of(fault)}: {(fault.__doc__ or '').splitlines()[0]}")
        rows.append(run_fault(env, fault, number))
        ledgers.append(env.ledger)
        if report := details(rows[-1]):
            _print(report)
    every = [each for ledger in ledgers for each in ledger.creations]
    updates = [each for ledger in ledgers for each in ledger.updates]
    verdicts = sum((row.verdicts for row in rows), Counter())
    findings = examine(every, updates, env.database.rows(""))
    rows.append(Row("all of it, in the end", verdicts, findings, 0.0, env.secrets_found()))
    if report := details(rows[-1]):
        _print(report)
    return rows


def _about(rows: list[Row], judged: str, seconds: float) -> str:
    """Return the first lines of the page's table."""
    sent = sum(sum(row.verdicts.values()) for row in rows[:-1])
    return f"""\
- Commit: `{commit()}`
- Date: {datetime.now(UTC):%Y-%m-%d}
- Duration: {seconds:.0f} seconds, {sent:,} requests
- Result: {judged}"""


def _print(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def _complain(words: str) -> int:
    sys.stderr.write(f"drill: {words}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(os.environ.get("ONLY", "")))
