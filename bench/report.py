"""The comparison, as tables for readers, and as JSON for programs."""

import statistics
from collections.abc import Callable, Sequence
from typing import Any, Final

from bench.candidates import Candidate
from bench.measure import Burst, Effort, Result
from bench.workloads import Workload

BASELINES: Final = {False: "baseline", True: "rpc-baseline"}
"""The baseline of each protocol, by whether it is gRPC."""
WORKS_ON_DATA: Final = frozenset({"W1", "W2", "W3", "W4"})
COMPARED_WITH_RPC: Final = ("baseline", "candor", "rpc-baseline", "rpc")


def summary(
    result: Result,
    candidates: Sequence[Candidate],
    workloads: Sequence[Workload],
    effort: Effort,
    about: dict[str, str],
) -> dict[str, Any]:
    """Return all results."""
    return {
        "about": about | {"rounds": effort.rounds, "cpu_seconds_per_turn": effort.cpu_seconds},
        "workloads": {each.key: each.name for each in workloads},
        "candidates": [
            {
                "key": each.key,
                "name": each.name,
                "is_rpc": each.is_rpc,
                "is_candor": each.is_candor,
                "is_framework": each.is_framework,
                "worker_megabytes": round(result.worker_megabytes[each.key], 1),
                "megabytes": round(result.megabytes[each.key], 1),
                "start_seconds": round(result.start_seconds[each.key], 2),
                "cells": {
                    workload.key: _cell(result, each.key, workload.key, baseline=BASELINES[each.is_rpc])
                    for workload in workloads
                    if (each.key, workload.key) in result.cells
                },
            }
            for each in candidates
        ],
    }


def _cell(result: Result, who: str, what: str, *, baseline: str) -> dict[str, Any]:
    cell, base = result.cells[who, what], result.cells.get((baseline, what))
    ratios = [low / cost for low, cost in zip(base.cpu_us, cell.cpu_us, strict=True)] if base else []
    return {
        "cpu_us": round(cell.cost, 1),
        "cpu_us_rounds": [round(each, 1) for each in cell.cpu_us],
        "database_us": round(statistics.median(cell.database_us), 1),
        "per_second": round(statistics.median(cell.per_second), 1),
        "ratio": round(statistics.median(ratios), 3) if ratios else None,
        "ratio_least": round(min(ratios), 3) if ratios else None,
        "ratio_most": round(max(ratios), 3) if ratios else None,
        "steady": {name: round(value, 3) for name, value in cell.latency_ms.items()},
        "crowds": {str(size): _median([burst]) for size, burst in cell.crowds.items()},
        "pairs": [_median([pair[place] for pair in cell.pairs]) for place in (0, 1)] if cell.pairs else [],
    }


def _median(bursts: Sequence[Burst]) -> dict[str, float]:
    """Return the medians of equal bursts."""
    members = [vars(each) for each in bursts]
    return {name: round(statistics.median(each[name] for each in members), 4) for name in members[0]}


def tables(found: dict[str, Any]) -> str:
    """Return the tables, in Markdown."""
    http, rpc = _over_http(found), _with_rpc(found)
    parts = [
        "CPU per request, as a ratio to the baseline (1.00; higher is better), median (least–most of the rounds):",
        _table(http, _ratio),
        "CPU per request, in microseconds, of all processes of the server:",
        _table(http, lambda cell: f"{cell['cpu_us']:,.0f}"),
        "Latency at 60 % of each one's own capacity, p50 / p99 in milliseconds (requests a second), and memory:",
        latencies(found),
        "Two workers on two cores: requests a second with 16 callers, as multiples of one worker on one core:",
        pairs(found),
        "`GET` one task with 1, 16 and 64 callers: CPU per request, requests a second, and p99:",
        crowds(found),
        "CPU of PostgreSQL per request, in microseconds:",
        of_database(found),
        "Memory of a worker at rest, of all processes under load, and the time from the start to the first response:",
        memory(found),
    ]
    if any(each["is_rpc"] for each in rpc["candidates"]):
        parts += [
            "### gRPC and REST",
            "CPU per request, in microseconds, and as a ratio to the baseline of the same protocol:",
            compare_with_rpc(found),
            "Latency as above:",
            _latencies(rpc),
        ]
    return "\n\n".join(parts) + "\n"


def ratios(found: dict[str, Any]) -> str:
    """Return the table of ratios to the baseline, without the spread."""
    return _table(_over_http(found), lambda cell: "–" if cell["ratio"] is None else f"{cell['ratio']:.2f}")


def of_database(found: dict[str, Any]) -> str:
    """Return the table of PostgreSQL's CPU time."""
    return _table(
        _over_http(found)
        | {"workloads": {key: name for key, name in found["workloads"].items() if key in WORKS_ON_DATA}},
        lambda cell: f"{cell['database_us']:,.0f}",
    )


def latencies(found: dict[str, Any]) -> str:
    """Return the table of latencies at a part of the capacity."""
    return _latencies(_over_http(found))


def pairs(found: dict[str, Any]) -> str:
    """Return the table of two workers on two cores, and of one on one."""
    keys = [
        key
        for key in found["workloads"]
        if any(each["cells"].get(key, {}).get("pairs") for each in found["candidates"])
    ]

    def show(cell: dict[str, Any]) -> list[str]:
        if not cell.get("pairs"):
            return ["–"] * 3
        one, two = cell["pairs"]
        shown = [f"{each['per_second']:,.0f}" for each in (one, two)]
        return [*shown, f"{two['per_second'] / one['per_second']:.2f} ({2 * one['cpu_us'] / two['cpu_us']:.2f})"]

    rows = [
        [each["name"], *(word for key in keys for word in show(each["cells"].get(key, {})))]
        for each in _over_http(found)["candidates"]
        if any(each["cells"].get(key, {}).get("pairs") for key in keys)
    ]
    heads = [head for key in keys for head in (f"{key} one", f"{key} two", f"{key} factor (by CPU)")]
    return markdown(["", *heads], rows)


