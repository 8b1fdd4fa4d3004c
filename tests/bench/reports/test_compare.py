"""Comparing: an exact test, its limits, and what it says of reports that are none."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bench.context import UsageError
from bench.reports import compare, tables
from tests.bench.sample_runs import MACHINE, cpu, run, several


def test_chances_are_those_of_counting_every_order() -> None:
    values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    for first in itertools.combinations(values, 3):
        second = [value for value in values if value not in first]
        u = sum(a > b for a in first for b in second)
        least = min(u, 12 - u)
        all_u = [
            sum(a > b for a in one for b in values if b not in one)
            for one in itertools.combinations(values, 3)
        ]
        expected = min(1.0, 2 * sum(other <= least for other in all_u) / len(all_u))
        assert compare.chance(first, second) == pytest.approx(expected)


def test_many_runs_go_by_the_normal_form() -> None:
    first = [float(n) for n in range(30)]
    assert compare.chance(first, [value + 100 for value in first]) < 1e-6
    assert compare.chance(first, first) > 0.9


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([1.0], [9.0], "too few runs"),
        ([1.0, 2.0, 3.0], [7.0, 8.0, 9.0], "too few runs"),
        ([1.0, 2.0, 3.0, 4.0], [6.0, 7.0, 8.0, 9.0], "differs"),
        ([1.0, 2.0, 3.0, 7.0], [6.0, 4.0, 8.0, 9.0], "same within noise"),
        ([5.0] * 5, [5.0] * 5, "same within noise"),
    ],
)
def test_verdicts(first: list[float], second: list[float], expected: str) -> None:
    assert compare.verdict(first, second) == expected


def test_four_runs_of_each_side_are_needed() -> None:
    assert compare.runs_needed() == 4


def repeated(*micros: float, **changes: Any) -> dict[str, Any]:
    return several([run(server=cpu(20.0, each)) for each in micros], **changes)


def test_medians_ratio_and_verdict_of_repeated_runs() -> None:
    rows = compare.compare(repeated(10, 11, 12, 13), repeated(22, 23, 24, 26))
    row = next(row for row in rows if row.name == "cpuPerPacket")
    assert row.medians == (11.5, 23.5)
    assert row.ratio == pytest.approx(23.5 / 11.5)
    assert row.verdict == "differs"
    assert next(row for row in rows if row.name == "delayP99").verdict == "same within noise"
    loss = next(row for row in rows if row.name == "loss")
    # There is nothing to divide by.
    assert loss.ratio is None


def test_labels_are_compared_with_their_like() -> None:
    first = several([run(label="a", server=cpu(10)), run(label="b", server=cpu(20))])
    second = several([run(label="b", server=cpu(40)), run(label="c", server=cpu(1))])
    rows = {row.name: row.ratio for row in compare.compare(first, second)}
    assert rows["b: cpu"] == 2.0
    assert not [name for name in rows if name.startswith(("a", "c"))]


def test_a_report_of_another_kind_is_compared_by_its_numbers() -> None:
    soak = {"scenario": "soak", "joins": 10, "growth": {"rssMiB": 1.0}, "flat": True}
    rows = compare.compare(soak, {**soak, "growth": {"rssMiB": 3.0}})
    assert {row.name: row.ratio for row in rows} == {"joins": 1.0, "growth.rssMiB": 3.0}


def test_what_cannot_be_compared_is_reported() -> None:
    other = {**MACHINE, "cores": 2, "temperatureC": 70.0}
    reported = compare.warnings(
        run(), run(participants=9, seconds=20.0, machine=other, partial=True, valid=False)
    )
    assert reported == [
        "numbers of participants differ: 2 and 9",
        "window lengths differ: 10 s and 20 s",
        "machines differ in cores: 4 and 2",
        "the second report is partial",
        "the second report is not valid",
    ]
    assert compare.warnings(run(), run(seconds=10.001)) == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ("\x00\xff", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[1]", "no report of this bench"),
        ('{"scenario": 3}', "no report of this bench"),
    ],
)
def test_what_is_no_report_is_refused(content: str, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(UsageError, match=expected):
        compare.load(path)


def test_reports_without_a_common_figure_are_refused() -> None:
    with pytest.raises(UsageError, match="no figure in common"):
        compare.compare({"scenario": "soak", "joins": 1}, {"scenario": "x", "other": 2})


def test_the_table_states_when_there_are_too_few_runs(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(run()))
    console = Console(width=120)
    with console.capture() as captured:
        tables.print_compare(console, compare.load(path), run(server=cpu(40.0)))
    assert "4 of each side are needed (--repeat 4)" in captured.get()
    assert "2.000" in captured.get()


@pytest.mark.parametrize(
    ("number", "expected"),
    [(5_464_180.0, "5.464M"), (12_345.0, "12.35k"), (9_999.0, "9999"), (0.0, "0"), (-2e6, "-2M")],
)
def test_numbers_are_short(number: float, expected: str) -> None:
    assert tables.short(number) == expected
