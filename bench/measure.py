"""The measurement: all servers up at the same time, asked in turns, round after round."""

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
from bench.candidates import SECRET, Contestant
from bench.server import Server
from bench.workloads import GET_ONE, Callers, Workload

ROWS: Final = 100_000
CONNECTIONS: Final = 4
"""Callers of the closed measurement: one at work and some waiting, so that the server's core is never idle."""
MANY: Final = 64
"""Connections that a fixed rate may use."""
WARM: Final = 60
"""Requests for finding out what one costs, after as many for warming up."""
OF_CAPACITY: Final = 0.6


@dataclass(frozen=True)
class Effort:
    """How much is measured."""

    rounds: int
    cpu_seconds: float
    """What a server is to work in each turn."""
    steady_seconds: float
    steady: tuple[str, ...]
    """Workloads that are also asked at a fixed rate."""


FULL: Final = Effort(rounds=7, cpu_seconds=0.5, steady_seconds=4, steady=("W1", "W2", "W4"))
QUICK: Final = Effort(rounds=3, cpu_seconds=0.12, steady_seconds=1, steady=("W1",))


@dataclass
class Cell:
    """What one contestant showed in one workload."""

    cpu_us: list[float] = field(default_factory=list)
    """CPU time of a request, in each round."""
    database_us: list[float] = field(default_factory=list)
    """CPU time of PostgreSQL for a request, in each round."""
    per_second: list[float] = field(default_factory=list)
    latency_ms: dict[str, float] = field(default_factory=dict)
    """At a fixed rate: the rate, quantiles, and the share answered as it should be."""

    @property
    def cost(self) -> float:
        """Return the median CPU time of a request in microseconds."""
        return statistics.median(self.cpu_us)


@dataclass
class Result:
    """What all showed."""

    cells: dict[tuple[str, str], Cell] = field(default_factory=dict)
    megabytes: dict[str, float] = field(default_factory=dict)
    """The most memory that each one's processes had, in turns' ends."""
    start_seconds: dict[str, float] = field(default_factory=dict)


class Bench:
    """All servers, and who asks them."""

    def __init__(self, url: str, contestants: Sequence[Contestant], workloads: Sequence[Workload]) -> None:
        self._url, self._contestants, self._workloads = url, contestants, workloads
        self._callers, self._database = callers(url), database.pid()
        self._servers: dict[str, Server] = {}
        self.result = Result()

    @contextmanager
    def up(self) -> Iterator[None]:
        """Start every server."""
        with ExitStack() as stack:
            for each in self._contestants:
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

    def turns(self, *, backwards: bool = False) -> Iterator[tuple[Contestant, Workload]]:
        """Yield who does what, workload by workload, so that those who are compared follow one another."""
        for workload in self._workloads:
            for contestant in reversed(self._contestants) if backwards else self._contestants:
                if workload.key not in contestant.lacks:
                    yield contestant, workload

    def agree(self) -> None:
        """Check that everybody answers the same. Raises: response_check.Disagreement."""
        expected: dict[str, object] = {}
        for contestant, workload in self.turns():
            port = self._servers[contestant.key].port
            answer = response_check.check(contestant, port, workload, self._callers, expected.get(workload.key))
            expected.setdefault(workload.key, answer)
        database.tidy(self._url)

    def round(self, number: int, effort: Effort) -> None:
        """Have everybody do everything once; the order of the contestants turns around from round to round."""
        turns = list(self.turns(backwards=number % 2 == 1))
        for place, (contestant, workload) in enumerate(turns, 1):
            say(f"round {number + 1} of {effort.rounds}, {place} of {len(turns)}: {workload.key} {contestant.name}")
            cell = self.result.cells.setdefault((contestant.key, workload.key), Cell())
            if not cell.cpu_us:
                self._turn(contestant, workload, WARM)
            cost = cell.cost / 1e6 if cell.cpu_us else self._turn(contestant, workload, WARM)[0]
            count = min(20_000, max(20, int(effort.cpu_seconds / cost)))
            cpu, in_database, seconds = self._turn(contestant, workload, count)
            cell.cpu_us.append(cpu * 1e6)
            cell.database_us.append(in_database * 1e6)
            cell.per_second.append(1 / seconds)
        database.tidy(self._url)

    def _turn(self, contestant: Contestant, workload: Workload, count: int) -> tuple[float, float, float]:
        """Return CPU time, that of PostgreSQL, and time of a request, in seconds; raise ``Disagreement``."""
        serving = self._servers[contestant.key]
        before, before_in_database = processes.cpu_seconds(serving.pid), processes.cpu_seconds(self._database)
        asks = workload.requests(self._callers, is_rpc=contestant.is_rpc)
        tally = load.closed(serving.port, asks, connections=CONNECTIONS, count=count, dial=contestant.dial)
        used = processes.cpu_seconds(serving.pid) - before
        used_in_database = processes.cpu_seconds(self._database) - before_in_database
        if tally.share(*workload.statuses) < 1:
            raise response_check.Disagreement(f"{contestant.name}, {workload.key}: answered {dict(tally.statuses)}")
        memory = processes.megabytes(serving.pid)
        self.result.megabytes[contestant.key] = max(memory, self.result.megabytes.get(contestant.key, 0))
        return used / count, used_in_database / count, tally.seconds / count

    def steady(self, effort: Effort) -> None:
        """Ask each at the same share of what its core can do, and note how long the answers take."""
        for contestant, workload in self.turns():
            if workload.key not in effort.steady:
                continue
            cell = self.result.cells[contestant.key, workload.key]
            rate = OF_CAPACITY * 1e6 / cell.cost
            say(f"{rate:.0f} a second: {workload.key} {contestant.name}")
            tally = load.steady(
                self._servers[contestant.key].port,
                workload.requests(self._callers, is_rpc=contestant.is_rpc),
                rate=rate,
                seconds=effort.steady_seconds,
                connections=MANY,
                dial=contestant.dial,
            )
            cell.latency_ms = {
                "rate": rate,
                "p50": tally.quantile(0.5),
                "p99": tally.quantile(0.99),
                "answered": tally.share(*workload.statuses),
            }
            database.tidy(self._url)


def callers(url: str) -> Callers:
    """Return who asks."""
    return Callers(bearer(database.READER), bearer(database.WRITER), tuple(database.ids(url, database.READER)))


def bearer(subject: str) -> dict[str, str]:
    """Return the header field of somebody's token."""
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


def say(line: str) -> None:
    """Tell how far it is; on a terminal, in one line that changes."""
    text = f"{time.monotonic() - _BEGAN:5.0f} s  {line}"
    sys.stderr.write(f"\r\033[K{text}" if sys.stderr.isatty() else f"{text}\n")
    sys.stderr.flush()
