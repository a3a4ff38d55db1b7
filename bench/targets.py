"""The targets of the service, each with its value in a run.

A peer is a framework, with an ORM or bare. Bare WSGI and Go are not peers: they show the cost of the work itself.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from bench import report

Found = dict[str, Any]
TOLERATED: Final = 1.04
"""A value over its limit by less than this counts as measurement noise."""
VERDICTS: Final = ("met", "within 4 %", "**missed**")
OF_LITESTAR: Final = {"W1": 0.90, "W2": 0.95, "W3": 0.80, "W4": 0.90, "W6": 1.00, "W7": 0.70}
"""CPU per request, in multiples of Litestar's."""
ROUTE_OF_LITESTAR: Final = 1.3
"""The same for ``/healthz`` as an ordinary route of Flask."""
AHEAD_OF: Final = {"W5": ("falcon", "flask"), "W6": ("litestar",)}
"""The peers to be ahead of; in the other workloads, all of them."""
BEFORE: Final = {"W1": 1.98, "W2": 2.18, "W3": 0.98, "W4": 2.13, "W6": 3.79, "W7": 4.02}
"""CPU per request before this work, in multiples of Litestar's in the same run."""
OF_BEFORE: Final = {"W1": 0.45, "W2": 0.45, "W3": 0.75, "W4": 0.45, "W6": 0.30, "W7": 0.20}
P99: Final = 0.5
PAIR: Final = 1.8
WORKER_MEGABYTES: Final = 88.0
START_SECONDS: Final = 1.2
OVER_RPC: Final = {"W1": 1.3, "W3": 1.15}
"""CPU per call, in multiples of the gRPC baseline's."""
CORES_OF_PAIR: Final = 4
"""Cores from which two workers, PostgreSQL and the callers do not share any."""


@dataclass(frozen=True)
class Target:
    """A target, and its value."""

    name: str
    limit: float
    value: float
    unit: str = ""
    is_least: bool = False
    """True if the limit is the least value that meets it."""

    @property
    def verdict(self) -> str:
        """Return whether it is met."""
        over = self.limit / self.value if self.is_least else self.value / self.limit
        return VERDICTS[0] if over <= 1 else VERDICTS[1] if over <= TOLERATED else VERDICTS[2]

    @property
    def row(self) -> list[str]:
        """Return the row of the table."""
        sign = "≥" if self.is_least else "≤"
        return [self.name, f"{sign} {self.limit:g}{self.unit}", f"{self.value:.2f}{self.unit}", self.verdict]


def table(found: Found) -> str:
    """Return the targets, in Markdown, and the number of each result."""
    targets = [*of(found)]
    verdicts = Counter(each.verdict for each in targets)
    total = f"{len(targets)} targets: {', '.join(f'{verdicts[each]} {each}' for each in VERDICTS)}."
    rows = [each.row for each in targets]
    return f"{total}\n\n{report.markdown(['target', 'limit', 'measured', 'result'], rows)}"


def of(found: Found) -> Iterator[Target]:
    """Yield the targets whose candidates and workloads were measured."""
    by_key = {each["key"]: each for each in found["candidates"]}
    candor, litestar = by_key.get("candor"), by_key.get("litestar")
    if candor and litestar:
        yield from _beside_litestar(found, candor, litestar)
        if route := by_key.get("candor-route"):
            cost = _of(route, litestar, "W7", "cpu_us")
            yield Target("W7 as a route of Flask: CPU, Litestar = 1", ROUTE_OF_LITESTAR, cost)
    if candor:
        yield from _ahead(found, candor)
        yield from _alone(found, candor)
    if (rpc := by_key.get("rpc")) and (baseline := by_key.get("rpc-baseline")):
        for key, limit in OVER_RPC.items():
            if key in rpc["cells"]:
                yield Target(f"gRPC {key}: CPU, bare grpcio = 1", limit, _of(rpc, baseline, key, "cpu_us"))


def _of(one: Found, other: Found, key: str, member: str) -> float:
    return float(one["cells"][key][member] / other["cells"][key][member])


def _beside_litestar(found: Found, candor: Found, litestar: Found) -> Iterator[Target]:
    keys = [key for key in found["workloads"] if key in OF_LITESTAR]
    for key in keys:
        yield Target(f"{key}: CPU, Litestar = 1", OF_LITESTAR[key], _of(candor, litestar, key, "cpu_us"))
    for key in keys:
        share = _of(candor, litestar, key, "cpu_us") / BEFORE[key]
        yield Target(f"{key}: CPU, before = 1 ({BEFORE[key]:g} times Litestar)", OF_BEFORE[key], share)
    for key in (key for key in keys if key in report.WORKS_ON_DATA):
        yield Target(f"{key}: CPU of PostgreSQL, Litestar = 1", 1.0, _of(candor, litestar, key, "database_us"))
    for key in keys:
        ours, theirs = (each["cells"][key]["steady"] for each in (candor, litestar))
        if ours and theirs:
            yield Target(f"{key}: p99 at 60 % of capacity, Litestar = 1", P99, ours["p99"] / theirs["p99"])
    crowds = [each["cells"].get("W1", {}).get("crowds", {}) for each in (candor, litestar)]
    for size in crowds[0]:
        cost = crowds[0][size]["cpu_us"] / crowds[1][size]["cpu_us"]
        yield Target(f"W1, callers: {size}: CPU, Litestar = 1", OF_LITESTAR["W1"], cost)


def _ahead(found: Found, candor: Found) -> Iterator[Target]:
    """Compare with the cheapest peer."""
    for key in found["workloads"]:
        costs = {
            each["name"]: each["cells"][key]["cpu_us"]
            for each in found["candidates"]
            if each["is_framework"] and key in each["cells"] and each["key"] in AHEAD_OF.get(key, (each["key"],))
        }
        if costs:
            best = min(costs, key=costs.__getitem__)
            yield Target(f"{key}: CPU, cheapest peer ({best}) = 1", 1.0, candor["cells"][key]["cpu_us"] / costs[best])


def _alone(found: Found, candor: Found) -> Iterator[Target]:
    has_cores = int(found["about"]["cores"]) >= CORES_OF_PAIR
    for key, cell in candor["cells"].items():
        if cell["pairs"]:
            one, two = cell["pairs"]
            served, by_cpu = two["per_second"] / one["per_second"], 2 * one["cpu_us"] / two["cpu_us"]
            how = "served" if has_cores else "by CPU"
            name = f"{key}: two workers on two cores, one = 1 ({how})"
            yield Target(name, PAIR, served if has_cores else by_cpu, is_least=True)
    yield Target("memory of a worker at rest", WORKER_MEGABYTES, candor["worker_megabytes"], unit=" MB")
    yield Target("from start to ready", START_SECONDS, candor["start_seconds"], unit=" s")
