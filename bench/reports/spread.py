"""Median and spread of repeated runs."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any, NamedTuple

from bench.reports.figures import FIGURES, PHONE, samples


class Spread(NamedTuple):
    """One figure over the runs of one label."""

    title: str
    unit: str
    digits: int
    times: int
    median: float
    low: float
    high: float

    def text(self, number: float) -> str:
        return f"{number:,.{self.digits}f}"


def spread(outcome: Mapping[str, Any]) -> list[Spread]:
    """Of every figure that was measured more than once."""
    known = {figure.name: figure for figure in (*FIGURES, *PHONE)}
    rows = []
    for name, values in samples(outcome).items():
        label, _, short = name.rpartition(": ")
        figure = known.get(short)
        if figure is not None and len(values) > 1:
            title = f"{label}: {figure.title}" if label else figure.title
            middle = statistics.median(values)
            rows.append(
                Spread(title, figure.unit, figure.digits, len(values), middle,
                       min(values), max(values))
            )  # fmt: skip
    return rows
