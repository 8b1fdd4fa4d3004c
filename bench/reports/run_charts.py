"""Which charts a report has."""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from bench.reports.charts import Series, bar_chart, line_chart
from bench.reports.figures import value
from qos.histogram import BOUNDS

_SIZE_FIGURES = (
    ("CPU by participants", "% of a core", ("server", "cpuPercent")),
    ("CPU per forwarded packet", "µs", ("server", "cpuMicrosPerForwardedPacket")),
    ("Packets out", "packets/s", ("packetsPerSecondOut",)),
    ("One-way delay p99", "ms", ("summary", "delayMs", "p99")),
    ("Memory", "MiB", ("server", "rssMiB")),
)


def _part(title: str, charts: Sequence[str]) -> str:
    body = "".join(charts)
    if not body:
        return ""
    return f'<section><h2>{escape(title)}</h2><div class="charts">{body}</div></section>'


def of_run(run: Mapping[str, Any], label: str = "") -> str:
    """Time series and the delay histogram of one run."""
    rows = run.get("series", [])
    charts = [
        delays(run.get("delayCounts", [])),
        line_chart(
            "CPU over time",
            [
                _over_time(rows, "cpuPercent", "server, media"),
                _over_time(rows, "cpuAllPercent", "server, all processes"),
                _over_time(rows, "generatorCpuPercent", "load generator, busiest process"),
            ],
            x="seconds",
            y="% of a core",
        ),
        line_chart("Received over time", [_over_time(rows, "receivedMbps", "received")],
                   x="seconds", y="Mbit/s, all participants"),
        line_chart(
            "Delay over time",
            [_over_time(rows, "delayMeanMs", "mean of each second")],
            x="seconds",
            y="ms",
        ),
        line_chart("Memory over time", [_over_time(rows, "rssMiB", "server")],
                   x="seconds", y="MiB"),
    ]  # fmt: skip
    return _part(f"{label}: charts" if label else "Charts", charts)


def _over_time(rows: Sequence[Mapping[str, Any]], key: str, name: str) -> Series:
    points = [(row["at"], row[key]) for row in rows if row.get(key) is not None]
    return Series(name, points if len(points) > 1 else [])


def delays(counts: Sequence[int]) -> str:
    """How many percent of the packets took how long; empty bounds at both ends are left out."""
    total = sum(counts)
    used = [place for place, count in enumerate(counts) if count]
    if not used:
        return ""
    names = [f"≤ {1000 * bound:g}" for bound in BOUNDS] + [f"> {1000 * BOUNDS[-1]:g}"]
    first, last = max(0, used[0] - 1), min(len(counts) - 1, used[-1] + 1)
    bars = [(names[n], 100 * counts[n] / total) for n in range(first, last + 1)]
    return bar_chart("One-way delay", bars, x="ms", y="% of packets")


def of_points(listed: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """CPU by participants and the scaling curves; empty when all runs are of one size.

    A line for each kind of run: what differs beside the size, by label. Runs of one size and kind
    count by their median.
    """
    charts = []
    for title, unit, path in _SIZE_FIGURES:
        kinds: dict[str, dict[float, list[float]]] = {}
        for label, run in listed:
            size, number = value(run, ("participants",)), value(run, path)
            if size is not None and number is not None:
                kinds.setdefault(kind_of(label), {}).setdefault(size, []).append(number)
        lines = [
            Series(kind, sorted((size, statistics.median(got)) for size, got in by_size.items()))
            for kind, by_size in kinds.items()
            if len(by_size) > 1
        ]
        charts.append(line_chart(title, lines, x="participants", y=unit))
    return _part("How it scales", charts)


def kind_of(label: str) -> str:
    """A label without the number that it begins with: `5 users, cameras on` and `7 users, cameras
    on` are of one kind."""
    return re.sub(r"^\d+ ", "", label) or "runs"


def of_samples(outcome: Mapping[str, Any]) -> str:
    """Samples over a long run: memory, descriptors, participants."""
    rows = outcome.get("samples")
    if not isinstance(rows, list) or not rows or not isinstance(rows[0], Mapping):
        return ""
    charts = [
        line_chart(title, [_over_time(rows, key, title)], x="seconds", y=unit)
        for key, title, unit in (
            ("rssMiB", "Memory of the server", "MiB"),
            ("descriptors", "Descriptors of the server", "open"),
            ("participants", "People present", "people"),
        )
    ]
    return _part("Over time", charts)
