"""The measurement: all servers run at the same time, and get requests in turns, round after round."""

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
from deploy.local.free_ports import free_port

ROWS: Final = 100_000
CONNECTIONS: Final = 4
"""Callers of the closed measurement: one sends and some wait, therefore the server's core is never idle."""
MANY: Final = 64
"""Connections that a fixed rate may use."""
WARM: Final = 60
"""Requests for estimating the cost of one, after as many for warming up."""
OF_CAPACITY: Final = 0.6
CROWDS: Final = (1, 16, 64)
"""Numbers of callers of GET_ONE, in addition to CONNECTIONS."""
PAIRED: Final = ("W1", "W2")
"""Workloads of two workers."""
CALLERS_OF_PAIRS: Final = 16
REST_SECONDS: Final = 1.0
"""The pause after the start, before memory at rest is read."""


@dataclass(frozen=True)
class Effort:
    """The duration of the measurement."""

    rounds: int
    cpu_seconds: float
    """The CPU seconds of a server in each turn."""
    steady_seconds: float
    steady: tuple[str, ...]
    """Workloads that are also sent at a fixed rate."""
    rounds_of_pairs: int
    pair_seconds: float
    """The seconds of each turn of one worker and of two, and of each number of callers."""


FULL: Final = Effort(7, 0.35, 3, ("W1", "W2", "W4"), rounds_of_pairs=3, pair_seconds=0.7)
QUICK: Final = Effort(3, 0.1, 1, ("W1",), rounds_of_pairs=2, pair_seconds=0.3)


@dataclass
class Cell:
    """The measurements of one candidate in one workload."""

    cpu_us: list[float] = field(default_factory=list)
    """CPU time of a request, in each round."""
    database_us: list[float] = field(default_factory=list)
    """CPU time of PostgreSQL for a request, in each round."""
    per_second: list[float] = field(default_factory=list)
    latency_ms: dict[str, float] = field(default_factory=dict)
    """At a fixed rate: the rate, quantiles, and the share of expected responses."""
    crowds: dict[int, "Burst"] = field(default_factory=dict)
    """By number of callers."""
    pairs: list[tuple["Burst", "Burst"]] = field(default_factory=list)
    """One worker on one core, and two workers on two, in each round."""

    @property
    def cost(self) -> float:
        """Return the median CPU time of a request in microseconds."""
        return statistics.median(self.cpu_us)


@dataclass(frozen=True)
class Burst:
    """Requests of callers who send again as soon as they have their response."""

    cpu_us: float
    """CPU time of a request."""
    per_second: float
    """Expected responses."""
    p50_ms: float
    p99_ms: float
    answered: float
    """The share of expected responses."""


@dataclass
class Result:
    """All measurements."""

    cells: dict[tuple[str, str], Cell] = field(default_factory=dict)
    megabytes: dict[str, float] = field(default_factory=dict)
    """The maximum memory of each candidate's processes, at the ends of turns."""
    start_seconds: dict[str, float] = field(default_factory=dict)
    """From the start to the first response: of one worker on one core, then of two on two, if they were measured."""
    worker_megabytes: dict[str, float] = field(default_factory=dict)
    """The resident set of a worker after its start."""


