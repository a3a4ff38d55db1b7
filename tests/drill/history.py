"""Comparison of the responses of writes with the final rows of the database.

Every title and every description is written at most once, therefore each row and each version names its request.
A creation with a 4xx response must not be stored; an acknowledged one must be stored once; others are undetermined.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.drill.http_client import Answer
from tests.drill.verdicts import Outcome, outcome


@dataclass(frozen=True, slots=True)
class Creation:
    """A requested task, and its client's last response."""

    title: str
    outcome: Outcome
    name: str = ""
    """The resource name in the acknowledgement."""
    code: str = ""
    """The code of the rejection."""


@dataclass(frozen=True, slots=True)
class Update:
    """A new description for a task, and its client's response."""

    name: str
    description: str
    outcome: Outcome
    version: int = 0
    """The version in the acknowledgement."""


@dataclass(frozen=True, slots=True)
class Row:
    """A task as the database stores it."""

    name: str
    title: str
    description: str | None
    version: int


@dataclass(slots=True)
class Findings:
    """Contradictions, in words; none when all is well."""

    lost: list[str] = field(default_factory=list)
    """Acknowledged, and not stored."""
    doubled: list[str] = field(default_factory=list)
    """Requested once, and applied twice."""
    risen: list[str] = field(default_factory=list)
    """Rejected, and stored nevertheless."""

    @property
    def is_clean(self) -> bool:
        """Return True if there are no contradictions."""
        return not (self.lost or self.doubled or self.risen)


def examine(creations: Iterable[Creation], updates: Iterable[Update], rows: Iterable[Row]) -> Findings:
    """Return the contradictions between responses and rows."""
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
    """Return the conclusion that the client of a keyed creation may draw from all its responses, in order."""
    responses = list(answers)
    outcomes = [outcome(answer) for answer in responses]
    if Outcome.ACKNOWLEDGED in outcomes:
        return Outcome.ACKNOWLEDGED
    is_running = any(answer.status == 409 and answer.json["code"] == "IDEMPOTENCY_IN_PROGRESS" for answer in responses)
    return Outcome.UNKNOWN if is_running or Outcome.UNKNOWN in outcomes else Outcome.REJECTED


def _examine_creations(creations: list[Creation], rows: list[Row], found: Findings) -> None:
    times = Counter(row.title for row in rows)
    names = {(row.title, row.name) for row in rows}
    for creation in creations:
        title = creation.title
        if creation.outcome is Outcome.ACKNOWLEDGED and (title, creation.name) not in names:
            found.lost.append(f"{title}, acknowledged as {creation.name}")
        if creation.outcome is Outcome.REJECTED and times[title] and creation.code != "TASK_TITLE_TAKEN":
            found.risen.append(f"{title}, rejected by {creation.code}")
        if creation.code == "TASK_TITLE_TAKEN":  # only a second copy of the same request can have taken it
            found.doubled.append(f"{title}, taken before it was requested")
    found.doubled += [f"{title}, {count} times" for title, count in times.items() if count > 1]
    known = {creation.title for creation in creations}
    found.risen += [f"{title}, which no client requested" for title in times if title not in known]


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
            found.lost.append(f"{row.name}: version {row.version} contains {row.description}, not {each.description}")
        if each.outcome is Outcome.REJECTED and each.description == row.description:
            found.risen.append(f"{row.name}: {row.description}, rejected")
