"""``python -m bench.guard [--record]``: does a request still cost what it did, in multiples of the floor?

Both are called in this process in turns, block by block, and their CPU time is compared; so whoever else uses the
machine slows down both alike. What is over the recorded ratio by more than a fifth is measured again, later, before it
counts: noise only ever adds.
"""

import argparse
import gc
import json
import os
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench import database, in_process, measure, processes
from bench.in_process import Ask
from bench.workloads import WORKLOADS, Workload

RECORD: Final = Path(__file__).resolve().parent / "guard.json"
TOLERATED: Final = 1.2
ROWS: Final = 20_000
BLOCK: Final = 0.006
"""Seconds of CPU in a block of requests."""
ROUNDS: Final = 15
ATTEMPTS: Final = 5
WARM: Final = 30
Pairs = dict[str, tuple[Ask, Ask]]
"""Ours and the floor, by workload."""


def ratio(ask_ours: Ask, ask_floor: Ask) -> float:
    """Return the CPU time of our requests in multiples of the floor's: the median of interleaved pairs of blocks."""
    sizes = [_size(ask) for ask in (ask_ours, ask_floor)]
    found = []
    for number in range(ROUNDS):
        pairs = list(zip((ask_ours, ask_floor), sizes, (0, 1), strict=True))
        costs = [0.0, 0.0]
        for ask, size, place in pairs if number % 2 else reversed(pairs):
            costs[place] = _cpu(ask, size) / size
        found.append(costs[0] / costs[1])
    return statistics.median(found)


def _size(ask: Ask) -> int:
    ask(WARM)
    return max(2, int(BLOCK / (_cpu(ask, WARM) / WARM)))


def _cpu(ask: Ask, times: int) -> float:
    began = time.process_time()
    ask(times)
    return time.process_time() - began


def main(words: Sequence[str]) -> int:
    """Measure; record, or compare with what is recorded."""
    parser = argparse.ArgumentParser(prog="make bench-guard", description=__doc__)
    parser.add_argument("--record", action="store_true", help="write what is measured to guard.json")
    asked = parser.parse_args(words)
    database.HOME.mkdir(parents=True, exist_ok=True)
    with database.database() as url:
        database.fill(url, ROWS, owners=20)
        os.sched_setaffinity(0, processes.SERVER_CORE)
        with in_process.log_to_file("guard"):
            callers = _callers(url)
            return _record(callers) if asked.record else _compare(callers)


def _record(callers: Pairs) -> int:
    """Keep the medians of as many measurements as there are attempts at most."""
    found: dict[str, list[float]] = {key: [] for key in callers}
    for _ in range(ATTEMPTS):
        for key, pair in callers.items():
            found[key].append(ratio(*pair))
    text = json.dumps({key: round(statistics.median(ratios), 2) for key, ratios in found.items()}, indent=2)
    RECORD.write_text(f"{text}\n")
    sys.stdout.write(f"Recorded, in multiples of the floor's CPU time:\n{text}\n")
    return 0


def _compare(callers: Pairs) -> int:
    """Tell whether all are within what is tolerated: whatever is not at first is measured again after all others."""
    recorded: dict[str, float] = json.loads(RECORD.read_text())
    least = {key: float("inf") for key in callers}
    for _ in range(ATTEMPTS):
        for key in [key for key in callers if least[key] > recorded[key] * TOLERATED]:
            least[key] = min(least[key], ratio(*callers[key]))
    failed = [key for key in callers if least[key] > recorded[key] * TOLERATED]
    for key, found in least.items():
        verdict = "too much" if key in failed else "fine"
        sys.stdout.write(f"{key}: {found:.2f} times the floor, recorded {recorded[key]:.2f}: {verdict}\n")
    if failed:
        sys.stdout.write(f"{', '.join(failed)}: `make bench-cost` tells which layer; if it is meant, ARGS=--record\n")
    return 1 if failed else 0


def _callers(url: str) -> Pairs:
    """Return who asks what of ours and of the floor."""
    ours, floor, callers = in_process.ours(url), in_process.floor(url), measure.callers(url)

    def pair(workload: Workload) -> tuple[Ask, Ask]:
        requests = workload.make(callers)
        return in_process.Caller(ours, workload, requests).ask, in_process.Caller(floor, workload, requests).ask

    gc.freeze()
    return {workload.key: pair(workload) for workload in WORKLOADS}


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)
