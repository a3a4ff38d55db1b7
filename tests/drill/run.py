"""Runs the faults under load, and builds the table of results."""

import textwrap
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from tests.drill.environment import Environment
from tests.drill.faults import Fault, name_of
from tests.drill.history import Findings, examine
from tests.drill.load import Entry, Ledger, Load
from tests.drill.verdicts import Verdict
from tests.stack.checkout import wait_until

CLIENTS: Final = 16
STEADY: Final = 1.0
"""Seconds of load without a fault, before and after each, in which no request is rejected."""
CALM_WITHIN: Final = 15.0
READY_WITHIN: Final = 60.0
SHOWN: Final = 5
HEAD: Final = ("fault", "sent", "succeeded", "rejected", "failed", "lost", "doubled", "recovery")


@dataclass
class Row:
    """The outcomes of all requests during one fault."""

    name: str
    verdicts: Counter[Verdict]
    findings: Findings
    recovery: float
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Return True if every promise was kept."""
        return not self.failures and self.findings.is_clean

    @property
    def cells(self) -> tuple[str, ...]:
        """Return the cells of the table; a rejected write that is stored counts as a duplicate."""
        verdicts, found = self.verdicts, self.findings
        numbers = (sum(verdicts.values()), verdicts[Verdict.ANSWERED], verdicts[Verdict.REJECTED], len(self.failures))
        wrong = (len(found.lost), len(found.doubled) + len(found.risen))
        return (self.name, *(f"{number:,}" for number in numbers + wrong), f"{self.recovery:.1f} s")


def run_fault(env: Environment, fault: Fault, number: int) -> Row:
    """Run a fault under load, wait until requests succeed again, and examine the stored rows."""
    wait_until(env.is_whole, READY_WITHIN)  # after the previous fault, even if it broke a promise
    env.ledger, env.notes, env.broken = Ledger(f"{number}-{name_of(fault)}"), [], []
    reconciliation = env.reconciliation()
    with Load(env.deployment.port, env.bearer, env.ledger, clients=CLIENTS):
        env.heal()
        _calm(env, "before the fault")  # breakers and pools may still recover from the previous one
        fault(env)
        recovery = _calm(env, "after the fault")
    ledger = env.ledger
    env.broken += reconciliation.close(ledger.acknowledged)
    env.note(f"{len(ledger.acknowledged):,} acknowledged writes and {reconciliation.logged:,} requests in the log")
    findings = examine(ledger.creations, ledger.updates, env.database.rows(f"{ledger.tag}/"))
    failures = [each.why for each in ledger.entries if each.verdict is Verdict.FAILED]
    rejections = Counter(each.why for each in ledger.entries if each.verdict is Verdict.REJECTED)
    env.notes += [f"{times:,} × {why}" for why, times in rejections.most_common()]
    verdicts = Counter(each.verdict for each in ledger.entries)
    return Row(name_of(fault), verdicts, findings, recovery, env.broken + failures, env.notes)


def _calm(env: Environment, when: str) -> float:
    """Wait until no request was rejected for a second, and return the seconds from the fault's end to the last one."""
    until = time.monotonic() + CALM_WITHIN
    while time.monotonic() < until:
        time.sleep(0.1)
        last = max([env.healed_at, *(each.ended for each in _unanswered(env.ledger.of()))])
        if time.monotonic() - last > STEADY:
            break
    else:
        env.broken.append(f"requests are still rejected after {CALM_WITHIN:g} s {when}")
    return last - env.healed_at


def _unanswered(entries: Iterable[Entry]) -> list[Entry]:
    return [each for each in entries if each.verdict is not Verdict.ANSWERED]


def details(row: Row) -> str:
    """Return the notes and the broken promises, one per line."""
    lines = [f"    {note}" for note in row.notes]
    wrong = Counter(row.failures)
    wrong.update(f"acknowledged and lost: {each}" for each in row.findings.lost[:SHOWN])
    wrong.update(f"done once too often: {each}" for each in (row.findings.doubled + row.findings.risen)[:SHOWN])
    lines += [f"  ! {what}{f' ({times} times)' if times > 1 else ''}" for what, times in wrong.most_common(2 * SHOWN)]
    return "\n".join(textwrap.shorten(line, 200) if len(line) > 240 else line for line in lines)


def table(rows: Iterable[Row]) -> str:
    """Return the table."""
    cells = [HEAD, *(row.cells for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    align: list[Callable[[str, int], str]] = [str.ljust, *[str.rjust] * (len(HEAD) - 1)]
    lines = [
        "  ".join(side(cell, width) for side, cell, width in zip(align, row, widths, strict=True)) for row in cells
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def markdown(rows: Iterable[Row]) -> str:
    """Return the table of the page ``docs/evidence/drill.md``."""
    titles = ("fault", "requests", "succeeded", "rejected", "failed", "lost writes", "duplicate writes", "recovery")
    cells = [titles, ("---",) * len(titles), *((f"`{row.cells[0]}`", *row.cells[1:]) for row in rows)]
    return "\n".join(f"| {' | '.join(each)} |" for each in cells)
