"""A plot of the streams over time: rate, loss and jitter. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

from qos.capture.report import Row
from qos.capture.streams import Point

MAX_DRAWN = 20
"""Streams in one plot, those with the most packets; more lines cannot be read."""
BINS = 120
"""Points of a line at most, so that single packets do not make it a thicket."""

Course = list[tuple[float, float, float, float]]
"""Time in seconds, rate in kbit/s, loss in percent, jitter in ms."""


def available() -> bool:
    """Whether matplotlib is installed."""
    return find_spec("matplotlib") is not None


def draw(rows: Sequence[Row], path: Path) -> None:
    """Write a PNG. Raises OSError when it cannot be written."""
    # Imported here: it costs a second and 60 MB, which a run without a plot need not pay.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    timed = [row for row in rows if row.values["start"] is not None]
    drawn = sorted(timed, key=lambda row: -row.values["packets"])[:MAX_DRAWN]
    start = min((row.values["start"] - _first(row) for row in drawn), default=0.0)
    figure = Figure(figsize=(11, 9), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(3, 1, sharex=True)
    for axis, label in zip(axes, ("Rate, kbit/s", "Loss, %", "Jitter, ms"), strict=True):
        axis.set_ylabel(label)
        axis.grid(visible=True, alpha=0.3)
    lines = []
    for number, row in enumerate(drawn):
        course = _course(row.points, row.values["start"] - _first(row) - start)
        color = f"C{number % 10}"
        style = "-" if number < 10 else "--"
        for column, axis in enumerate(axes, 1):
            times = [point[0] for point in course]
            values = [point[column] for point in course]
            # Rate and loss hold for the whole time since the point before, jitter at its own.
            drawn_as = "default" if axis is axes[-1] else "steps-pre"
            (line,) = axis.plot(
                times, values, color=color, linestyle=style, linewidth=1.2, drawstyle=drawn_as
            )
        lines.append(line)
    for axis in axes:
        axis.set_ylim(bottom=0, top=max(1.0, axis.get_ylim()[1]))
    axes[-1].set_xlabel("Seconds since the first packet")
    left_out = f", the {len(drawn)} largest of {len(rows)}" if len(rows) > len(drawn) else ""
    axes[0].set_title(f"RTP streams{left_out}" if drawn else "No RTP streams found")
    if lines:
        figure.legend(lines, [_label(row) for row in drawn], loc="outside lower center", ncols=2,
                      fontsize="small", frameon=False)  # fmt: skip
    figure.savefig(path, dpi=110)


def _first(row: Row) -> float:
    return row.points[0][0] if row.points else 0.0


def _label(row: Row) -> str:
    values = row.values
    types = ",".join(map(str, values["payloadTypes"]))
    return (
        f"{values['ssrc']:08x} ({values['kind'] or 'type'} {types}) "
        f"{values['source']}:{values['sourcePort']} → "
        f"{values['destination']}:{values['destinationPort']}"
    )


def _course(points: list[Point], shift: float) -> Course:
    """Sums so far, made into rates between neighbours that are far enough apart."""
    if len(points) < 2:
        return []
    step = (points[-1][0] - points[0][0]) / BINS
    kept = [points[0]]
    for point in points[1:]:
        if point[0] - kept[-1][0] >= step and point[0] > kept[-1][0]:
            kept.append(point)
    course: Course = []
    for before, after in pairwise(kept):
        seconds = after[0] - before[0]
        expected = after[3] - before[3]
        lost = after[4] - before[4]
        loss = min(100.0, max(0.0, 100 * lost / expected)) if expected > 0 else 0.0
        course.append(
            (after[0] + shift, (after[2] - before[2]) * 0.008 / seconds, loss, after[5] * 1000)
        )
    return course
