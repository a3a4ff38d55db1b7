"""The measurement: all servers run at the same time and are called in turns, in several rounds."""

import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import jwt

from bench import database, load, processes, response_check, server
from bench.candidates import SECRET, Candidate
from bench.server import Server
from bench.workloads import GET_ONE, Callers, Workload

ROWS: Final = 100_000
CONNECTIONS: Final = 4
"""Clients that measure capacity. While one request runs, others wait: the core of the server is never idle."""
MANY: Final = 64
"""Maximum number of connections at a fixed rate."""
WARM: Final = 60
"""Number of requests for the estimate of the cost, after the same number of warm-up requests."""
OF_CAPACITY: Final = 0.6


@dataclass(frozen=True)
class Effort:
    """The amount of measurement."""

    rounds: int
    cpu_seconds: float
    """CPU time that a server uses in each turn."""
    steady_seconds: float
    steady: tuple[str, ...]
    """Workloads that are also measured at a fixed rate."""


FULL: Final = Effort(rounds=7, cpu_seconds=0.5, steady_seconds=4, steady=("W1", "W2", "W4"))
QUICK: Final = Effort(rounds=3, cpu_seconds=0.12, steady_seconds=1, steady=("W1",))


@dataclass
class Cell:
    """The results of one candidate in one workload."""

    cpu_us: list[float] = field(default_factory=list)
    """CPU time of a request, in each round."""
    database_us: list[float] = field(default_factory=list)
    """CPU time of PostgreSQL for a request, in each round."""
    per_second: list[float] = field(default_factory=list)
    latency_ms: dict[str, float] = field(default_factory=dict)
    """At a fixed rate: the rate, quantiles, and the share of successful responses."""

    @property
    def cost(self) -> float:
        """Return the median CPU time of a request in microseconds."""
        return statistics.median(self.cpu_us)


@dataclass
class Result:
    """The results of all candidates."""

    cells: dict[tuple[str, str], Cell] = field(default_factory=dict)
    megabytes: dict[str, float] = field(default_factory=dict)
    """The maximum memory of all processes of each candidate, measured after each turn."""
    start_seconds: dict[str, float] = field(default_factory=dict)


