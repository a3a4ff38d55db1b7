"""What clients were told about their writes, held against what the database says in the end.

Every title and every description is written at most once, so that each row and each version names the request it came
from. A creation that was told 4xx must not be there; one that was acknowledged must be, once; of the rest nobody knows.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.drill.http_client import Answer
from tests.drill.verdicts import Outcome, outcome


@dataclass(frozen=True, slots=True)
class Creation:
    """A task that was asked for, and the last that its client heard of it."""

    title: str
    outcome: Outcome
    name: str = ""
    """What the acknowledgement called it."""
    code: str = ""
    """The code of the refusal."""


@dataclass(frozen=True, slots=True)
class Update:
    """A new description for a task, and what its client heard of it."""

    name: str
    description: str
    outcome: Outcome
    version: int = 0
    """The version that the acknowledgement names."""


@dataclass(frozen=True, slots=True)
class Row:
    """A task as the database has it."""

    name: str
    title: str
    description: str | None
    version: int


@dataclass(slots=True)
class Findings:
    """What does not fit together, in words; nothing, where all is well."""

    lost: list[str] = field(default_factory=list)
    """Acknowledged, and not there."""
    doubled: list[str] = field(default_factory=list)
    """Asked for once, and done twice."""
    risen: list[str] = field(default_factory=list)
    """Refused, and there all the same."""

    @property
    def is_clean(self) -> bool:
        """Tell whether nothing was found."""
        return not (self.lost or self.doubled or self.risen)


def examine(creations: Iterable[Creation], updates: Iterable[Update], rows: Iterable[Row]) -> Findings:
    """Return what the database contradicts."""
    found, stored = Findings(), list(rows)
    _examine_creations(list(creations), stored, found)
    by_task: dict[str, list[Update]] = defaultdict(list)
    for update in updates:
        by_task[update.name].append(update)
    for row in stored:
        _examine_updates(row, by_task.pop(row.name, []), found)
    gone = [each for left in by_task.values() for each in left if each.outcome is Outcome.ACKNOWLEDGED]
    found.lost += [f"{each.description} of {each.name}, which is gone" for each in gone]
    return found


def settled(answers: Iterable[Answer]) -> Outcome:
    """Return what the client of a keyed creation may conclude from all that it was told, one try after the other."""
    said = list(answers)
    outcomes = [outcome(answer) for answer in said]
    if Outcome.ACKNOWLEDGED in outcomes:
        return Outcome.ACKNOWLEDGED
    is_running = any(answer.status == 409 and answer.json["code"] == "IDEMPOTENCY_IN_PROGRESS" for answer in said)
    return Outcome.UNKNOWN if is_running or Outcome.UNKNOWN in outcomes else Outcome.REFUSED


def _examine_creations(creations: list[Creation], rows: list[Row], found: Findings) -> None:
    times = Counter(row.title for row in rows)
    names = {(row.title, row.name) for row in rows}
    for creation in creations:
        title = creation.title
        if creation.outcome is Outcome.ACKNOWLEDGED and (title, creation.name) not in names:
            found.lost.append(f"{title}, acknowledged as {creation.name}")
        if creation.outcome is Outcome.REFUSED and times[title] and creation.code != "TASK_TITLE_TAKEN":
            found.risen.append(f"{title}, refused by {creation.code}")
        if creation.code == "TASK_TITLE_TAKEN":  # by whom, if not by a second copy of the same request
            found.doubled.append(f"{title}, taken before it was asked for")
    found.doubled += [f"{title}, {count} times" for title, count in times.items() if count > 1]
    known = {creation.title for creation in creations}
    found.risen += [f"{title}, which nobody asked for" for title in times if title not in known]


def _examine_updates(row: Row, updates: list[Update], found: Findings) -> None:
    acknowledged = [each for each in updates if each.outcome is Outcome.ACKNOWLEDGED]
    unknown = sum(each.outcome is Outcome.UNKNOWN for each in updates)
    for version, times in Counter(each.version for each in acknowledged).items():
        if times > 1:
            found.lost.append(f"{row.name}: version {version} was acknowledged to {times} clients")
    least, most = 1 + len(acknowledged), 1 + len(acknowledged) + unknown
    if row.version < least:
        found.lost.append(f"{row.name} is at version {row.version}, after {len(acknowledged)} acknowledged updates")
    if row.version > most:
        found.doubled.append(f"{row.name} is at version {row.version}, after at most {most - 1} updates")
    for each in updates:
        if each.outcome is Outcome.ACKNOWLEDGED and each.version == row.version and each.description != row.description:
            found.lost.append(f"{row.name}: version {row.version} says {row.description}, not {each.description}")
        if each.outcome is Outcome.REFUSED and each.description == row.description:
            found.risen.append(f"{row.name}: {row.description}, refused")
