"""How long packets took, counted by bounds that grow evenly on a logarithmic scale. No I/O.

Plain integers and one bisection for a whole batch of packets, so that it may stand on a path where
each microsecond counts.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from operator import mul
from typing import Final

BOUNDS: Final = (
    0.0001, 0.0002, 0.0003, 0.0005, 0.0007,
    0.001, 0.0015, 0.002, 0.003, 0.005, 0.007,
    0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0,
)  # fmt: skip
"""Seconds; count i is of what took at most `BOUNDS[i]`, the last count of what took longer."""
BINS: Final = len(BOUNDS) + 1


class Histogram:
    """Counts since the start; `counts` is to be read only."""

    __slots__ = ("counts",)

    def __init__(self) -> None:
        self.counts = [0] * BINS

    def add(self, seconds: float, count: int = 1) -> None:
        """`count` things took `seconds` each."""
        self.counts[bisect_left(BOUNDS, seconds)] += count

    def spread(self, least: float, most: float, count: int) -> None:
        """`count` things took from `least` to `most` seconds, evenly spread over the two: they are
        counted as four groups of the same size."""
        counts, width, group = self.counts, most - least, count >> 2
        counts[bisect_left(BOUNDS, least + 0.125 * width)] += group
        counts[bisect_left(BOUNDS, least + 0.375 * width)] += group
        counts[bisect_left(BOUNDS, least + 0.625 * width)] += group
        counts[bisect_left(BOUNDS, least + 0.875 * width)] += count - 3 * group


def quantile(counts: Sequence[int], share: float) -> float | None:
    """Seconds within which `share` (0 to 1) of what was counted was done; None of nothing.

    Between the bounds it is taken as evenly spread; what is beyond the last bound counts as it.
    """
    total = sum(counts)
    if total <= 0:
        return None
    wanted, seen = share * total, 0
    for place, count in enumerate(counts):
        if count and seen + count >= wanted:
            if place >= len(BOUNDS):
                break
            low = BOUNDS[place - 1] if place else 0.0
            return low + (BOUNDS[place] - low) * (wanted - seen) / count
        seen += count
    return BOUNDS[-1]


def mean(counts: Sequence[int]) -> float | None:
    """Mean of what was counted, in seconds, each thing taken as in the middle of its bounds."""
    total = sum(counts)
    if total <= 0:
        return None
    lows, highs = (0.0, *BOUNDS), (*BOUNDS, BOUNDS[-1])
    middles = [(low + high) / 2 for low, high in zip(lows, highs, strict=True)]
    return float(sum(map(mul, counts, middles))) / total