class Bench:
    """All servers, and their callers."""

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
                port = free_port(followed_by=1)
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
                progress(f"starting {each.name}")
                self._servers[each.key] = stack.enter_context(serving)
                self.result.start_seconds[each.key] = self._servers[each.key].seconds
            time.sleep(REST_SECONDS)
            for key, started in self._servers.items():
                self.result.worker_megabytes[key] = processes.worker_megabytes(started.pid)
            yield

    def turns(self, *, backwards: bool = False) -> Iterator[tuple[Candidate, Workload]]:
        """Yield the turns, workload by workload, in which compared candidates follow one another."""
        for workload in self._workloads:
            for candidate in reversed(self._candidates) if backwards else self._candidates:
                if workload.key not in candidate.lacks:
                    yield candidate, workload

    def agree(self) -> None:
        """Check that all servers send the same responses. Raises: response_check.Disagreement."""
        expected: dict[str, object] = {}
        for candidate, workload in self.turns():
            port = self._servers[candidate.key].port
            answer = response_check.check(candidate, port, workload, self._callers, expected.get(workload.key))
            expected.setdefault(workload.key, answer)
        database.tidy(self._url)

    def round(self, number: int, effort: Effort) -> None:
        """Run every turn once; the order of the candidates is reversed from round to round."""
        turns = list(self.turns(backwards=number % 2 == 1))
        for place, (candidate, workload) in enumerate(turns, 1):
            progress(f"round {number + 1} of {effort.rounds}, {place} of {len(turns)}: {workload.key} {candidate.name}")
            cell = self.result.cells.setdefault((candidate.key, workload.key), Cell())
            if not cell.cpu_us:
                self._turn(candidate, workload, WARM)
            cost = cell.cost / 1e6 if cell.cpu_us else self._turn(candidate, workload, WARM)[0]
            count = min(20_000, max(20, int(effort.cpu_seconds / cost)))
            cpu, in_database, seconds = self._turn(candidate, workload, count)
            cell.cpu_us.append(cpu * 1e6)
            cell.database_us.append(in_database * 1e6)
            cell.per_second.append(1 / seconds)
        database.tidy(self._url)

    def _turn(self, candidate: Candidate, workload: Workload, count: int) -> tuple[float, float, float]:
        """Return CPU time, that of PostgreSQL, and time of a request, in seconds; raise ``Disagreement``."""
        serving = self._servers[candidate.key]
        before, before_in_database = processes.cpu_seconds(serving.pid), processes.cpu_seconds(self._database)
        asks = candidate.requests(workload, self._callers)
        tally = load.closed(serving.port, asks, connections=CONNECTIONS, count=count, dial=candidate.dial)
        used = processes.cpu_seconds(serving.pid) - before
        used_in_database = processes.cpu_seconds(self._database) - before_in_database
        if tally.share(*workload.statuses) < 1:
            raise response_check.Disagreement(f"{candidate.name}, {workload.key}: answered {dict(tally.statuses)}")
        memory = processes.megabytes(serving.pid)
        self.result.megabytes[candidate.key] = max(memory, self.result.megabytes.get(candidate.key, 0))
        return used / count, used_in_database / count, tally.seconds / count

    def steady(self, effort: Effort) -> None:
        """Send requests to each server at the same share of its core's capacity, and record the latencies."""
        for candidate, workload in self.turns():
            if workload.key not in effort.steady:
                continue
            cell = self.result.cells[candidate.key, workload.key]
            rate = OF_CAPACITY * 1e6 / cell.cost
            progress(f"{rate:.0f} a second: {workload.key} {candidate.name}")
            tally = load.steady(
                self._servers[candidate.key].port,
                candidate.requests(workload, self._callers),
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
            database.tidy(self._url)

    def crowds(self, effort: Effort) -> None:
        """Let several numbers of callers read one task each."""
        for candidate, workload in self.turns():
            if workload is GET_ONE:
                for size in CROWDS:
                    progress(f"callers: {size}: {candidate.name}")
                    crowd = self._burst(candidate, self._servers[candidate.key], workload, size, effort.pair_seconds)
                    self.result.cells[candidate.key, workload.key].crowds[size] = crowd

    def pairs(self, effort: Effort) -> None:
        """Start each HTTP server again with two workers on two cores, and compare it with its one worker in turns."""
        if len(processes.SERVER_CORES) < 2:
            return
        for candidate in self._candidates:
            workloads = [each for each in self._workloads if each.key in PAIRED and each.key not in candidate.lacks]
            if workloads and not candidate.is_rpc:
                self._pair(candidate, workloads, effort)

    def _pair(self, candidate: Candidate, workloads: Sequence[Workload], effort: Effort) -> None:
        port = free_port(followed_by=1)
        environment = candidate.environment(self._url, port, workers=2)
        progress(f"two workers: {candidate.name}")
        with server.serving(
            f"{candidate.key}-2", candidate.command, environment, port, cores=processes.SERVER_CORES, workers=2
        ) as two:
            one, seconds = self._servers[candidate.key], effort.pair_seconds
            self.result.start_seconds[candidate.key] = two.seconds
            for workload in workloads:
                self._burst(candidate, two, workload, CALLERS_OF_PAIRS, seconds)
                for _ in range(effort.rounds_of_pairs):
                    first, second = (
                        self._burst(candidate, each, workload, CALLERS_OF_PAIRS, seconds) for each in (one, two)
                    )
                    self.result.cells[candidate.key, workload.key].pairs.append((first, second))

    def _burst(self, candidate: Candidate, serving: Server, workload: Workload, size: int, seconds: float) -> Burst:
        """Let callers send requests for a time."""
        asks, before = candidate.requests(workload, self._callers), processes.cpu_seconds(serving.pid)
        tally = load.closed(serving.port, asks, connections=size, seconds=seconds, dial=candidate.dial)
        used, answered = processes.cpu_seconds(serving.pid) - before, tally.share(*workload.statuses)
        total = tally.statuses.total()
        return Burst(
            cpu_us=used / total * 1e6,
            per_second=answered * total / tally.seconds,
            p50_ms=tally.quantile(0.5),
            p99_ms=tally.quantile(0.99),
            answered=answered,
        )


def callers(url: str) -> Callers:
    """Return the callers."""
    return Callers(bearer(database.READER), bearer(database.WRITER), tuple(database.ids(url, database.READER)))


def bearer(subject: str) -> dict[str, str]:
    """Return the header field of a user's token."""
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


def progress(line: str) -> None:
    """Print the progress; on a terminal, in one line that changes."""
    text = f"{time.monotonic() - _BEGAN:5.0f} s  {line}"
    sys.stderr.write(f"\r\033[K{text}" if sys.stderr.isatty() else f"{text}\n")
    sys.stderr.flush()
