"""Plots as SVG, written by hand so that the same numbers make the same file; readable on a light and on a dark page."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "images"

WIDTH, HEIGHT = 640, 316
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 76, 40
"""Around the plot: for the numbers of the axis, the title with the names of the series, and what stands below."""

LETTER = 7.2
"""Of a letter's width, as much as most fonts need."""

STYLE = """
text { font: 12px system-ui, sans-serif; fill: #24292f }
.page { fill: #ffffff }
.title { font-size: 14px; font-weight: 600 }
.axis { stroke: #d0d7de; stroke-width: 1 }
.c0 { fill: #0969da; stroke: #0969da } .c1 { fill: #bf8700; stroke: #bf8700 }
.c2 { fill: #1a7f37; stroke: #1a7f37 } .c3 { fill: #cf222e; stroke: #cf222e }
.c4 { fill: #8250df; stroke: #8250df } .c5 { fill: #57606a; stroke: #57606a }
polyline { fill: none !important; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .page { fill: #0d1117 } .axis { stroke: #444c56 }
.c0 { fill: #58a6ff; stroke: #58a6ff } .c1 { fill: #e3b341; stroke: #e3b341 }
.c2 { fill: #56d364; stroke: #56d364 } .c3 { fill: #ff7b72; stroke: #ff7b72 }
.c4 { fill: #d2a8ff; stroke: #d2a8ff } .c5 { fill: #b1bac4; stroke: #b1bac4 }
}
"""

Series = Mapping[str, Sequence[float | None]]
"""Values by name, one for each place on the x axis; None where nothing was measured."""


def bars(name: str, title: str, places: Sequence[str], series: Series) -> None:
    """Bars side by side at each place, with their values; a logarithmic scale where values differ a hundredfold."""
    scale = _Scale(_all(series), logarithmic_beyond=100)
    parts = []
    room = (WIDTH - LEFT - RIGHT) / len(places)
    width = room * 0.8 / len(series)
    for number, values in enumerate(series.values()):
        for place, value in enumerate(values):
            if value is None:
                continue
            x, y = LEFT + place * room + room * 0.1 + number * width, scale.y(value)
            parts.append(
                f'<rect class="c{number}" x="{x:.1f}" y="{y:.1f}" width="{width - 2:.1f}" '
                f'height="{HEIGHT - BOTTOM - y:.1f}"/>'
            )
            parts.append(
                f'<text x="{x + width / 2 - 1:.1f}" y="{y - 4:.1f}" text-anchor="middle">{_short(value)}</text>'
            )
    centres = [LEFT + (place + 0.5) * room for place in range(len(places))]
    _write(name, title, scale, list(zip(centres, places, strict=True)), list(series), parts)


def lines(name: str, title: str, places: Sequence[str], series: Series) -> None:
    """A line for each series, over places at equal distances; a logarithmic scale where values differ twentyfold."""
    scale = _Scale(_all(series), logarithmic_beyond=20)
    step = (WIDTH - LEFT - RIGHT) / len(places)
    centres = [LEFT + (place + 0.5) * step for place in range(len(places))]
    parts = []
    for number, values in enumerate(series.values()):
        points = [(x, scale.y(value)) for x, value in zip(centres, values, strict=True) if value is not None]
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline class="c{number}" points="{joined}"/>')
        parts += [f'<circle class="c{number}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in points]
    _write(name, title, scale, list(zip(centres, places, strict=True)), list(series), parts)


def _all(series: Series) -> list[float]:
    return [value for values in series.values() for value in values if value is not None]


class _Scale:
    """The y axis: from zero, or logarithmic where the largest value is so many times the least."""

    def __init__(self, values: Sequence[float], *, logarithmic_beyond: float) -> None:
        self._is_logarithmic = max(values) > logarithmic_beyond * min(values)
        if self._is_logarithmic:
            low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values) * 1.05))
            self.ticks = [10.0**power for power in range(low, high + 1)]
        else:
            step = _round(max(values) * 1.05 / 4)
            self.ticks = [step * number for number in range(math.ceil(max(values) * 1.05 / step) + 1)]

    def y(self, value: float) -> float:
        low, high = self.ticks[0], self.ticks[-1]
        if self._is_logarithmic:
            low, high, value = math.log10(low), math.log10(high), math.log10(value)
        return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)


def _round(step: float) -> float:
    """The next of 1, 2, 2.5, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return power * next(each for each in (1, 2, 2.5, 5, 10) if each * power >= step)


def _short(value: float) -> str:
    if value >= 1_000_000:
        return f"{value / 1e6:g}M"
    if value >= 10_000:
        return f"{value / 1000:.0f}k"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _write(
    name: str,
    title: str,
    scale: _Scale,
    places: Sequence[tuple[float, str]],
    series: Sequence[str],
    parts: Sequence[str],
) -> None:
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>{escape(title)}</title><style>{STYLE}</style>",
        f'<rect class="page" width="{WIDTH}" height="{HEIGHT}" rx="6"/>',
        f'<text class="title" x="{LEFT}" y="20">{escape(title)}</text>',
    ]
    x, y = float(LEFT), 31.0
    for number, each in enumerate(series):
        width = 32 + LETTER * len(each)
        if x + width > WIDTH:
            x, y = float(LEFT), y + 18
        out.append(f'<rect class="c{number}" x="{x:.0f}" y="{y:.0f}" width="10" height="10"/>')
        out.append(f'<text x="{x + 15:.0f}" y="{y + 10:.0f}">{escape(each)}</text>')
        x += width
    for tick in scale.ticks:
        y = scale.y(tick)
        out.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{_short(tick)}</text>')
    out += [f'<text x="{x:.1f}" y="{HEIGHT - 16}" text-anchor="middle">{escape(place)}</text>' for x, place in places]
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.svg").write_text("\n".join([*out, *parts, "</svg>"]) + "\n")
