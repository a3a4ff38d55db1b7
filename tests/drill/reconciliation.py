"""Comparison of the service's log and metrics with the responses to its clients, and a search for secrets.

A request is counted and logged before its response is sent. Therefore the log has one entry for every response, and
the metrics equal the log, except for requests that a killed worker had logged and not yet counted.
"""

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.scrape import Scrape

SETTLES_WITHIN: Final = 5.0
THREADS: Final = 16
"""Requests that a worker may have logged and not counted."""
COUNT: Final = "http_request_duration_seconds_count"
SHAPES: Final = {
    "a token": re.compile(rb"eyJ[\w-]{10,}\.[\w-]{10,}\.|Bearer [\w-]{8,}"),
    "a digest of a password": re.compile(rb"\$argon2"),
    "an address": re.compile(rb"[\w.+-]+@(?!localhost\b|candor)[a-z0-9-]+\.[a-z]{2,}"),
}
"""The form of secrets in general."""
Key = tuple[str, str, str]
"""Method, route, status."""


@dataclass(frozen=True, slots=True)
class Crew:
    """The processes of a deployment."""

    masters: frozenset[int]
    workers: frozenset[int]


class Reconciliation:
    """The reconciliation of one fault: begun before it, and closed when all requests are finished."""

    def __init__(self, home: Path, log: Path, *, count: Callable[[], Counter[Key]], crew: Callable[[], Crew]) -> None:
        """Begin.

        Args:
            home: a folder; each deployment below it has a log ``err``.
            log: the log of the deployment whose metrics are counted.
            count: returns the values of these metrics.
            crew: returns its processes.
        """
        self._home, self._log, self._count, self._crew = home, log, count, crew
        self._from = {path: path.stat().st_size for path in home.rglob("err")}
        self._logged, self._ids = Counter[Key](), Counter[tuple[str, int]]()
        self._counted, self._before = count(), crew()

    @property
    def logged(self) -> int:
        """Return the number of requests in the log."""
        return self._logged.total()

    def close(self, acknowledged: Mapping[str, int]) -> list[str]:
        """Return the contradictions.

        Args:
            acknowledged: the status of every acknowledged write, by request id.
        """
        until = time.monotonic() + SETTLES_WITHIN
        while True:
            for path in self._home.rglob("err"):
                self._read(path)
            differences = self._differences()
            if not differences or time.monotonic() > until:
                return differences + self._missing(acknowledged)
            time.sleep(0.1)

    def _read(self, path: Path) -> None:
        with path.open("rb") as file:
            file.seek(self._from.get(path, 0))
            for raw in file:
                if not raw.endswith(b"\n"):
                    break
                self._from[path] = self._from.get(path, 0) + len(raw)
                if b'"candor.access"' in raw:
                    line = json.loads(raw)
                    self._ids[line["request_id"], line["status"]] += 1
                    if path == self._log:
                        self._logged[_key(line)] += 1

    def _differences(self) -> list[str]:
        """Return the differences between metrics and log; the metrics of an ended master are gone with it."""
        now = self._crew()
        if now.masters != self._before.masters:
            return []
        lost = THREADS * len(self._before.workers - now.workers)
        counted = self._count()
        counted.subtract(self._counted)
        gaps = {key: self._logged[key] - counted[key] for key in {*self._logged, *counted}}
        if all(gap >= 0 for gap in gaps.values()) and sum(gaps.values()) <= lost:
            return []
        found = (
            f"{' '.join(key)}: {self._logged[key]} logged, {counted[key]} counted" for key, gap in gaps.items() if gap
        )
        return [*found]

    def _missing(self, acknowledged: Mapping[str, int]) -> list[str]:
        lost = self._before.workers - self._crew().workers
        times = Counter(self._ids[each] for each in acknowledged.items())
        wrong = {found: number for found, number in times.items() if found != 1 and not (found > 1 and lost)}
        return [f"{number} acknowledged writes have {found} log entries" for found, number in wrong.items()]


def counted(scrapes: Collection[Scrape]) -> Counter[Key]:
    """Return the number of requests that all instances together have answered."""
    total = Counter[Key]()
    for scrape in scrapes:
        for (name, labels), value in scrape.samples.items():
            if name == COUNT:
                values = dict(labels)
                total[values["method"], values["route"], values["status"]] += round(value)
    return total


def _key(line: Mapping[str, object]) -> Key:
    method = str(line.get("method") or "other")
    return method.upper() if method == "other" else method, str(line["route"]), str(line["status"])


def secrets(paths: Collection[Path], known: Mapping[str, str]) -> Iterator[str]:
    """Yield the places of secrets: known values, and texts in the form of a secret.

    Args:
        paths: every log of the run.
        known: secrets, by their description.
    """
    for path in paths:
        for number, raw in enumerate(path.read_bytes().splitlines(), 1):
            found = [what for what, secret in known.items() if secret.encode() in raw]
            found += [what for what, shape in SHAPES.items() if shape.search(raw)]
            yield from (f"{what} is in line {number} of {path.name}" for what in found)
