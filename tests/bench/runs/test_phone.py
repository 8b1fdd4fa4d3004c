"""Figures of phone calls."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from bench import commands, output
from bench.reports import compare, page, tables
from bench.runs.phone import Counts, figures, percentiles_ms
from tests.bench.sample_runs import MACHINE, cpu


@pytest.mark.parametrize(
    ("milliseconds", "p50", "p95", "p99"),
    [
        ([7], 7, 7, 7),
        ([3, 1, 2], 2, 3, 3),
        (range(1, 101), 50, 95, 99),
        (range(1, 201), 100, 190, 198),
    ],
)
def test_percentiles_are_of_the_nearest_rank(
    milliseconds: list[int], p50: float, p95: float, p99: float
) -> None:
    found = percentiles_ms([ms / 1000 for ms in milliseconds])
    assert (found["p50"], found["p95"], found["p99"]) == (p50, p95, p99)
    assert found["max"] == max(milliseconds)


def test_nothing_timed_is_not_known() -> None:
    assert percentiles_ms([]) == {"p50": None, "p95": None, "p99": None, "max": None}


def test_what_neither_ended_nor_failed_is_still_open() -> None:
    found = figures(Counts(begun=7, completed=4, failures=["line 0: lost"]))
    assert (found["completed"], found["failed"], found["open"]) == (4, 1, 2)


def outcome(ring: float) -> dict[str, object]:
    counted = Counts(begun=3, completed=2, ring=[ring], voice=[0.05], hang_up=[0.002])
    return {
        "scenario": "phone",
        "participants": 4,
        "lines": 2,
        "rooms": 2,
        "seconds": 10.0,
        "phone": figures(counted),
        "server": cpu(4.0),
        "packetsPerSecondOut": 200.0,
        "loadGenerator": {"processes": [{"cpuPercent": 3.0, "lateP99Ms": 0.4}]},
        "settings": {"workers": 1},
        "valid": True,
        "partial": False,
        "problems": [],
        "machine": MACHINE,
        "commit": "abc1234",
        "command": "python -m bench phone",
        "at": "2026-01-02T03:04:05Z",
    }


def test_every_kind_of_report_has_the_figures_of_one_run_and_of_several() -> None:
    left = [outcome(0.001), outcome(0.003)]
    several = commands.repeated("phone", 2, lambda _: None, lambda: dict(left.pop(0)))
    for made, shown in ((outcome(0.001), "1.00 ms"), (several, "2.00")):
        text = io.StringIO()
        tables.show(Console(file=text, width=140), "phone", made)
        assert "call to ring p50" in text.getvalue()
        assert shown in text.getvalue()
        assert "call to ring p50" in page.render(made)
        header, *rows = output.as_csv(made).splitlines()
        assert "ringP50 (ms)" in header
        assert len(rows) == (2 if made is several else 1)
    ratios = {row.name: row.ratio for row in compare.compare(outcome(0.001), outcome(0.003))}
    assert ratios["ringP50"] == pytest.approx(3)
