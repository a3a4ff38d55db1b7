"""``python -m bench.guard [--record]``: compare the cost of a request with the record, in multiples of the baseline.

Both run in this process in turns, block by block, and their CPU time is compared; therefore other programs on the
machine slow down both alike. A ratio over the recorded one by more than a fifth is measured again, later, before it
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
from bench.in_process import Send
from bench.workloads import WORKLOADS, Workload

RECORD: Final = Path(__file__).resolve().parent / "guard.json"
TOLERATED: Final = 1.2
ROWS: Final = 20_000
BLOCK: Final = 0.006
"""Seconds of CPU in a block of requests."""
ROUNDS: Final = 15
ATTEMPTS: Final = 8
PAUSE: Final = 3.0
"""Seconds before a ratio is measured again: the load of the machine may have changed then."""
WARM: Final = 30
Pairs = dict[str, tuple[Send, Send]]
"""The functions that send requests to Candor and to the baseline, by workload."""


def ratio(ask_candor: Send, ask_baseline: Send) -> float:
    """Return the CPU time of Candor's requests in multiples of the baseline's: the median of interleaved blocks."""
    sizes = [_size(send) for send in (ask_candor, ask_baseline)]
    found = []
    for number in range(ROUNDS):
        pairs = list(zip((ask_candor, ask_baseline), sizes, (0, 1), strict=True))
        costs = [0.0, 0.0]
        for send, size, place in pairs if number % 2 else reversed(pairs):
            costs[place] = _cpu(send, size) / size
        found.append(costs[0] / costs[1])
    return statistics.median(found)


def _size(send: Send) -> int:
    send(WARM)
    return max(2, int(BLOCK / (_cpu(send, WARM) / WARM)))


def _cpu(send: Send, times: int) -> float:
    began = time.process_time()
    send(times)
    return time.process_time() - began


def main(words: Sequence[str]) -> int:
    """Measure; record, or compare with the record."""
    parser = argparse.ArgumentParser(prog="make bench-guard", description=__doc__)
    parser.add_argument("--record", action="store_true", help="write the ratios to guard.json")
    selected = parser.parse_args(words)
    database.HOME.mkdir(parents=True, exist_ok=True)
    with database.database() as url:
        database.fill(url, ROWS, owners=20)
        os.sched_setaffinity(0, processes.SERVER_CORE)
        with in_process.log_to_file("guard"):
            callers = _callers(url)
            return _record(callers) if selected.record else _compare(callers)


def _record(callers: Pairs) -> int:
    """Store the medians of at most as many measurements as there are attempts."""
    found: dict[str, list[float]] = {key: [] for key in callers}
    for _ in range(ATTEMPTS):
        for key, pair in callers.items():
            found[key].append(ratio(*pair))
    text = json.dumps({key: round(statistics.median(ratios), 2) for key, ratios in found.items()}, indent=2)
    RECORD.write_text(f"{text}\n")
    sys.stdout.write(f"Recorded, in multiples of the baseline's CPU time:\n{text}\n")
    return 0


def _compare(callers: Pairs) -> int:
    """Return True if all ratios are tolerable; a ratio that is not is measured again after all others."""
    recorded: dict[str, float] = json.loads(RECORD.read_text())
    least = {key: float("inf") for key in callers}
    for attempt in range(ATTEMPTS):
        open_ = [key for key in callers if least[key] > recorded[key] * TOLERATED]
        time.sleep(PAUSE if attempt and open_ else 0)
        for key in open_:
            least[key] = min(least[key], ratio(*callers[key]))
    failed = [key for key in callers if least[key] > recorded[key] * TOLERATED]
    for key, found in least.items():
        verdict = "too much" if key in failed else "fine"
        sys.stdout.write(f"{key}: {found:.2f} times the baseline, recorded {recorded[key]:.2f}: {verdict}\n")
    if failed:
        sys.stdout.write(f"{', '.join(failed)}: `make bench-cost` shows the layer; if it is intended, ARGS=--record\n")
    return 1 if failed else 0


def _callers(url: str) -> Pairs:
    """Return the functions that send requests to Candor and to the baseline."""
    candor, baseline, callers = in_process.candor(url), in_process.baseline(url), measure.callers(url)

    def pair(workload: Workload) -> tuple[Send, Send]:
        requests = workload.make(callers)
        return in_process.Caller(candor, workload, requests).send, in_process.Caller(baseline, workload, requests).send

    gc.freeze()
    return {workload.key: pair(workload) for workload in WORKLOADS}


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)
