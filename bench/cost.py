"""``python -m bench.cost``: where the CPU time of a request goes, layer by layer, in microseconds.

In process, so without the HTTP server: what the floor costs in ``make bench`` W7 is about what that takes. First whole
requests are timed, then the same with a timer around each layer; what the timers themselves take is measured and left
out, and the last lines of the table tell whether both agree.
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
    app, callers = in_process.ours(url), measure.callers(url)
    asks = {each.key: in_process.Caller(app, each, each.make(callers)).ask for each in WORKLOADS}
    sizes, whole = {}, defaultdict[str, list[float]](list)
    for key, ask in asks.items():
        ask(WARM)
        sizes[key] = max(3, int(BLOCK / _seconds(ask, WARM)))
    for _ in range(ROUNDS):
        for key, ask in asks.items():
            whole[key].append(_seconds(ask, sizes[key]))

    from bench import layer_timing  # noqa: PLC0415 -- it imports the application, which must not be before in_process.ours

    timers = layer_timing.Timers()
    layer_timing.install(timers, app)
    read = timers.calibrated()
    samples: dict[str, dict[str, list[float]]] = {key: defaultdict(list) for key in asks}
    for _ in range(ROUNDS):
        for key, ask in asks.items():
            timers.clear()
            ask(sizes[key])
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


def _seconds(ask: in_process.Ask, times: int) -> float:
    began = time.thread_time()
    ask(times)
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
