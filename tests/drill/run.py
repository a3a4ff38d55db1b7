"""One fault after the other under load, and what the table says of each."""

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
"""Seconds of load without a fault, before and after each, in which nothing may be refused."""
CALM_WITHIN: Final = 15.0
READY_WITHIN: Final = 60.0
SHOWN: Final = 5
HEAD: Final = ("fault", "sent", "answered", "refused", "failed", "lost", "doubled", "recovery")


@dataclass
class Row:
    """What became of everything that was asked during one fault."""

    name: str
    told: Counter[Verdict]
    findings: Findings
    recovery: float
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Tell whether every promise was kept."""
        return not self.failures and self.findings.is_clean

    @property
    def cells(self) -> tuple[str, ...]:
        """Return what the table shows; what was refused and is there all the same was done once too often."""
        told, found = self.told, self.findings
        numbers = (sum(told.values()), told[Verdict.ANSWERED], told[Verdict.REFUSED], len(self.failures))
        wrong = (len(found.lost), len(found.doubled) + len(found.risen))
        return (self.name, *(f"{number:,}" for number in numbers + wrong), f"{self.recovery:.1f} s")


def run_fault(stage: Environment, fault: Fault, number: int) -> Row:
    """Let a fault happen under load, wait until all is calm again, and examine what is stored."""
    wait_until(stage.is_whole, READY_WITHIN)  # after the fault before this one, whatever promise that broke
    stage.ledger, stage.notes, stage.broken = Ledger(f"{number}-{name_of(fault)}"), [], []
    reconciliation = stage.reconciliation()
    with Load(stage.deployment.port, stage.bearer, stage.ledger, clients=CLIENTS):
        time.sleep(STEADY)
        stage.expect(not _unanswered(stage.ledger.of()), "nothing is refused before the fault")
        fault(stage)
        recovery = _calm(stage)
    ledger = stage.ledger
    stage.broken += reconciliation.close(ledger.acknowledged)
    stage.note(f"{len(ledger.acknowledged):,} acknowledged writes and {reconciliation.logged:,} requests in the log")
    findings = examine(ledger.creations, ledger.updates, stage.database.rows(f"{ledger.tag}/"))
    failures = [each.why for each in ledger.entries if each.verdict is Verdict.FAILED]
    refusals = Counter(each.why for each in ledger.entries if each.verdict is Verdict.REFUSED)
    stage.notes += [f"{times:,} × {why}" for why, times in refusals.most_common()]
    told = Counter(each.verdict for each in ledger.entries)
    return Row(name_of(fault), told, findings, recovery, stage.broken + failures, stage.notes)


def _calm(stage: Environment) -> float:
    """Wait until nothing was refused for a second, and return how long after the fault something last was."""
    until = time.monotonic() + CALM_WITHIN
    while time.monotonic() < until:
        time.sleep(0.1)
        last = max([stage.healed_at, *(each.ended for each in _unanswered(stage.ledger.of()))])
        if time.monotonic() - last > STEADY:
            break
    else:
        stage.broken.append(f"still refused {CALM_WITHIN:g} s after the fault")
    return last - stage.healed_at


def _unanswered(entries: Iterable[Entry]) -> list[Entry]:
    return [each for each in entries if each.verdict is not Verdict.ANSWERED]


def details(row: Row) -> str:
    """Return what was observed, and everything that went wrong, in lines."""
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
