"""Rows over time, the live view and what a command line shows of its origin."""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from pathlib import Path

import pytest
from rich.console import Console

from bench import provenance
from bench.light.channel import Progress
from bench.live import LineWatch, LiveWatch, sparkline
from bench.reports import series
from bench.servers.processes import Usage

MIB = 1024 * 1024


def usage(pid: int, cpu: float) -> dict[int, Usage]:
    return {pid: Usage(pid, "x", cpu, 10 * MIB, 5)}


def test_a_row_is_what_happened_between_two_readings() -> None:
    sampler = series.Sampler(100.0)
    first = {**usage(1, 5.0), **usage(2, 1.0)}
    later = {**usage(1, 5.1), **usage(2, 1.5)}
    assert sampler.look(100.0, first, {2}, usage(9, 0.0), [Progress(0, 0, 0, 0)]) is None
    # Too soon.
    assert sampler.look(100.5, later, {2}, usage(9, 0.1)) is None
    sampler.look(101.0, later, {2}, usage(9, 0.2), [Progress(10**9, 1000, 125_000, 0)])
    row = sampler.look(
        102.0, later, {2}, usage(9, 0.9), [Progress(2 * 10**9, 1500, 250_000, 10**9)]
    )
    assert row == {
        "at": 2.0,
        "cpuPercent": 0.0,
        "cpuAllPercent": 0.0,
        "rssMiB": 20.0,
        "generatorCpuPercent": 70.0,
        "receivedMbps": 1.0,
        "delayMeanMs": 2.0,
    }
    assert sampler.rows[0]["cpuPercent"] == 50.0
    assert sampler.rows[0]["cpuAllPercent"] == 60.0


def test_what_nobody_reports_is_not_known() -> None:
    sampler = series.Sampler(0.0)
    sampler.look(0.0, {}, set(), {})
    row = sampler.look(1.0, {}, set(), {})
    assert row is not None
    assert set(row.values()) == {1.0, None}


def test_delay_that_participants_do_not_know_is_not_known() -> None:
    sampler = series.Sampler(0.0)
    for second in (0.0, 1.0, 2.0):
        at = int(second * 1e9)
        row = sampler.look(second, {}, set(), {}, [Progress(at, 100 * at, 1250 * at, None)])
    assert row is not None
    assert row["receivedMbps"] is not None
    assert row["delayMeanMs"] is None


def test_hours_stay_bounded_and_even() -> None:
    sampler = series.Sampler(0.0)
    for second in range(3 * series.MOST_ROWS):
        sampler.look(float(second), {}, set(), {})
    assert len(sampler.rows) <= series.MOST_ROWS
    gaps = {(b["at"] or 0) - (a["at"] or 0) for a, b in pairwise(sampler.rows)}
    assert max(gaps) <= 2 * min(gaps)


def test_a_sparkline_has_a_block_for_each_value() -> None:
    assert sparkline(deque([0.0, 1.0, 2.0, 4.0])) == "▁▂▄█"
    assert sparkline(deque([0.0, 0.0])) == "▁▁"


def test_the_live_view_shows_progress_and_figures() -> None:
    console = Console(width=120, force_terminal=True)
    with console.capture() as captured, LiveWatch(console) as watch:
        watch("10 people join")
        watch.joined(1, 20)
        watch.joined(20, 20)
        watch.window(30.0)
        watch.sample({"at": 12.0, "cpuPercent": 23.4, "rssMiB": None})
    text = captured.get()
    assert "10 people join" in text
    assert "20 of 20 steps" in text or "12 of 30 s" in text
    console = Console(width=120)
    with console.capture() as captured:
        console.print(watch)
    text = captured.get()
    assert "12 of 30 s" in text
    assert "23.4 %" in text
    assert "server memory" not in text


def test_without_a_terminal_only_steps_are_reported() -> None:
    console = Console(width=120)
    with console.capture() as captured, LineWatch(console) as watch:
        watch("measuring")
        watch.joined(1, 2)
        watch.sample({"at": 1.0})
    assert captured.get() == "measuring\n"


@pytest.mark.parametrize("given", [["--admin-token", "s3cret"], ["--admin-token=s3cret"]])
def test_the_token_is_in_no_report(given: list[str]) -> None:
    reported = provenance.command(["scenario1", *given, "--rooms", "2"])
    assert "s3cret" not in reported
    assert reported.startswith("python -m bench scenario1 --admin-token")
    assert reported.endswith("--rooms 2")


def test_machine_is_reported_in_full() -> None:
    reported = provenance.machine()
    assert set(reported) == {"model", "cores", "kernel", "python", "governor", "temperatureC"}
    assert reported["model"]
    assert reported["cores"] >= 1


def test_temperature_is_that_of_the_hottest_sensor(tmp_path: Path) -> None:
    assert provenance.temperature(tmp_path) is None
    for number, content in enumerate(("41234\n", "52750\n", "broken\n")):
        (tmp_path / f"thermal_zone{number}").mkdir()
        (tmp_path / f"thermal_zone{number}" / "temp").write_text(content)
    assert provenance.temperature(tmp_path) == 52.8
