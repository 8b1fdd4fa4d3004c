"""Two reports beside each other: ratios, and which of them differ beyond noise.

Each report may hold repeated runs (`--repeat`). Two figures differ when the exact two-sided
Mann-Whitney U test says that such an order of the runs would come by chance less than once in
twenty times; it assumes no distribution. With three runs of each side no order is that rare, so
the answer is that there are too few runs to announce, and how many it takes.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from bench.context import UsageError
from bench.reports.figures import samples

CHANCE = 0.05
MOST_EXACT = 40
"""Runs of both sides together up to which every order is counted; beyond, the normal form of U."""
MAX_BYTES = 200 << 20

MUST_AGREE = (
    ("scenario", "scenarios"),
    ("participants", "numbers of participants"),
    ("settings", "settings"),
    ("seconds", "window lengths"),
)
_NEAR_SECONDS = 0.05


class Row(NamedTuple):
    """One figure of both reports."""

    name: str
    first: Sequence[float]
    second: Sequence[float]
    ratio: float | None
    """Second median over first; None where that is 0."""
    verdict: str
    """`differs`, `same within noise` or `too few runs`."""

    @property
    def medians(self) -> tuple[float, float]:
        return statistics.median(self.first), statistics.median(self.second)


def load(path: Path) -> dict[str, Any]:
    """A report that `--json` wrote. Raises `UsageError`."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UsageError(f"{path} is too large for a report")
        outcome = json.loads(path.read_text())
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise UsageError(f"{path} is no report: it is not JSON") from None
    if not isinstance(outcome, dict) or not isinstance(outcome.get("scenario"), str):
        raise UsageError(f"{path} is no report of this bench")
    return outcome


def compare(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[Row]:
    """Every figure that both have. Raises `UsageError` when there is none."""
    left, right = samples(first), samples(second)
    rows = [_row(name, left[name], right[name]) for name in left if name in right]
    if not rows:
        raise UsageError("the reports have no figure in common")
    return rows


def _row(name: str, first: Sequence[float], second: Sequence[float]) -> Row:
    before, after = statistics.median(first), statistics.median(second)
    return Row(name, first, second, after / before if before else None, verdict(first, second))


def verdict(first: Sequence[float], second: Sequence[float]) -> str:
    """Whether two sets of runs differ beyond noise."""
    if least_chance(len(first), len(second)) >= CHANCE:
        return "too few runs"
    return "differs" if chance(first, second) < CHANCE else "same within noise"


def least_chance(n: int, m: int) -> float:
    """The smallest value that the test can give for so many runs."""
    return 2 / math.comb(n + m, n)


def runs_needed() -> int:
    """Of each side, for the test to be able to find a difference."""
    return next(n for n in count(1) if least_chance(n, n) < CHANCE)


def chance(first: Sequence[float], second: Sequence[float]) -> float:
    """Two-sided p of the Mann-Whitney U test; equal values count half, which is cautious."""
    n, m = len(first), len(second)
    u = sum(0.5 if a == b else float(a > b) for a in first for b in second)
    least = min(u, n * m - u)
    if n + m > MOST_EXACT:
        spread = math.sqrt(n * m * (n + m + 1) / 12)
        return math.erfc(max(0.0, n * m / 2 - least - 0.5) / spread / math.sqrt(2))
    orders = sum(_orders(n, m, value) for value in range(math.ceil(least) + 1))
    return min(1.0, 2 * orders / math.comb(n + m, n))


@cache
def _orders(n: int, m: int, u: int) -> int:
    """In how many orders of n and m values the statistic is exactly u."""
    if u < 0:
        return 0
    if n == 0 or m == 0:
        return int(u == 0)
    return _orders(n - 1, m, u - m) + _orders(n, m - 1, u)


def warnings(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    """Why the two may not be comparable, in words."""
    found = []
    for key, title in MUST_AGREE:
        a, b = first.get(key), second.get(key)
        if key == "seconds" and isinstance(a, int | float) and isinstance(b, int | float):
            if abs(a - b) > _NEAR_SECONDS * max(a, b):
                found.append(f"{title} differ: {a:g} s and {b:g} s")
        elif a != b and not isinstance(a, dict):
            found.append(f"{title} differ: {a} and {b}")
        elif a != b:
            found.append(f"{title} differ")
    machines = [_machine(report) for report in (first, second)]
    found += [
        f"machines differ in {name}: {machines[0].get(name)} and {machines[1].get(name)}"
        for name in ("model", "cores", "kernel", "python", "governor")
        if machines[0].get(name) != machines[1].get(name)
    ]
    for name, report in (("first", first), ("second", second)):
        if report.get("partial"):
            found.append(f"the {name} report is partial")
        if not report.get("valid", True):
            found.append(f"the {name} report is not valid")
    return found


def _machine(report: Mapping[str, Any]) -> Mapping[str, Any]:
    machine = report.get("machine")
    return machine if isinstance(machine, Mapping) else {}
