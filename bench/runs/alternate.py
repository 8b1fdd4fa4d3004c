"""Sides of a comparison, measured alternately: drift of the machine then favours none."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.context import Outcome
from bench.runs.run import InterruptedRunError


def alternately(
    sides: Sequence[str],
    repeat: int,
    announce: Callable[[str], None],
    measure_side: Callable[[str], Outcome | None],
) -> dict[str, list[Outcome]]:
    """Each side `repeat` times; its runs. `measure_side` gives None where there is nothing to keep.

    An interrupt ends it with what was measured, unless that is nothing; so does a partial run.
    """
    runs: dict[str, list[Outcome]] = {side: [] for side in sides}
    for number in range(repeat):
        # The order alternates, so that a machine that warms up favours no side.
        for side in sides if number % 2 == 0 else reversed(sides):
            announce(f"run {number + 1} of {repeat}: {side}")
            try:
                outcome = measure_side(side)
            except (InterruptedRunError, KeyboardInterrupt):
                if not any(runs.values()):
                    raise
                return runs
            if outcome is not None:
                runs[side].append(outcome)
                if outcome["partial"]:
                    return runs
    return runs
