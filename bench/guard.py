"""``python -m bench.guard [--record]``: compare the cost of a request with the record, in multiples of the baseline.

Both run in this process in turns, block by block, and their CPU time is compared; therefore other programs on the
machine slow down both alike. W1 and W7 are also sent to a real worker of each, under the same gunicorn, to measure the
server too. A ratio over the recorded one by more than is tolerated is measured again, later, before it counts: noise
only adds.
"""

import argparse
import gc
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from bench import candidates, database, in_process, load, measure, processes, server
from bench.in_process import Send
from bench.load import Requests
from bench.workloads import WORKLOADS, Workload
from deploy.local.free_ports import free_port

RECORD: Final = Path(__file__).resolve().parent / "guard.json"
TOLERATED: Final = 1.2
TOLERATED_OF_WORKERS: Final = 1.15
BY_WORKERS: Final = ("W1", "W7")
"""The workloads that are also sent to real workers."""
BLOCK_OF_WORKERS: Final = 0.1
"""As ``BLOCK``, for real workers: their connections are opened in each block."""
ROUNDS_OF_WORKERS: Final = 5
MEDIAN_OF: Final = 3
"""The number of measurements of real workers."""
ROWS: Final = 20_000
BLOCK: Final = 0.006
"""Seconds of CPU in a block of requests."""
ROUNDS: Final = 15
ATTEMPTS: Final = 8
PAUSE: Final = 3.0
"""Seconds before a ratio is measured again: the load of the machine may have changed then."""
WARM: Final = 30


@dataclass(frozen=True)
class Side:
    """Candor or the baseline: how requests are sent to it, and its CPU time in seconds."""

    send: Send
    cpu: Callable[[], float] = time.process_time

    def cost(self, times: int) -> float:
        """Send that many requests, and return the CPU time of one."""
        began = self.cpu()
        self.send(times)
        return (self.cpu() - began) / times

    def size(self, seconds: float) -> int:
        """Return the number of requests that take this long."""
        self.send(WARM)
        return max(2, int(seconds / self.cost(WARM)))


@dataclass(frozen=True)
class Pair:
    """One workload, sent to Candor and to the baseline."""

    sides: tuple[Side, Side]
    block: float = BLOCK
    rounds: int = ROUNDS
    median_of: int = 1
    tolerated: float = TOLERATED

    def ratio(self) -> float:
        """Return the CPU time of Candor's requests in multiples of the baseline's."""
        return statistics.median(self._interleaved() for _ in range(self.median_of))

    def _interleaved(self) -> float:
        """Return the median of interleaved blocks."""
        sizes = [side.size(self.block) for side in self.sides]
        found = []
        for number in range(self.rounds):
            costs = [0.0, 0.0]
            for place in (0, 1) if number % 2 else (1, 0):
                costs[place] = self.sides[place].cost(sizes[place])
            found.append(costs[0] / costs[1])
        return statistics.median(found)


Pairs = dict[str, Pair]
"""By workload."""


def main(words: Sequence[str]) -> int:
    """Measure; record, or compare with the record."""
    parser = argparse.ArgumentParser(prog="make bench-guard", description=__doc__)
    parser.add_argument("--record", action="store_true", help="write the ratios to guard.json")
    selected = parser.parse_args(words)
    database.HOME.mkdir(parents=True, exist_ok=True)
    with database.database() as url:
        database.fill(url, ROWS, owners=20)
        with _workers(url) as workers:
            os.sched_setaffinity(0, processes.SERVER_CORE)
            with in_process.log_to_file("guard"):
                pairs = {**_callers(url), **workers}
                return _record(pairs) if selected.record else _compare(pairs)


def _record(pairs: Pairs) -> int:
    """Store the medians of at most as many measurements as there are attempts."""
    found: dict[str, list[float]] = {key: [] for key in pairs}
    for _ in range(ATTEMPTS):
        for key, pair in pairs.items():
            found[key].append(pair.ratio())
    text = json.dumps({key: round(statistics.median(ratios), 2) for key, ratios in found.items()}, indent=2)
    RECORD.write_text(f"{text}\n")
    sys.stdout.write(f"Recorded, in multiples of the baseline's CPU time:\n{text}\n")
    return 0


def _compare(pairs: Pairs) -> int:
    """Return True if all ratios are tolerable; a ratio that is not is measured again after all others."""
    recorded: dict[str, float] = json.loads(RECORD.read_text())
    least = {key: float("inf") for key in pairs}

    def too_much() -> list[str]:
        return [key for key, pair in pairs.items() if least[key] > recorded[key] * pair.tolerated]

    for attempt in range(ATTEMPTS):
        open_ = too_much()
        time.sleep(PAUSE if attempt and open_ else 0)
        for key in open_:
            least[key] = min(least[key], pairs[key].ratio())
    failed = too_much()
    for key, found in least.items():
        verdict = "too much" if key in failed else "fine"
        sys.stdout.write(f"{key}: {found:.2f} times the baseline, recorded {recorded[key]:.2f}: {verdict}\n")
    if failed:
        sys.stdout.write(f"{', '.join(failed)}: `make bench-cost` shows the layer; if it is intended, ARGS=--record\n")
    return 1 if failed else 0


def _callers(url: str) -> Pairs:
    """Return the functions that send requests to Candor and to the baseline."""
    candor, baseline, callers = in_process.candor(url), in_process.baseline(url), measure.callers(url)

    def pair(workload: Workload) -> Pair:
        requests = workload.make(callers)
        ours, other = (in_process.Caller(each, workload, requests) for each in (candor, baseline))
        return Pair((Side(ours.send), Side(other.send)))

    gc.freeze()
    return {workload.key: pair(workload) for workload in WORKLOADS}


@contextmanager
def _workers(url: str) -> Iterator[Pairs]:
    """Serve Candor and the baseline with one worker each, and yield the pairs of their workloads."""
    commands = {
        "candor": candidates.CANDOR["candor"],
        "baseline": [sys.executable, *candidates.GUNICORN[1:], "bench.peers.baseline:served_without_pool()"],
    }
    callers, found = measure.callers(url), dict[str, server.Server]()
    with ExitStack() as stack:
        for each in (each for each in candidates.CANDIDATES if each.key in commands):
            port = free_port(followed_by=1)
            environment, command = each.environment(url, port), commands[each.key]
            found[each.key] = stack.enter_context(
                server.serving(f"guard-{each.key}", command, environment, port, cores=processes.SERVER_CORE)
            )

        def side(key: str, requests: Requests) -> Side:
            cpu = partial(processes.cpu_seconds, found[key].pid)
            return Side(partial(_send, found[key].port, requests), cpu)

        def pair(workload: Workload) -> Pair:
            requests = workload.make(callers)
            return Pair(
                (side("candor", requests), side("baseline", requests)),
                *(BLOCK_OF_WORKERS, ROUNDS_OF_WORKERS, MEDIAN_OF, TOLERATED_OF_WORKERS),
            )

        yield {f"{each.key} of a worker": pair(each) for each in WORKLOADS if each.key in BY_WORKERS}


def _send(port: int, requests: Requests, times: int) -> None:
    """Send requests to a worker from other cores. Raises: ValueError."""
    with processes.running_on(processes.OTHER_CORES):
        tally = load.closed(port, requests, connections=measure.CONNECTIONS, count=times)
    if tally.share(200) < 1:
        raise ValueError(f"answered {dict(tally.statuses)}")


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)
