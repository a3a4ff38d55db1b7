"""Charts as SVG: legible on white and on black, without external files."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

STYLE: Final = (
    "<style>text{font:12px system-ui,sans-serif;fill:#24292f}.head{font-weight:600;font-size:14px}"
    ".small{fill:#57606a;font-size:11px}.candor{fill:#0969da}.other{fill:#8c959f}.grid{fill:none;stroke:#d0d7de}"
    ".line{fill:none;stroke:#0969da;stroke-width:2}.dot{fill:#0969da}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.small{fill:#9198a1}.candor{fill:#4493f8}.other{fill:#656c76}"
    ".grid{stroke:#3d444d}.line{stroke:#4493f8}.dot{fill:#4493f8}}</style>"
)
WIDTH: Final = 860
ROW: Final = 18
NAMES: Final = 150


@dataclass(frozen=True)
class Bar:
    """One bar."""

    name: str
    value: float
    is_candor: bool = False


@dataclass(frozen=True)
class Panel:
    """Bars to compare."""

    title: str
    bars: Sequence[Bar]
    digits: int = 0
    """Decimal places of the values."""


@dataclass(frozen=True)
class Curve:
    """Points of a curve; the axes with ``is_log`` are logarithmic."""

    title: str
    x: str
    points: Sequence[tuple[float, float]]
    is_log: tuple[bool, bool] = (True, False)


def bars(title: str, panels: Sequence[Panel]) -> str:
    """Return a chart of panels, two in a row, each with a separate scale."""
    half, height = WIDTH // 2, 40 + ROW * max(len(panel.bars) for panel in panels)
    parts = [text(10, 22, title, "head")]
    for place, panel in enumerate(panels):
        left, top = place % 2 * half, 34 + place // 2 * height
        parts.append(text(left + 10, top + 18, panel.title, "head"))
        longest = max(bar.value for bar in panel.bars)
        for row, bar in enumerate(panel.bars):
            y = top + 28 + row * ROW
            length = max(1.0, bar.value / longest * (half - NAMES - 80))
            kind = "candor" if bar.is_candor else "other"
            parts += [
                text(left + NAMES, y + 12, bar.name, "name", anchor="end"),
                f'<rect class="{kind}" x="{left + NAMES + 8}" y="{y + 2}" width="{length:.1f}" height="{ROW - 5}"/>',
                text(left + NAMES + 14 + length, y + 12, f"{bar.value:,.{panel.digits}f}", "small"),
            ]
    return svg(34 + math.ceil(len(panels) / 2) * height, parts)


def curves(title: str, found: Sequence[Curve]) -> str:
    """Return a chart of curves, three in a row."""
    width, height = WIDTH / 3, 190.0
    parts = [text(10, 22, title, "head")]
    for place, curve in enumerate(found):
        parts += _curve(curve, left=place % 3 * width, top=34 + place // 3 * height, width=width, height=height)
    return svg(34 + math.ceil(len(found) / 3) * height, parts)


def _curve(curve: Curve, *, left: float, top: float, width: float, height: float) -> list[str]:
    x0, x1, y0, y1 = left + 46, left + width - 16, top + height - 40, top + 30
    xs, ys = (
        [_scaled(x, curve.is_log[0]) for x, _ in curve.points],
        [_scaled(y, curve.is_log[1]) for _, y in curve.points],
    )
    low, high = (min(ys), max(ys)) if curve.is_log[1] else (0.0, max(ys) * 1.1 or 1.0)
    across = (max(xs) - min(xs)) or 1.0
    places = [
        (x0 + (x - min(xs)) / across * (x1 - x0), y0 - (y - low) / ((high - low) or 1) * (y0 - y1))
        for x, y in zip(xs, ys, strict=True)
    ]
    parts = [
        text(left + 10, top + 18, curve.title, "head"),
        f'<path class="grid" d="M{x0:.1f} {y1:.1f}V{y0:.1f}H{x1:.1f}"/>',
        f'<polyline class="line" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}"/>',
        text((x0 + x1) / 2, top + height - 8, curve.x, "small", anchor="middle"),
    ]
    labelled = {0, len(places) - 1, *range(0, len(places), max(1, len(places) // 4))}
    for number, ((x, y), (at, value)) in enumerate(zip(places, curve.points, strict=True)):
        if number in labelled:
            parts += [
                f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3"/>',
                text(x, y0 + 15, short(at), "small", anchor="middle"),
                text(x, y - 7, short(value), "small", anchor="middle"),
            ]
    return parts


def short(value: float) -> str:
    """Return a short form of a number."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def _scaled(value: float, is_log: bool) -> float:
    return math.log10(max(value, 1e-9)) if is_log else value


def text(x: float, y: float, content: str, kind: str, *, anchor: str = "start") -> str:
    """Return a text element; ``kind`` is its class."""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(content)}</text>'


def svg(height: float, parts: list[str]) -> str:
    """Return an image of elements, with the styles of all charts."""
    size = f'width="{WIDTH}" height="{height:.0f}" viewBox="0 0 {WIDTH} {height:.0f}"'
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">', STYLE, *parts, "</svg>", ""])