class Bench:
    """All servers and their clients."""

    def __init__(self, url: str, candidates: Sequence[Candidate], workloads: Sequence[Workload]) -> None:
        self._url, self._candidates, self._workloads = url, candidates, workloads
        self._callers, self._database = callers(url), database.pid()
        self._servers: dict[str, Server] = {}
        self.result = Result()

    @contextmanager
    def up(self) -> Iterator[None]:
        """Start every server."""
        with ExitStack() as stack:
            for each in self._candidates:
                port = server.free_ports()
                environment = each.environment(self._url, port)
                ready = GET_ONE.requests(self._callers, is_rpc=True)(0) if each.is_rpc else server.HEALTH
                serving = server.serving(
                    each.key,
                    each.command,
                    environment,
                    port,
                    cores=processes.SERVER_CORE,
                    ready=ready,
                    dial=each.dial,
                )
                self._servers[each.key] = stack.enter_context(serving)
                self.result.start_seconds[each.key] = self._servers[each.key].seconds
            yield

    def turns(self, *, backwards: bool = False) -> Iterator[tuple[Candidate, Workload]]:
        """Yield candidates by workload, because compared measurements follow each other directly."""
        for workload in self._workloads:
            for candidate in reversed(self._candidates) if backwards else self._candidates:
                if workload.key not in candidate.lacks:
                    yield candidate, workload

    def compare_responses(self) -> None:
        """Check that all candidates return the same responses. Raises: response_check.Disagreement."""
        expected: dict[str, object] = {}
        for candidate, workload in self.turns():
            port = self._servers[candidate.key].port
            answer = response_check.check(candidate, port, workload, self._callers, expected.get(workload.key))
            expected.setdefault(workload.key, answer)
        database.delete_created(self._url)

    def round(self, number: int, effort: Effort) -> None:
        """Measure each candidate once in each workload. Every other round has the reverse order."""
        turns = list(self.turns(backwards=number % 2 == 1))
        for place, (candidate, workload) in enumerate(turns, 1):
            log_progress(
                f"round {number + 1} of {effort.rounds}, {place} of {len(turns)}: {workload.key} {candidate.name}"
            )
            cell = self.result.cells.setdefault((candidate.key, workload.key), Cell())
            if not cell.cpu_us:
                self._turn(candidate, workload, WARM)
            cost = cell.cost / 1e6 if cell.cpu_us else self._turn(candidate, workload, WARM)[0]
            count = min(20_000, max(20, int(effort.cpu_seconds / cost)))
            cpu, in_database, seconds = self._turn(candidate, workload, count)
            cell.cpu_us.append(cpu * 1e6)
            cell.database_us.append(in_database * 1e6)
            cell.per_second.append(1 / seconds)
        database.delete_created(self._url)

    def _turn(self, candidate: Candidate, workload: Workload, count: int) -> tuple[float, float, float]:
        """Return the CPU time of the server, of PostgreSQL, and the duration per request, in seconds.

        Raises:
            Disagreement: a response has an unexpected status.
        """
        serving = self._servers[candidate.key]
        before, before_in_database = processes.cpu_seconds(serving.pid), processes.cpu_seconds(self._database)
        requests = workload.requests(self._callers, is_rpc=candidate.is_rpc)
        tally = load.closed(serving.port, requests, connections=CONNECTIONS, count=count, dial=candidate.dial)
        used = processes.cpu_seconds(serving.pid) - before
        used_in_database = processes.cpu_seconds(self._database) - before_in_database
        if tally.share(*workload.statuses) < 1:
            raise response_check.Disagreement(f"{candidate.name}, {workload.key}: returned {dict(tally.statuses)}")
        memory = processes.megabytes(serving.pid)
        self.result.megabytes[candidate.key] = max(memory, self.result.megabytes.get(candidate.key, 0))
        return used / count, used_in_database / count, tally.seconds / count

    def steady(self, effort: Effort) -> None:
        """Call each candidate at the same share of its capacity, and record the latencies."""
        for candidate, workload in self.turns():
            if workload.key not in effort.steady:
                continue
            cell = self.result.cells[candidate.key, workload.key]
            rate = OF_CAPACITY * 1e6 / cell.cost
            log_progress(f"{rate:.0f} a second: {workload.key} {candidate.name}")
            tally = load.steady(
                self._servers[candidate.key].port,
                workload.requests(self._callers, is_rpc=candidate.is_rpc),
                rate=rate,
                seconds=effort.steady_seconds,
                connections=MANY,
                dial=candidate.dial,
            )
            cell.latency_ms = {
                "rate": rate,
                "p50": tally.quantile(0.5),
                "p99": tally.quantile(0.99),
                "answered": tally.share(*workload.statuses),
            }
            database.delete_created(self._url)


def callers(url: str) -> Callers:
    """Return the callers, with their tokens."""
    return Callers(bearer(database.READER), bearer(database.WRITER), tuple(database.ids(url, database.READER)))


def bearer(subject: str) -> dict[str, str]:
    """Return a header field with a token for the subject."""
    now = datetime.now(UTC)
    claims = {
        "sub": subject,
        "scope": "tasks",
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(hours=12)).timestamp()),
        "jti": f"bench-{subject}",
    }
    return {"Authorization": f"Bearer {jwt.encode(claims, SECRET, algorithm='HS256')}"}


_BEGAN: Final = time.monotonic()


def log_progress(line: str) -> None:
    """Print the progress. A terminal shows one line that changes."""
    text = f"{time.monotonic() - _BEGAN:5.0f} s  {line}"
    sys.stderr.write(f"\r\033[K{text}" if sys.stderr.isatty() else f"{text}\n")
    sys.stderr.flush()
