"""Which figures count of several processes, and that everything is really sent on."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest

from bench.context import Context, UsageError
from bench.runs import micro
from bench.runs.micro_room import STAGES, measure


def child(best: float, median: float) -> dict[str, Any]:
    return {
        "microseconds": dict.fromkeys(STAGES, best),
        "medians": dict.fromkeys(STAGES, median),
    }


def test_the_quickest_round_counts_and_the_spread_of_processes_is_noise() -> None:
    now = micro.figures([child(4.0, 6.0), child(4.1, 5.0), child(7.0, 9.0)])
    assert now["send"] == {"microseconds": 4.0, "median": 6.0, "spread": 0.1}
    close = micro.figures([child(4.05, 6.0)])
    far = micro.figures([child(5.0, 6.0)])
    (row,) = [r for r in micro.stages({"now": now, "before": close}) if r["stage"] == "send"]
    assert (row["before"], row["ratio"], row["noise"]) == (4.05, 0.988, True)
    (row,) = [r for r in micro.stages({"now": now, "before": far}) if r["stage"] == "send"]
    assert (row["ratio"], row["noise"]) == (0.8, False)
    assert "ratio" not in micro.stages({"now": now})[0]


def test_what_comes_in_is_shared_by_all_it_goes_to() -> None:
    side = micro.figures([child(9.0, 9.0)])
    assert micro.whole(side, 10) == pytest.approx(2 * 1.0 + 4 * 9.0)


@pytest.mark.parametrize("people", [2, 4])
def test_in_the_measured_rounds_everything_goes_to_everybody(people: int) -> None:
    result = measure(people, 6)
    assert result["packetsOut"] == result["expectedOut"] == 6 * people * (people - 1) * 7
    assert result["dropped"] == 0
    assert set(result["microseconds"]) == set(STAGES)
    # Feedback may be left unread while the path is unconstrained; every other stage does work.
    assert all(v > 0 for name, v in result["microseconds"].items() if name != "feedback")


def options(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    micro.arguments(parser)
    return parser.parse_args(list(arguments))


def test_two_trees_run_in_turns() -> None:
    announced: list[str] = []
    root = str(Path(__file__).parents[3])
    given = options("--people", "2", "--rounds", "2", "--processes", "2", "--against", root)
    report = micro.run(Context(given, announced.append))
    assert [line.rpartition(" ")[2] for line in announced] == ["now", "before", "before", "now"]
    assert report["valid"], report["problems"]
    assert set(report["microsecondsPerPacketOut"]) == {"now", "before"}


def test_a_folder_that_is_no_tree_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no source tree"):
        micro.run(Context(options("--against", str(tmp_path)), lambda _: None))
