"""``python -m bench.guard [--record]``: compare the cost of a request, relative to the baseline, with the record.

The program calls the service and the baseline in this process, in alternating blocks, and compares their CPU time.
Other programs on the machine therefore slow down both equally. A ratio that exceeds the record by more than 20 % is
measured again later, because noise only increases the cost.
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
ATTEMPTS: Final = 5
WARM: Final = 30
Pairs = dict[str, tuple[Send, Send]]
"""Senders for the service and the baseline, by workload."""


def ratio(send_to_service: Send, send_to_baseline: Send) -> float:
    """Return the CPU time of the service divided by that of the baseline: the median of interleaved pairs of blocks."""
    sizes = [_size(send) for send in (send_to_service, send_to_baseline)]
    found = []
    for number in range(ROUNDS):
        pairs = list(zip((send_to_service, send_to_baseline), sizes, (0, 1), strict=True))
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
    """Measure, then write the record or compare with it. Return the exit status."""
    parser = argparse.ArgumentParser(prog="make bench-guard", description=__doc__)
    parser.add_argument("--record", action="store_true", help="write the measured ratios to guard.json")
    options = parser.parse_args(words)
    database.HOME.mkdir(parents=True, exist_ok=True)
    with database.database() as url:
        database.fill(url, ROWS, owners=20)
        os.sched_setaffinity(0, processes.SERVER_CORE)
        with in_process.log_to_file("guard"):
            callers = _callers(url)
            return _record(callers) if options.record else _compare(callers)


def _record(callers: Pairs) -> int:
    """Write the median of ``ATTEMPTS`` measurements of each workload to guard.json."""
    found: dict[str, list[float]] = {key: [] for key in callers}
    for _ in range(ATTEMPTS):
        for key, pair in callers.items():
            found[key].append(ratio(*pair))
    text = json.dumps({key: round(statistics.median(ratios), 2) for key, ratios in found.items()}, indent=2)
    RECORD.write_text(f"{text}\n")
    sys.stdout.write(f"Recorded, in multiples of the CPU time of the baseline:\n{text}\n")
    return 0


def _compare(callers: Pairs) -> int:
    """Return 0 if all ratios are within the tolerance. Ratios above it are measured again after all others."""
    recorded: dict[str, float] = json.loads(RECORD.read_text())
    least = {key: float("inf") for key in callers}
    for _ in range(ATTEMPTS):
        for key in [key for key in callers if least[key] > recorded[key] * TOLERATED]:
            least[key] = min(least[key], ratio(*callers[key]))
    failed = [key for key in callers if least[key] > recorded[key] * TOLERATED]
    for key, found in least.items():
        verdict = "too high" if key in failed else "ok"
        sys.stdout.write(f"{key}: {found:.2f} times the baseline, recorded {recorded[key]:.2f}: {verdict}\n")
    if failed:
        sys.stdout.write(
            f"{', '.join(failed)}: `make bench-cost` shows the layer; to accept the cost, use ARGS=--record\n"
        )
    return 1 if failed else 0


def _callers(url: str) -> Pairs:
    """Return the senders for each workload."""
    service, baseline, callers = in_process.service(url), in_process.baseline_application(url), measure.callers(url)

    def pair(workload: Workload) -> tuple[Send, Send]:
        requests = workload.make(callers)
        return in_process.Caller(service, workload, requests).send, in_process.Caller(baseline, workload, requests).send

    gc.freeze()
    return {workload.key: pair(workload) for workload in WORKLOADS}


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)
