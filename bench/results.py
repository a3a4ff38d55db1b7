"""``RESULTS.md``, written from the latest results.json and scaling.json."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from bench import chart, report
from bench.chart import Curve

HERE: Final = Path(__file__).resolve().parent
SCALING: Final = HERE / "scaling.json"
COMPARISON: Final = HERE / "results.json"
DOCS: Final = HERE.parent / "docs"
TABLES: Final = {
    "<!-- bench: written by make bench -->": (DOCS / "evidence" / "benchmark.md", report.ratios),
    "<!-- bench: gRPC, written by make bench -->": (DOCS / "evidence" / "benchmark.md", report.rpc_comparison),
    "<!-- bench: capacity, written by make bench -->": (DOCS / "operate" / "scale.md", report.capacity),
}
"""The page and the table between each of these lines and the next ``END``."""
END: Final = "<!-- /bench -->"
Record = dict[str, Any]


def write() -> None:
    """Write RESULTS.md and scaling.svg."""
    parts = [
        "# Results",
        "Written by `make bench` and `make bench-scaling`; [`README.md`](README.md) describes the method.",
    ]
    if COMPARISON.exists():
        found = json.loads(COMPARISON.read_text())
        parts += [
            "## Comparison with other frameworks",
            _machine(found["about"]),
            "![](results.svg)",
            report.tables(found).strip(),
        ]
    if SCALING.exists():
        found = json.loads(SCALING.read_text())
        (HERE / "scaling.svg").write_text(chart.curves("Scaling", _curves(found)))
        parts += ["## Scaling", _machine(found["about"]), "![](scaling.svg)", *_scaling(found)]
    (HERE / "RESULTS.md").write_text("\n\n".join(parts) + "\n")


def write_to_docs(found: Record) -> None:
    """Write the tables into the documentation.

    Raises:
        ValueError: a page lacks the markers of its table.
    """
    for line, (page, table) in TABLES.items():
        before, begin, rest = page.read_text().partition(line)
        _, end, after = rest.partition(END)
        if not (begin and end):
            raise ValueError(f"{page} has no markers for a table: {line} … {END}")
        page.write_text(f"{before}{begin}\n{table(found)}\n{end}{after}")


def _machine(about: Record) -> str:
    """Return the machine and the versions as text."""
    machine = f"{about['processor']}, {about['cores']} cores, {about['memory']}, {about['system']}"
    versions = f"Python {about['python']}, {about['packages']}"
    return f"{machine}; {versions}{', ' + about['peers'] if 'peers' in about else ''}."


def _scaling(found: Record) -> list[str]:
    broken = [fault for faults in found["broken"].values() for fault in faults]
    parts = ["**All limits are met.**" if not broken else "**Limits exceeded:** " + "; ".join(broken) + "."]
    for title, name, show in (
        (
            "Rows: time of a list in process, including PostgreSQL, buffers read, and query plan",
            "rows",
            _rows,
        ),
        ("Length of a list, over HTTP, with one client", "lengths", _plain),
        ("Concurrent clients, one worker on one core: `GET` one task", "clients", _plain),
        ("Workers on all cores, shared with PostgreSQL and 32 clients: `GET` one task", "workers", _plain),
        ("Memory of one worker by number of requests, without replacement of workers", "memory", _memory),
        ("Start-up time with two workers, in seconds", "start", _start),
    ):
        if name in found:
            parts += [f"### {title}", show(found[name])]
    return parts


def _rows(found: Sequence[Record]) -> str:
    rows = [
        [
            each["question"],
            f"{each['rows']:,}",
            f"{each['ms']:.1f}",
            f"{each['buffers']:,}",
            f"{each['total_size']:,}",
            ", ".join(kind for kind in each["plan"] if "Scan" in kind or "Sort" in kind),
        ]
        for each in sorted(found, key=lambda each: each["question"])
    ]
    return report.markdown(["list", "rows", "ms", "buffers", "total_size", "plan"], rows)


def _plain(found: Sequence[Record]) -> str:
    heads = [name.replace("_us", "_µs").replace("_", " ") for name in found[0]]
    return report.markdown(heads, [[f"{value:,.10g}" for value in each.values()] for each in found])


def _memory(found: Sequence[Record]) -> str:
    return "; ".join(f"{each['requests']:,}: {each['mb']:.1f} MB" for each in found[:: max(1, len(found) // 10)])


def _start(found: Record) -> str:
    return f"{found['seconds']} (median of {', '.join(map(str, found['all']))})"


def _curves(found: Record) -> list[Curve]:
    def points(name: str, x: str, y: str, keep: Callable[[Record], bool] = lambda _: True) -> list[tuple[float, float]]:
        return [(each[x], each[y]) for each in found.get(name, []) if keep(each)]

    drawn = [
        Curve("page 1,000: ms", "rows", points("rows", "rows", "ms", lambda each: each["question"] == "page 1,000")),
        Curve("list: CPU in µs", "items", points("lengths", "length", "cpu_us"), is_log=(True, True)),
        Curve("clients: responses per second", "clients", points("clients", "clients", "answered_per_second")),
        Curve("clients: p99 in ms", "clients", points("clients", "clients", "p99_ms"), is_log=(True, True)),
        Curve(
            "workers: responses per second",
            "workers",
            points("workers", "workers", "answered_per_second"),
            is_log=(False, False),
        ),
        Curve("memory of a worker: MB", "requests", points("memory", "requests", "mb"), is_log=(False, False)),
    ]
    return [curve for curve in drawn if curve.points]
