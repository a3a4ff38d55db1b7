"""``RESULTS.md``: the last measurements, for readers, written from the JSON files in this folder."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from bench import chart, comparison_charts, report, targets
from bench.chart import Curve

HERE: Final = Path(__file__).resolve().parent
SCALING: Final = HERE / "scaling.json"
COMPARISON: Final = HERE / "results.json"
DOCS: Final = HERE.parent / "docs"
PAGE: Final = DOCS / "evidence" / "benchmark.md"
END: Final = "<!-- /bench -->"
SLOW: Final = 10.0
"""The milliseconds that a list should take at most, PostgreSQL included. They are reported, not asserted."""
Record = dict[str, Any]


def machine(found: Record) -> str:
    """Return the machine of the comparison, its load, and the versions."""
    about = found["about"]
    run = f"a {about['effort']} run of {about['minutes']} minutes from {about['began']}, with {about['rounds']} rounds"
    lines = [f"- Run: {run}.", f"- Load average: {about['load']}.", f"- Machine and versions: {_machine(about)}"]
    return "\n".join([*lines, *([f"- {about['left_out']}"] if about["left_out"] else [])])


TABLES: Final = {
    "<!-- bench: machine, written by make bench -->": (PAGE, machine),
    "<!-- bench: targets, written by make bench -->": (PAGE, targets.table),
    "<!-- bench: written by make bench -->": (PAGE, report.ratios),
    "<!-- bench: latency, written by make bench -->": (PAGE, report.latencies),
    "<!-- bench: workers, written by make bench -->": (PAGE, report.pairs),
    "<!-- bench: callers, written by make bench -->": (PAGE, report.crowds),
    "<!-- bench: PostgreSQL, written by make bench -->": (PAGE, report.of_database),
    "<!-- bench: memory, written by make bench -->": (PAGE, report.memory),
    "<!-- bench: gRPC, written by make bench -->": (PAGE, report.compare_with_rpc),
    "<!-- bench: capacity, written by make bench -->": (DOCS / "operate" / "scale.md", report.capacity),
}
"""The page and the table between each of these lines and the next ``END``."""


def keep(found: Record) -> None:
    """Store a comparison, draw it, and write it into the documentation."""
    COMPARISON.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    comparison_charts.write(found)
    write()
    write_docs(found)


def write() -> None:
    """Write all stored results."""
    parts = [
        "# Results",
        "Written by `make bench` and `make bench-scaling`; see [how it is measured](README.md).",
    ]
    if COMPARISON.exists():
        found = json.loads(COMPARISON.read_text())
        parts += [
            "## Comparison with other servers",
            machine(found),
            "![](results.svg)",
            "Targets:",
            targets.table(found),
            report.tables(found).strip(),
        ]
    if SCALING.exists():
        found = json.loads(SCALING.read_text())
        (HERE / "scaling.svg").write_text(chart.curves("Growth", _curves(found)))
        parts += [
            "## Growth",
            _machine(found["about"]),
            f"Load average: {found['about']['load']}.",
            "![](scaling.svg)",
            *_scaling(found),
        ]
    (HERE / "RESULTS.md").write_text("\n\n".join(parts) + "\n")


def write_docs(found: Record) -> None:
    """Write the tables into the documentation.

    Raises:
        ValueError: a page lacks the place of its table.
    """
    for line, (page, table) in TABLES.items():
        before, begin, rest = page.read_text().partition(line)
        _, end, after = rest.partition(END)
        if not (begin and end):
            raise ValueError(f"{page} has no place for a table: {line} … {END}")
        page.write_text(f"{before}{begin}\n{table(found)}\n{end}{after}")


def _machine(about: Record) -> str:
    """Return the machine of the measurement."""
    machine = f"{about['processor']}, {about['cores']} cores, {about['memory']}, {about['system']}"
    versions = f"Python {about['python']}, {about['packages']}"
    return f"{machine}; {versions}{', ' + about['peers'] if 'peers' in about else ''}."


def _scaling(found: Record) -> list[str]:
    broken = [fault for faults in found["broken"].values() for fault in faults]
    parts = ["**Every promise holds.**" if not broken else "**Does not hold:** " + "; ".join(broken) + "."]
    for title, name, show in (
        (
            "Rows: time of a list in process with PostgreSQL, buffers touched, and how the rows were found",
            "rows",
            _rows,
        ),
        ("Length of a list, over HTTP, one client", "lengths", _plain),
        ("Clients at once, one worker on one core: `GET` one task", "clients", _plain),
        ("Workers on all cores, with PostgreSQL and 32 clients: `GET` one task", "workers", _plain),
        ("Memory of one worker over its requests, with replacement of workers switched off", "memory", _plain),
        ("From start to ready, two workers, in seconds", "start", _start),
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
            "rejected" if each["total_size"] is None else f"{each['total_size']:,}",
            ", ".join(kind for kind in each["plan"] if "Scan" in kind or "Sort" in kind),
        ]
        for each in sorted(found, key=lambda each: each["question"])
    ]
    slow = sum(each["ms"] > SLOW for each in found)
    most = max(each["buffers"] for each in found)
    total = f"At most {most:,} buffers; {slow} of {len(found)} lists take more than {SLOW:g} ms."
    return f"{total}\n\n{report.markdown(['list', 'rows', 'ms', 'buffers', 'total_size', 'by'], rows)}"


def _plain(found: Sequence[Record]) -> str:
    heads = [name.replace("_us", "_µs").replace("_", " ") for name in found[0]]
    return report.markdown(heads, [[f"{value:,.10g}" for value in each.values()] for each in found])


def _start(found: Record) -> str:
    return f"{found['seconds']} (of {', '.join(map(str, found['all']))})"


def _curves(found: Record) -> list[Curve]:
    def points(name: str, x: str, y: str, keep: Callable[[Record], bool] = lambda _: True) -> list[tuple[float, float]]:
        return [(each[x], each[y]) for each in found.get(name, []) if keep(each)]

    drawn = [
        Curve("page 1,000: ms", "rows", points("rows", "rows", "ms", lambda each: each["question"] == "page 1,000")),
        Curve("list: CPU in µs", "items", points("lengths", "length", "cpu_us"), is_log=(True, True)),
        Curve("clients: answers a second", "clients", points("clients", "clients", "answered_per_second")),
        Curve("clients: p99 in ms", "clients", points("clients", "clients", "p99_ms"), is_log=(True, True)),
        Curve(
            "workers: answers a second",
            "workers",
            points("workers", "workers", "answered_per_second"),
            is_log=(False, False),
        ),
        Curve("memory of a worker: MB", "requests", points("memory", "requests", "mb"), is_log=(False, False)),
    ]
    return [curve for curve in drawn if curve.points]
