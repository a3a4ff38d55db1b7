"""Longer lists, more clients, more workers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from bench import candidates, load, measure, processes, server
from bench.workloads import GET_ONE, Callers, always, encoded
from deploy.local.free_ports import free_port

LENGTHS: Final = (1, 10, 50, 100, 250, 500, 1000)
CLIENTS: Final = (1, 4, 16, 64, 256, 1000)
WORKERS: Final = (1, 2, 3, 4)
CLIENTS_OF_WORKERS: Final = 32
SECONDS: Final = 3.0
WARM: Final = 200
LIGHTEST: Final = 110
"""Megabytes that a worker may have."""


@contextmanager
def candor(url: str, *, cores: list[int], words: tuple[str, ...] = (), **settings: str) -> Iterator[server.Server]:
    """Serve Candor with these settings in addition to those of the comparison."""
    port = free_port(followed_by=1)
    environment = {**candidates.CANDIDATES[1].environment(url, port), **settings}
    command = [*candidates.CANDOR["candor"], *words]
    ready = encoded("GET", "/readyz", {})
    with server.serving("scaling", command, environment, port, cores=cores, ready=ready) as serving:
        yield serving


def lengths(url: str, callers: Callers) -> list[dict[str, float]]:
    """Return the cost of lists of some lengths."""
    found = []
    with candor(url, cores=processes.SERVER_CORE) as serving:
        for length in LENGTHS:
            measure.progress(f"a list of {length}")
            asks = always(f"/v1/tasks?page_size={length}")(callers)
            load.closed(serving.port, asks, connections=1, count=2 * WARM)
            before = processes.cpu_seconds(serving.pid)
            tally = load.closed(serving.port, asks, connections=1, count=WARM)
            cpu = (processes.cpu_seconds(serving.pid) - before) / WARM * 1e6
            found.append({"length": length, "cpu_us": round(cpu, 1), "p50_ms": round(tally.quantile(0.5), 2)})
    return found


def clients(url: str, callers: Callers) -> list[dict[str, float]]:
    """Return the outcomes of a number of clients, each of which sends again as soon as it has its response."""
    found = []
    with candor(url, cores=processes.SERVER_CORE) as serving:
        for count in CLIENTS:
            measure.progress(f"{count} clients")
            tally = load.closed(serving.port, GET_ONE.make(callers), connections=count, seconds=SECONDS)
            found.append(
                {
                    "clients": count,
                    "answered_per_second": round(tally.statuses[200] / tally.seconds, 1),
                    "rejected": round(tally.share(503), 4),
                    "other": round(1 - tally.share(200, 503), 4),
                    "p50_ms": round(tally.quantile(0.5), 2),
                    "p99_ms": round(tally.quantile(0.99), 2),
                }
            )
    return found


def workers(url: str, callers: Callers) -> tuple[list[dict[str, float]], list[str]]:
    """Return the throughput of more workers on all cores, and whether one uses too much memory."""
    found, broken = list[dict[str, float]](), list[str]()
    for count in WORKERS:
        measure.progress(f"{count} workers")
        with candor(url, cores=processes.CORES, WEB_CONCURRENCY=str(count)) as serving:
            before = processes.cpu_seconds(serving.pid)
            tally = load.closed(serving.port, GET_ONE.make(callers), connections=CLIENTS_OF_WORKERS, seconds=SECONDS)
            cpu = (processes.cpu_seconds(serving.pid) - before) / tally.statuses.total() * 1e6
            heaviest = max(processes.resident_megabytes(pid) for pid in processes.tree(serving.pid)[1:])
            found.append(
                {
                    "workers": count,
                    "answered_per_second": round(tally.statuses[200] / tally.seconds, 1),
                    "rejected": round(tally.share(503), 4),
                    "cpu_us": round(cpu, 1),
                    "heaviest_mb": round(heaviest, 1),
                    "all_mb": round(processes.megabytes(serving.pid), 1),
                }
            )
            if heaviest > LIGHTEST:
                broken.append(f"a worker of {count} has {heaviest:.0f} MB, more than {LIGHTEST}")
    return found, broken