def crowds(found: dict[str, Any]) -> str:
    """Return the table of several numbers of callers."""
    rows, sizes = [], dict[str, None]()
    for each in _over_http(found)["candidates"]:
        measured = each["cells"].get("W1", {}).get("crowds", {})
        sizes |= dict.fromkeys(measured)
        if measured:
            rows.append([each["name"], *map(_crowd, measured.values())])
    return markdown(["", *(f"{size} caller{'s' if size != '1' else ''}" for size in sizes)], rows)


def _crowd(burst: dict[str, float]) -> str:
    missed = f", {1 - burst['answered']:.1%} rejected" if burst["answered"] < 1 else ""
    return f"{burst['cpu_us']:,.0f} µs, {burst['per_second']:,.0f}/s, {burst['p99_ms']:.1f} ms{missed}"


def memory(found: dict[str, Any]) -> str:
    """Return the table of memory and start."""
    rows = [
        [
            each["name"],
            f"{each['worker_megabytes']:.0f} MB",
            f"{each['megabytes']:.0f} MB",
            f"{each['start_seconds']:.2f} s",
        ]
        for each in found["candidates"]
    ]
    return markdown(["", "a worker at rest", "all processes under load", "start"], rows)


def compare_with_rpc(found: dict[str, Any]) -> str:
    """Return the table of workloads that run over either protocol."""

    def show(cell: dict[str, Any]) -> str:
        return f"{cell['cpu_us']:,.0f} µs" + (f" ({cell['ratio']:.2f})" if cell["ratio"] else "")

    return _table(_with_rpc(found), show)


def capacity(found: dict[str, Any]) -> str:
    """Return the table for planning: requests that a core serves, and cores of the service per core of PostgreSQL."""
    cells = next(each["cells"] for each in found["candidates"] if each["key"] == "candor")
    rows = [
        [
            f"{key} {found['workloads'][key]}",
            f"{cell['cpu_us']:,.0f} µs",
            f"{cell['database_us']:,.0f} µs",
            f"{1e6 / cell['cpu_us']:,.0f}",
            f"{cell['cpu_us'] / cell['database_us']:.1f}",
        ]
        for key, cell in cells.items()
        if key in WORKS_ON_DATA
    ]
    heads = [
        "",
        "CPU of the service",
        "CPU of PostgreSQL",
        "requests per second and core",
        "cores of the service per core of PostgreSQL",
    ]
    return markdown(heads, rows)


def _over_http(found: dict[str, Any]) -> dict[str, Any]:
    """Return the results over HTTP."""
    return found | {"candidates": [each for each in found["candidates"] if not each["is_rpc"]]}


def _with_rpc(found: dict[str, Any]) -> dict[str, Any]:
    """Return the results of Candor and of the baselines, for workloads that run over both protocols."""
    chosen = [each for each in found["candidates"] if each["key"] in COMPARED_WITH_RPC]
    selected = {key for each in chosen if each["is_rpc"] for key in each["cells"]}
    return {
        "workloads": {key: name for key, name in found["workloads"].items() if key in selected},
        "candidates": chosen,
    }


def _ratio(cell: dict[str, Any]) -> str:
    if cell["ratio"] is None:
        return "–"
    return f"{cell['ratio']:.2f} ({cell['ratio_least']:.2f}–{cell['ratio_most']:.2f})"


def _table(found: dict[str, Any], show: Callable[[dict[str, Any]], str]) -> str:
    """Return a table of the candidates that were measured in one of the workloads."""
    heads = [f"{key} {name}" for key, name in found["workloads"].items()]
    rows = [
        [each["name"], *(show(each["cells"][key]) if key in each["cells"] else "–" for key in found["workloads"])]
        for each in found["candidates"]
        if each["cells"].keys() & found["workloads"].keys()
    ]
    return markdown(["", *heads], rows)


def _latencies(found: dict[str, Any]) -> str:
    steady = [
        key
        for key in found["workloads"]
        if any(each["cells"].get(key, {}).get("steady") for each in found["candidates"])
    ]

    def show(cell: dict[str, Any]) -> str:
        latency = cell.get("steady")
        if not latency:
            return "–"
        missed = f", {1 - latency['answered']:.1%} rejected" if latency["answered"] < 1 else ""
        return f"{latency['p50']:.1f} / {latency['p99']:.1f} ({latency['rate']:,.0f}{missed})"

    rows = [
        [each["name"], *(show(each["cells"].get(key, {})) for key in steady), f"{each['megabytes']:.0f} MB"]
        for each in found["candidates"]
        if each["cells"].keys() & {*steady}
    ]
    return markdown(["", *(f"{key} {found['workloads'][key]}" for key in steady), "memory"], rows)


def markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table with aligned columns, which is legible as text."""
    widths = [max(len(row[column]) for row in [heads, *rows]) for column in range(len(heads))]

    def line(cells: Sequence[str]) -> str:
        padded = (cell.ljust(width) if not column else cell.rjust(width)
                  for column, (cell, width) in enumerate(zip(cells, widths, strict=True)))  # fmt: skip
        return f"| {' | '.join(padded)} |"

    rules = ["-" * (width + 1) + (":" if column else "-") for column, width in enumerate(widths)]
    return "\n".join([line(heads), f"|{'|'.join(rules)}|", *map(line, rows)])
