"""The charts of the comparison, one for each question of its page."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from bench import chart
from bench.chart import Bar, Panel
from bench.report import WORKS_ON_DATA

HERE: Final = Path(__file__).resolve().parent
Found = dict[str, Any]
Value = Callable[[Found], float | None]
"""Returns the value of a candidate, or nothing if it was not measured."""


def write(found: Found, folder: Path = HERE) -> None:
    """Write all charts that the results have values for."""
    for name, title, panels in _all(found):
        if panels:
            (folder / f"{name}.svg").write_text(chart.bars(title, panels))


def _all(found: Found) -> Iterator[tuple[str, str, list[Panel]]]:
    """Yield the name, the title and the panels of each chart."""
    http = [each for each in found["candidates"] if not each["is_rpc"]]
    names = found["workloads"]

    def panels(titles: dict[str, tuple[str, Value]], digits: int = 0) -> list[Panel]:
        made = [Panel(title, _bars(http, value), digits) for title, value in titles.values()]
        return [panel for panel in made if panel.bars]

    yield (
        "results",
        "Requests per second and core (longer is better)",
        panels({key: (f"{key}: {name}", _in(key, lambda cell: 1e6 / cell["cpu_us"])) for key, name in names.items()}),
    )
    yield (
        "results-latency",
        "p99 in milliseconds, at 60 % of each one's own capacity (shorter is better)",
        panels({key: (f"{key}: {name}", _in(key, _p99)) for key, name in names.items()}, digits=1),
    )
    yield (
        "results-workers",
        "Requests a second with 16 callers (longer is better)",
        panels(
            {
                f"{key}{place}": (f"{key}: {words}", _in(key, _pair(place)))
                for key in names
                for place, words in enumerate(("one worker, one core", "two workers, two cores"))
            }
        ),
    )
    yield (
        "results-callers",
        "GET one: requests a second, one worker on one core (longer is better)",
        panels({size: (f"callers: {size}", _in("W1", _crowd(size))) for size in ("1", "16", "64")}),
    )
    yield (
        "results-database",
        "CPU of PostgreSQL per request, in microseconds (shorter is better)",
        panels(
            {
                key: (f"{key}: {name}", _in(key, lambda cell: cell["database_us"]))
                for key, name in names.items()
                if key in WORKS_ON_DATA
            }
        ),
    )
    yield (
        "results-memory",
        "Memory and start (shorter is better)",
        [
            Panel("a worker at rest: MB", _bars(http, lambda each: each["worker_megabytes"])),
            Panel("from start to the first response: s", _bars(http, lambda each: each["start_seconds"]), digits=2),
        ],
    )


def _bars(candidates: list[Found], value: Value) -> list[Bar]:
    values = [(each, value(each)) for each in candidates]
    return [Bar(each["name"], found, is_candor=each["is_candor"]) for each, found in values if found]


def _in(key: str, value: Value) -> Value:
    """Return the value of a workload."""
    return lambda each: value(each["cells"][key]) if key in each["cells"] else None


def _p99(cell: Found) -> float | None:
    found: float | None = cell["steady"].get("p99")
    return found


def _pair(place: int) -> Value:
    return lambda cell: cell["pairs"][place]["per_second"] if cell["pairs"] else None


def _crowd(size: str) -> Value:
    return lambda cell: cell["crowds"].get(size, {}).get("per_second")
