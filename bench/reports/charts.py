"""Charts as inline SVG: no script, colours from the page's style sheet, so that they print."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT = 560, 250
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 16, 40
_INNER_WIDTH, _INNER_HEIGHT = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
_MOST_MARKERS = 40


class Series(NamedTuple):
    """One line of a chart."""

    name: str
    points: Sequence[tuple[float, float]]
    """By x."""


class Scale(NamedTuple):
    """From values to pixels, with round marks."""

    low: float
    high: float
    marks: tuple[float, ...]
    start: float
    length: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * self.length


def round_marks(low: float, high: float, count: int = 4) -> tuple[float, ...]:
    """Marks at 1, 2 or 5 times a power of ten that span from `low` to `high`."""
    span = high - low
    if not span > 0:
        high = low + (abs(low) or 1.0)
        span = high - low
    power = 10.0 ** math.floor(math.log10(span / count))
    step = power * next(f for f in (1, 2, 5, 10) if power * f * count >= span * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(round(number * step, 12) for number in range(first, last + 1))


def line_chart(title: str, series: Sequence[Series], *, x: str, y: str) -> str:
    """Lines over a common axis from 0 up, with a legend when there are several.

    `x` and `y` name the axes with their units. One line is filled below. Empty without points.
    """
    series = [one for one in series if one.points]
    if not series:
        return ""
    xs = [point[0] for one in series for point in one.points]
    ys = [point[1] for one in series for point in one.points]
    across = _x_scale(min(xs), max(xs), whole=all(value == int(value) for value in xs))
    marks = round_marks(min(0.0, *ys), max(ys))
    up = Scale(marks[0], marks[-1], marks, HEIGHT - BOTTOM, -_INNER_HEIGHT)
    body = _grid(up) + _x_axis(across, x)
    for number, one in enumerate(series):
        body += _line(one, across, up, number, filled=len(series) == 1)
    return _chart(title, body, y, [one.name for one in series] if len(series) > 1 else [])


def _x_scale(low: float, high: float, whole: bool) -> Scale:
    """With `whole` only whole numbers are marked, as of people."""
    if low == high:
        low, high = low - 0.5, high + 0.5
    marks = tuple(
        mark
        for mark in round_marks(low, high, 6)
        if low <= mark <= high and not (whole and mark % 1)
    )
    return Scale(low, high, marks, LEFT, _INNER_WIDTH)


def _line(one: Series, across: Scale, up: Scale, number: int, filled: bool) -> str:
    places = [(across(x), up(y)) for x, y in one.points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    color = f"c{number % 6}"
    text = ""
    if filled and len(places) > 1:
        floor = up(max(0.0, up.low))
        text += (
            f'<polygon class="area {color}" points="{places[0][0]:.1f},{floor:.1f} {path}'
            f' {places[-1][0]:.1f},{floor:.1f}"/>'
        )
    text += f'<polyline class="line {color}" points="{path}"/>'
    if len(places) <= _MOST_MARKERS:
        for (x, y), (value_x, value_y) in zip(places, one.points, strict=True):
            text += (
                f'<circle class="dot {color}" cx="{x:.1f}" cy="{y:.1f}" r="3.2">'
                f"<title>{escape(one.name)}: {number_text(value_y)} at {number_text(value_x)}"
                "</title></circle>"
            )
    return text


def bar_chart(title: str, bars: Sequence[tuple[str, float]], *, x: str, y: str) -> str:
    """One bar for each label. Empty when there is nothing in any."""
    if not any(value for _, value in bars):
        return ""
    marks = round_marks(0.0, max(value for _, value in bars))
    up = Scale(marks[0], marks[-1], marks, HEIGHT - BOTTOM, -_INNER_HEIGHT)
    step = _INNER_WIDTH / len(bars)
    every = max(1, math.ceil(len(bars) / 12))
    body = _grid(up)
    for number, (label, value) in enumerate(bars):
        left, top = LEFT + number * step, up(value)
        if value:
            height = max(1.0, HEIGHT - BOTTOM - top)
            body += (
                f'<rect class="bar c0" x="{left + step * 0.1:.1f}"'
                f' y="{HEIGHT - BOTTOM - height:.1f}" width="{step * 0.8:.1f}"'
                f' height="{height:.1f}" rx="{min(3.0, step * 0.2, height / 2):.1f}">'
                f"<title>{escape(label)}: {number_text(value)}</title></rect>"
            )
        if number % every == 0:
            body += _text(left + step / 2, HEIGHT - BOTTOM + 15, label, "middle")
    return _chart(title, body + _axis_name(x), y, [])


def _grid(up: Scale) -> str:
    text = ""
    for mark in up.marks:
        y = up(mark)
        kind = "axis" if mark == 0 else "grid"
        text += f'<line class="{kind}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        text += _text(LEFT - 8, y + 4, number_text(mark), "end")
    return text


def _x_axis(across: Scale, name: str) -> str:
    text = "".join(
        _text(across(mark), HEIGHT - BOTTOM + 15, number_text(mark), "middle")
        for mark in across.marks
    )
    return text + _axis_name(name)


def _axis_name(name: str) -> str:
    return _text(LEFT + _INNER_WIDTH / 2, HEIGHT - 5, name, "middle", "name")


def _text(x: float, y: float, text: str, anchor: str, kind: str = "mark") -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
    )


def _chart(title: str, body: str, y: str, legend: Sequence[str]) -> str:
    keys = "".join(
        f'<li><i class="key c{number % 6}"></i>{escape(name)}</li>'
        for number, name in enumerate(legend)
    )
    return (
        f'<figure class="card chart"><figcaption><b>{escape(title)}</b>'
        f'<span class="unit">{escape(y)}</span></figcaption>'
        + (f'<ul class="legend">{keys}</ul>' if keys else "")
        + f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)},'
        f' {escape(y)}">{body}</svg></figure>'
    )


def number_text(value: float) -> str:
    """A mark or a value, short."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"
