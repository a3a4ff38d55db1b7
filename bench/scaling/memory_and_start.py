"""Memory over many requests, and the duration of the start."""

import statistics
from typing import Any, Final

from bench import load, measure, processes
from bench.load import Requests
from bench.scaling.loads import candor
from bench.workloads import WORKLOADS, Callers

REQUESTS: Final = 200_000
STEP: Final = 10_000
SETTLED: Final = 40_000
"""Requests after which all code has run and all caches are full."""
GROWTH: Final = 6.0
"""The limit of further growth, in megabytes."""
CONNECTIONS: Final = 4
STARTS: Final = 5
STARTS_WITHIN: Final = 2.0
"""Seconds from its start until an instance is ready."""
MIX: Final = ("W1", "W1", "W6", "W1", "W1", "W5", "W1", "W1", "W7", "W1", "W1", "W6", "W1", "W1", "W2")


def memory(url: str, callers: Callers, *, requests: int = REQUESTS) -> tuple[list[dict[str, float]], list[str]]:
    """Return the memory of one worker, which is never replaced, over its requests."""
    found, mixed = list[dict[str, float]](), _mixed(callers)
    with candor(url, cores=processes.SERVER_CORE, words=("--max-requests", "0")) as serving:
        worker = max(processes.tree(serving.pid)[1:], key=processes.resident_megabytes)
        for done in range(0, requests + 1, STEP):
            measure.progress(f"{done:,} of {requests:,} requests: {processes.resident_megabytes(worker):.1f} MB")
            found.append({"requests": done, "mb": round(processes.resident_megabytes(worker), 2)})
            if done < requests:
                load.closed(serving.port, mixed, connections=CONNECTIONS, count=STEP, seconds=600)
    settled = next((each["mb"] for each in found if each["requests"] >= SETTLED), found[-1]["mb"])
    grown = found[-1]["mb"] - settled
    broken = [f"memory grew by {grown:.1f} MB from request {SETTLED:,} to {requests:,}"] if grown > GROWTH else []
    return found, broken


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
