"""A dashboard with its data as SVG: the same panels in the same places as in Grafana, drawn by this project."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bench.chart import WIDTH, short, svg, text

COLORS: Final = ("#0969da", "#bf8700", "#1a7f37", "#cf222e", "#8250df", "#57606a")
MAX_LEGENDS: Final = 5
UNIT: Final = WIDTH / 24
"""The width of a unit of the grid."""
ROW: Final = 28.0
"""The height of a unit of the grid."""
TOP: Final = 34.0
LINE: Final = 13.0
CHARACTER: Final = 6.0
"""The width of a character of a legend."""
PERCENT: Final = "percentunit"


@dataclass(frozen=True)
class Line:
    """A series with its name."""

    name: str
    points: Sequence[tuple[float, float]]

    @property
    def last(self) -> float:
        """Return the newest value."""
        return self.points[-1][1]


@dataclass(frozen=True)
class Area:
    """The place of a panel."""

    x: float
    y: float
    width: float
    height: float


def drawn(dashboard: Mapping[str, Any], data: Mapping[str, Sequence[Line]]) -> str:
    """Return the SVG.

    Args:
        dashboard: the dashboard in Grafana's model.
        data: the series of each panel by its title.
    """
    panels = dashboard["panels"]
    height = TOP + ROW * max(each["gridPos"]["y"] + each["gridPos"]["h"] for each in panels)
    parts = [text(10, 22, dashboard["title"], "head")]
    for panel in panels:
        place = panel["gridPos"]
        area = Area(place["x"] * UNIT + 10, TOP + place["y"] * ROW, place["w"] * UNIT - 20, place["h"] * ROW - 16)
        parts.append(text(area.x, area.y + 14, _cut(panel["title"], area.width), "name"))
        inner = Area(area.x, area.y + 22, area.width, area.height - 22)
        lines = sorted(data[panel["title"]], key=lambda line: line.last, reverse=True)
        draw = _curves if panel["type"] == "timeseries" else _values
        parts += draw(inner, lines, panel["fieldConfig"]["defaults"]["unit"])
    return svg(height, parts)


def _curves(area: Area, lines: Sequence[Line], unit: str) -> Iterator[str]:
    """Yield a chart with the largest value, and a legend of the series with the largest last values."""
    legends = lines[:MAX_LEGENDS]
    bottom = area.y + area.height - LINE * (len(legends) + (len(lines) > MAX_LEGENDS)) - 6
    times = [at for line in lines for at, _ in line.points]
    high = max(value for line in lines for _, value in line.points) or 1.0
    start, span = min(times), (max(times) - min(times)) or 1.0
    left, right, top = area.x + 40, area.x + area.width, area.y + 6
    yield f'<path class="grid" d="M{left:.1f} {top:.1f}V{bottom:.1f}H{right:.1f}"/>'
    yield text(left - 4, top + 6, _formatted(high, unit), "small", anchor="end")
    yield text(left - 4, bottom, "0", "small", anchor="end")
    for number, line in reversed([*enumerate(lines)]):
        points = " ".join(
            f"{left + (at - start) / span * (right - left):.1f},{bottom - value / high * (bottom - top):.1f}"
            for at, value in line.points
        )
        color = COLORS[min(number, MAX_LEGENDS)]
        yield f'<polyline fill="none" stroke="{color}" stroke-width="1.5" points="{points}"/>'
    for number, line in enumerate(legends):
        y = bottom + LINE * (number + 1) + 2
        yield f'<rect fill="{COLORS[number]}" x="{area.x:.1f}" y="{y - 7:.1f}" width="10" height="4"/>'
        yield text(area.x + 14, y, _cut(f"{line.name}: {_formatted(line.last, unit)}", area.width - 14), "small")
    if len(lines) > MAX_LEGENDS:
        more = f"and {len(lines) - MAX_LEGENDS} more series"
        yield text(area.x + 14, bottom + LINE * (MAX_LEGENDS + 1) + 2, more, "small")


def _values(area: Area, lines: Sequence[Line], unit: str) -> Iterator[str]:
    """Yield the last value of each series as a bar."""
    longest = max(line.last for line in lines) or 1.0
    step = min(26.0, area.height / len(lines))
    for number, line in enumerate(lines[: int(area.height // LINE)]):
        y = area.y + number * step
        length, thickness = line.last / longest * area.width * 0.3, step - 5
        size = f'width="{length:.1f}" height="{thickness:.1f}"'
        yield f'<rect fill="{COLORS[0]}" x="{area.x:.1f}" y="{y + 3:.1f}" {size}/>'
        label = f"{_formatted(line.last, unit)}  {line.name}"
        yield text(area.x + length + 6, y + step - 6, _cut(label, area.width - length - 6), "small")


def _formatted(value: float, unit: str) -> str:
    if unit == PERCENT:
        return f"{value:.4g}" if value in {0, 1} else f"{value * 100:.3g} %"
    return (
        f"{value * 1000:.3g} ms" if unit == "s" and value < 1 else f"{short(value)} s" if unit == "s" else short(value)
    )


def _cut(label: str, width: float) -> str:
    longest = int(width / CHARACTER)
    return label if len(label) <= longest else f"{label[: longest - 1]}…"
