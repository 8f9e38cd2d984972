"""Small line charts as SVG files: no scripts, nothing loaded, with a title and a description."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

Points = Sequence[tuple[float, float]]

COLOURS: Final = ("#0b5394", "#b45309", "#166534", "#7e22ce")
_DASHES: Final = ("", "7 4", "2 3", "10 3 2 3")
_WIDTH, _HEIGHT = 720, 460
_LEFT, _RIGHT, _TOP, _BOTTOM = 84, 20, 52, 62


@dataclass(frozen=True, slots=True)
class Line:
    """One curve: its name in the legend and its points."""

    name: str
    points: Points


@dataclass(frozen=True, slots=True)
class Axis:
    """What an axis shows; ``log``: in powers of ten; ``percent``: written as percent."""

    title: str
    log: bool = False
    percent: bool = False

    def place(self, value: float) -> float:
        """The value on the axis's own scale."""
        return math.log10(value) if self.log else value

    def write(self, value: float) -> str:
        """A tick's text."""
        if self.percent:
            return f"{100 * value:g} %"
        return f"{value:g}"


def chart(title: str, description: str, across: Axis, up: Axis, lines: Sequence[Line]) -> str:
    """The chart as a stand-alone SVG; points that a logarithm can't show are left out."""
    kept = [
        Line(line.name, [p for p in line.points if _fits(p[0], across) and _fits(p[1], up)])
        for line in lines
    ]
    kept = [line for line in kept if line.points]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        'aria-labelledby="title desc" font-family="sans-serif" font-size="13" fill="#1f2933">',
        f'<title id="title">{escape(title)}</title>',
        f'<desc id="desc">{escape(description)}</desc>',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="24" font-size="16" font-weight="bold">{escape(title)}</text>',
    ]
    if kept:
        xs = [across.place(x) for line in kept for x, _ in line.points]
        ys = [up.place(y) for line in kept for _, y in line.points]
        parts += _drawn(kept, across, up, _span(xs), _span(ys))
    else:
        parts.append(f'<text x="{_LEFT}" y="{_HEIGHT / 2}">Too few people for this curve.</text>')
    return "\n".join([*parts, "</svg>", ""])


def _fits(value: float, axis: Axis) -> bool:
    return math.isfinite(value) and (value > 0 or not axis.log)


def _span(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = 0.02 * (high - low) or 0.5
    return low - margin, high + margin


def _drawn(
    lines: Sequence[Line], across: Axis, up: Axis, xs: tuple[float, float], ys: tuple[float, float]
) -> list[str]:
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM

    def x_of(value: float) -> float:
        return _LEFT + (across.place(value) - xs[0]) / (xs[1] - xs[0]) * (right - _LEFT)

    def y_of(value: float) -> float:
        return bottom - (up.place(value) - ys[0]) / (ys[1] - ys[0]) * (bottom - _TOP)

    parts = []
    for value in _ticks(across, xs):
        x = x_of(value)
        parts += [
            f'<line x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{bottom}" stroke="#d5dbe1"/>',
            f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">'
            f"{across.write(value)}</text>",
        ]
    for value in _ticks(up, ys):
        y = y_of(value)
        parts += [
            f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="#d5dbe1"/>',
            f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{up.write(value)}</text>',
        ]
    parts += [
        f'<rect x="{_LEFT}" y="{_TOP}" width="{right - _LEFT}" height="{bottom - _TOP}" '
        'fill="none" stroke="#52606d"/>',
        f'<text x="{(_LEFT + right) / 2}" y="{_HEIGHT - 16}" text-anchor="middle">'
        f"{escape(across.title)}</text>",
        f'<text transform="translate(18 {(_TOP + bottom) / 2}) rotate(-90)" '
        f'text-anchor="middle">{escape(up.title)}</text>',
    ]
    for number, line in enumerate(lines):
        colour, dash = COLOURS[number % len(COLOURS)], _DASHES[number % len(_DASHES)]
        points = " ".join(f"{x_of(x):.1f},{y_of(y):.1f}" for x, y in line.points)
        style = f'stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"'
        x = _LEFT + number * 160
        parts += [
            f'<polyline points="{points}" fill="none" {style}/>',
            f'<line x1="{x}" y1="38" x2="{x + 28}" y2="38" {style}/>',
            f'<text x="{x + 34}" y="42">{escape(line.name)}</text>',
        ]
    return parts


def _ticks(axis: Axis, span: tuple[float, float]) -> list[float]:
    """Powers of ten on a logarithmic axis, about six round values on another."""
    if axis.log:
        powers = range(math.ceil(span[0]), math.floor(span[1]) + 1)
        ticks = [10.0**power for power in powers]
        if len(ticks) >= 2:
            return ticks
        around = range(math.floor(span[0]), math.ceil(span[1]) + 1)
        finer = [step * 10.0**power for power in around for step in (1, 2, 5)]
        return [value for value in finer if span[0] <= math.log10(value) <= span[1]]
    rough = (span[1] - span[0]) / 6
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next(one for one in (1, 2, 5, 10) if one * power >= rough)
    first = math.ceil(span[0] / step)
    return [round(i * step, 10) for i in range(first, math.floor(span[1] / step) + 1)]
