"""``python -m bench.cost``: the CPU time of a request by layer, in microseconds.

In process, without the HTTP server, whose cost is about that of the baseline in ``make bench`` W7. First whole
requests are timed, then the same with a timer around each layer; the cost of the timers is measured and subtracted,
and the last lines of the table show if both agree.
"""

import os
import statistics
import sys
import time
from collections import defaultdict
from typing import Final

from bench import database, in_process, measure, processes, report
from bench.workloads import WORKLOADS

ROWS: Final = 20_000
ROUNDS: Final = 9
BLOCK: Final = 0.04
"""Seconds of CPU in a block of requests."""
WARM: Final = 100
Columns = dict[str, dict[str, float]]
"""Microseconds by workload and layer."""


def main() -> int:
    """Measure and print."""
    database.HOME.mkdir(parents=True, exist_ok=True)
    with database.database() as url:
        database.fill(url, ROWS, owners=20)
        os.sched_setaffinity(0, processes.SERVER_CORE)
        with in_process.log_to_file("cost"):
            found = _measured(url)
    layers = sorted({layer for column in found.values() for layer in column}, key=lambda layer: _place(found, layer))
    heads = ["µs of CPU per request", *(f"{workload.key} {workload.name}" for workload in WORKLOADS)]
    rows = [[layer, *(_shown(found[workload.key].get(layer)) for workload in WORKLOADS)] for layer in layers]
    sys.stdout.write(f"{report.markdown(heads, rows)}\n")
    return 0


def _measured(url: str) -> Columns:
    app, callers = in_process.candor(url), measure.callers(url)
    senders = {each.key: in_process.Caller(app, each, each.make(callers)).send for each in WORKLOADS}
    sizes, whole = {}, defaultdict[str, list[float]](list)
    for key, send in senders.items():
        send(WARM)
        sizes[key] = max(3, int(BLOCK / _seconds(send, WARM)))
    for _ in range(ROUNDS):
        for key, send in senders.items():
            whole[key].append(_seconds(send, sizes[key]))

    from bench import layer_timing  # noqa: PLC0415 -- it imports the application, which must not be before in_process.candor

    timers = layer_timing.Timers()
    layer_timing.install(timers, app)
    read = timers.calibrated()
    samples: dict[str, dict[str, list[float]]] = {key: defaultdict(list) for key in senders}
    for _ in range(ROUNDS):
        for key, send in senders.items():
            timers.clear()
            send(sizes[key])
            for layer, seconds in read().items():
                samples[key][layer].append(seconds / sizes[key])
    found = {}
    for key, by_layer in samples.items():
        column = {layer: statistics.median(values) * 1e6 for layer, values in by_layer.items()}
        found[key] = column | {
            "= all layers": sum(column.values()),
            "= whole request, without timers": statistics.median(whole[key]) * 1e6,
        }
    return found


def _seconds(send: in_process.Send, times: int) -> float:
    began = time.thread_time()
    send(times)
    return (time.thread_time() - began) / times


def _place(found: Columns, layer: str) -> tuple[bool, bool, float]:
    """Sort what costs most first, hooks behind the rest, and sums last."""
    return layer.startswith("="), layer.startswith("hook"), -sum(column.get(layer, 0) for column in found.values())


def _shown(microseconds: float | None) -> str:
    return "" if microseconds is None else f"{microseconds:,.1f}" if microseconds < 10 else f"{microseconds:,.0f}"


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)
