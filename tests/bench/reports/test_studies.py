"""The published rows, and their grades by our tables."""

from __future__ import annotations

import pytest

from bench.reports import beside, studies
from bench.reports.verdict import words
from tests.bench.sample_runs import run


@pytest.mark.parametrize(
    ("key", "throughput", "spacing", "overall"),
    [
        ("scenario1", 165_669.0, 0.00879, 2.75),  # 0, 4, 3, 4
        ("scenario2", 504_838.0, 0.00669, 3.0),  # 1, 4, 3, 4
        ("scenario3", 1_079_891.0, 0.00596, 3.25),  # 2, 4, 3, 4
        ("elearning off 5", 6_416.0, 0.14567, 2.25),  # 0, 4, 1, 4
        ("elearning on 10", 888_587.0, 0.003004, 3.25),
        ("elearning sustained 7", 1_863_728.0, 0.002362, 3.5),  # the study's own 3 and 4
    ],
)
def test_rows_are_as_printed_and_graded_as_the_studies_do(
    key: str, throughput: float, spacing: float, overall: float
) -> None:
    row = studies.published(key)
    assert row is not None
    assert row.throughput == pytest.approx(throughput)
    assert row.spacing == pytest.approx(spacing)
    assert row.loss == 0
    assert studies.graded(row).overall == overall


def test_every_cell_of_the_elearning_study_is_there() -> None:
    keys = {row.key for row in studies.ROWS}
    assert {
        studies.key("elearning", cameras, users)
        for cameras in ("off", "on", "sustained")
        for users in (5, 7, 10)
    } <= keys


def test_a_study_without_throughput_is_graded_by_the_other_three() -> None:
    first = next(row for row in studies.ROWS if row.source == studies.ISP)
    assert studies.graded(first).throughput is None
    assert studies.graded(first).overall == pytest.approx((4 + 3 + 2) / 3)


def test_no_study_stands_beside_what_none_measured() -> None:
    assert studies.published("") is None
    assert studies.published("classroom") is None
    assert beside.published(run(scenario="elearning", cameras="on", participants=6)) is None


def test_the_table_has_both_sides_and_keeps_spacing_apart_from_delay() -> None:
    lines = {line.figure: line for line in beside.lines(run())}
    assert lines["throughput, each participant"][1:] == (
        "1,300.0 kbit/s", "3", "504.838 kbit/s", "1",
    )  # fmt: skip
    assert lines["one-way delay p99"][1:] == ("5.00 ms", "4", "", "")
    assert lines["meanInterArrival (study: “delay”)"][1:] == ("5.600 ms", "", "6.690 ms", "4")
    assert lines["packet loss"][1:] == ("0.00 %", "4", "0.00 %", "4")
    assert lines["TIPHON overall"][1:] == ("satisfying", "3.50", "satisfying", "3.00")
    assert lines["G.1010 category, study's table"][1] == "good"
    assert lines["ITU-T G.1010, voice"][1] == "met"
    assert "voice MOS: G.107.2" in beside.models(run())[0]
    assert "no set is published for VP8" in beside.models(run())[1]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({}, True), ({"scenario": "classroom"}, None), ({"scenario": "scenario2", "bad": 1}, False)],
)
def test_whether_we_are_at_or_above_the_study(
    changes: dict[str, object], expected: bool | None
) -> None:
    summary = run()["summary"]
    if changes.pop("bad", None):
        summary = {**summary, "packetLossPercent": 20.0, "throughputBitsPerSecond": 1000}
    assert beside.at_or_above(run(summary=summary, **changes)) is expected


def test_categories_are_words() -> None:
    assert words("verySatisfying") == "very satisfying"
    assert words("good") == "good"
    assert words("") == "–"
