"""The cost of a fault to the database, the time that the service adds, and the table of both."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Final

from tests.drill.cluster.probe import Probe
from tests.drill.history import Findings

MEDIAN_AT_MOST: Final = 1.0
WORST_AT_MOST: Final = 2.0
"""Seconds that the service may be back after the oracle."""
GRACE: Final = 2.0
"""Seconds after the return of the oracle, from which requests have to succeed."""
FAILED_AT_MOST: Final = 0.01
TITLES: Final = (
    "fault", "way", "runs", "oracle", "service", "added", "failed later", "reads failed", "late", "lost", "duplicate",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outage:
    """The longest time without an acknowledged write."""

    began: float
    ended: float

    @property
    def seconds(self) -> float:
        """Return its length."""
        return self.ended - self.began


@dataclass(frozen=True, slots=True)
class Trial:
    """One fault, once."""

    fault: str
    way: str
    oracle: float
    """Seconds without an acknowledged write."""
    service: float
    failed_later: float
    """The share of failed requests that began ``GRACE`` or more after the oracle was back."""
    reads_failed: float
    """The share of reads that failed during the whole trial."""
    late: int = 0
    """Responses after their deadline and its grace. On a busy machine, the drill itself is a cause of them."""
    findings: Findings = field(default_factory=Findings)
    failures: tuple[str, ...] = ()
    """Responses that no fault excuses: 500, or a problem document with a fault."""

    @property
    def added(self) -> float:
        """Return the seconds that the service was without an acknowledged write longer than the oracle."""
        return self.service - self.oracle

    @property
    def is_correct(self) -> bool:
        """Return True if no acknowledged write was lost or done twice, and there was no improper response."""
        return self.findings.is_clean and not self.failures


def outage(acknowledged: Iterable[float], *, since: float, until: float) -> Outage:
    """Return the longest gap between acknowledgements.

    Args:
        acknowledged: their times.
        since: the beginning of the fault. A gap may begin earlier, with the last acknowledgement before it.
        until: the end of the observation; a gap that lasts until then ends there.
    """
    times = sorted(acknowledged)
    before = max((time for time in times if time <= since), default=since)
    marks = [before, *(time for time in times if since < time < until), until]
    began, ended = max(pairwise(marks), key=lambda pair: pair[1] - pair[0])
    return Outage(began, ended)


def failed_later(probes: Iterable[Probe], *, since: float, until: float) -> float:
    """Return the share of requests in a span of time that failed; 0 when there were none."""
    later = [each.is_good for each in probes if since <= each.began < until]
    return later.count(False) / len(later) if later else 0.0


def targets_missed(trials: Sequence[Trial]) -> list[str]:
    """Return the targets that trials have missed, those of the list of hosts only, in words."""
    missed = []
    for (fault, way), group in grouped(trials).items():
        if way != "hosts":
            continue
        added = [trial.added for trial in group]
        if median(added) > MEDIAN_AT_MOST:
            missed.append(f"{fault}: back {median(added):.1f} s after the oracle (median), not {MEDIAN_AT_MOST:g}")
        if max(added) > WORST_AT_MOST:
            missed.append(f"{fault}: back {max(added):.1f} s after the oracle (worst), not {WORST_AT_MOST:g}")
        later = max(trial.failed_later for trial in group)
        if later > FAILED_AT_MOST:
            missed.append(f"{fault}: {later:.1%} of the requests failed later, not {FAILED_AT_MOST:.0%}")
    return missed


def grouped(trials: Iterable[Trial]) -> dict[tuple[str, str], list[Trial]]:
    """Return the trials of each fault and way."""
    found: dict[tuple[str, str], list[Trial]] = defaultdict(list)
    for trial in trials:
        found[trial.fault, trial.way].append(trial)
    return found


def markdown(trials: Iterable[Trial], names: dict[str, str]) -> str:
    """Return the table of ``docs/evidence/cluster.md``; ``names`` are those of the ways."""
    rows = [TITLES, ("---", "---", *["---:"] * (len(TITLES) - 2))]
    for (fault, way), group in grouped(trials).items():
        found = [trial.findings for trial in group]
        rows.append((
            f"`{fault}`",
            names.get(way, way),
            str(len(group)),
            *(_seconds([getattr(trial, name) for trial in group]) for name in ("oracle", "service", "added")),
            f"{max(trial.failed_later for trial in group):.1%}",
            f"{max(trial.reads_failed for trial in group):.1%}",
            str(sum(trial.late for trial in group)),
            str(sum(len(each.lost) for each in found)),
            str(sum(len(each.doubled) + len(each.risen) for each in found)),
        ))  # fmt: skip
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _seconds(found: Sequence[float]) -> str:
    """Return the median, and the worst if there are several."""
    return f"{median(found):.1f} s" + (f" ({max(found):.1f})" if len(found) > 1 else "")
