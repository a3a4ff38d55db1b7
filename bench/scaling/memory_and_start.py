"""Throughput, latency and memory over many requests, and the duration of the start."""

import statistics
from collections.abc import Iterator, Sequence
from statistics import linear_regression
from typing import Any, Final

from bench import load, measure, processes
from bench.load import Requests
from bench.scaling.loads import candor
from bench.workloads import WORKLOADS, Callers

REQUESTS: Final = 200_000
SLICES: Final = 10
STEP: Final = 10_000
"""Requests between two readings of the memory, or fewer in a short run."""
SETTLED: Final = 40_000
"""Requests after which all code has run and all caches are full, or a fifth of a short run."""
GROWTH: Final = 6.0
"""The limit of the memory's growth by the fitted line, from SETTLED to the end, in megabytes."""
SLOWER: Final = 1.25
"""The limit of the growth of CPU time per request by the fitted line, from the first slice to the last."""
CONNECTIONS: Final = 4
STARTS: Final = 5
STARTS_WITHIN: Final = 2.0
"""Seconds from its start until an instance is ready."""
EXPECTED: Final = frozenset({200, 400, 404})
"""Statuses of the workloads in MIX."""
MIX: Final = ("W1", "W1", "W6", "W1", "W1", "W5", "W1", "W1", "W7", "W1", "W1", "W6", "W1", "W1", "W2")


def memory(url: str, callers: Callers, *, requests: int = REQUESTS) -> tuple[list[dict[str, float]], list[str]]:
    """Return throughput, latency, CPU time and memory of one worker in slices of its requests, and their growth.

    The worker is never replaced.
    """
    mixed, found, read = _mixed(callers), list[dict[str, float]](), list[tuple[float, float]]()
    with candor(url, cores=processes.SERVER_CORE, words=("--max-requests", "0")) as serving:
        worker = max(processes.tree(serving.pid)[1:], key=processes.resident_megabytes)
        for number in range(SLICES):
            before, tally = processes.cpu_seconds(serving.pid), load.Tally()
            while (done := read[-1][0] if read else 0) < requests * (number + 1) // SLICES:
                count = min(STEP, requests * (number + 1) // SLICES - int(done))
                tally += load.closed(serving.port, mixed, connections=CONNECTIONS, count=count, seconds=600)
                read.append((done + count, processes.resident_megabytes(worker)))
                measure.progress(f"{read[-1][0]:,.0f} of {requests:,} requests: {read[-1][1]:.1f} MB")
            used = processes.cpu_seconds(serving.pid) - before
            found.append(_slice(tally, requests=int(read[-1][0]), mb=read[-1][1], cpu=used))
    return found, [*flatness(read, found)]


def _slice(tally: load.Tally, *, requests: int, mb: float, cpu: float) -> dict[str, float]:
    total = tally.statuses.total()
    return {
        "requests": requests,
        "mb": round(mb, 2),
        "per_second": round(total / tally.seconds, 1),
        "p99_ms": round(tally.quantile(0.99), 2),
        "cpu_us": round(cpu / total * 1e6, 1),
        "unexpected": total - sum(tally.statuses[status] for status in EXPECTED),
    }


def flatness(read: Sequence[tuple[float, float]], slices: Sequence[dict[str, float]]) -> Iterator[str]:
    """Yield a sentence for each value that grows too much, by the lines that fit the readings best.

    Args:
        read: pairs of the number of requests and the memory after them, in megabytes.
        slices: the slices, with ``cpu_us`` and the number of ``unexpected`` responses.
    """
    last = read[-1][0]
    kept = [each for each in read if each[0] >= min(SETTLED, last / 5)]
    grown = linear_regression(*zip(*kept, strict=True)).slope * (last - kept[0][0])
    if grown > GROWTH:
        yield f"memory grew by {grown:.1f} MB from request {kept[0][0]:,.0f} to {last:,.0f}"
    slope, first = linear_regression(range(len(slices)), [each["cpu_us"] for each in slices])
    if first + slope * (len(slices) - 1) > first * SLOWER:
        yield f"CPU time per request grew by {slope * (len(slices) - 1):.0f} µs from {first:.0f} µs"
    if unexpected := sum(each["unexpected"] for each in slices):
        yield f"{unexpected:,.0f} of {last:,.0f} responses had an unexpected status"


def _mixed(callers: Callers) -> Requests:
    makes = {workload.key: workload.make(callers) for workload in WORKLOADS}
    return lambda number: makes[MIX[number % len(MIX)]](number)


def start(url: str) -> tuple[dict[str, Any], list[str]]:
    """Return the seconds until an instance with two workers is ready."""
    seconds = []
    for number in range(STARTS):
        measure.progress(f"start {number + 1} of {STARTS}")
        with candor(url, cores=processes.CORES, WEB_CONCURRENCY="2") as serving:
            seconds.append(serving.seconds)
    median = statistics.median(seconds)
    broken = [f"a start takes {median:.1f} s, more than {STARTS_WITHIN:.0f}"] if median > STARTS_WITHIN else []
    return {"seconds": round(median, 2), "all": [round(each, 2) for each in seconds]}, broken
