"""The HTML page and its charts: well-formed, self-contained, nothing unescaped."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from bench.real import chromium
from bench.reports import beside, page, run_charts
from bench.reports.charts import Series, bar_chart, line_chart, round_marks
from tests.bench.sample_runs import cpu, run, several, track

VOID = {"meta", "link", "br", "img", "hr", "input"}


class Balance(HTMLParser):
    """Fails where a tag closes what is not open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def parsed(text: str) -> Balance:
    balance = Balance()
    balance.feed(text)
    assert balance.open == []
    return balance


def real() -> dict[str, Any]:
    """Of browsers, that know no delay."""
    unknown = {"bitsPerSecond": None, "delayMs": {"mean": None, "max": None}}
    return run(
        client="browser",
        notKnown=["one-way delay: <no> clock"],
        summary={**run()["summary"], "delayMs": dict.fromkeys(("p50", "p95", "p99"))},
        tracks=[track("audio", **unknown), track("video", **unknown)],
        delayCounts=[],
        loadGenerator={"processes": [{"cpuPercent": 90.0, "lateP99Ms": None}]},
    )


def test_what_is_not_known_is_reported_and_why() -> None:
    assert beside.at_or_above(run()) is not None
    assert beside.at_or_above(real()) is None
    text = page.render(real())
    assert "Not known with --client browser: one-way delay: &lt;no&gt; clock." in text
    assert "not known" in text


def scaled() -> dict[str, Any]:
    return several(
        [
            run(label=f"{size} users, cameras {cameras}", participants=size, server=cpu(size * 2.0))
            for cameras in ("off", "on")
            for size in (5, 7, 10)
        ],
        scenario="elearning",
    )


@pytest.mark.parametrize(
    "outcome",
    [
        run(),
        run(partial=True, valid=False, problems=["the server <died>"]),
        run(server=dict.fromkeys(cpu(1.0)), series=[], delayCounts=[], tracks=[]),
        real(),
        scaled(),
        several([run(), run(), run()]),
        several([]),
        {**several([]), "samples": [{"at": 1.0, "rssMiB": 5.0}, {"at": 2.0, "rssMiB": 6.0}]},
    ],
)
def test_every_kind_of_report_makes_a_whole_page_that_loads_nothing(
    outcome: dict[str, Any],
) -> None:
    text = page.render(outcome)
    balance = parsed(text)
    assert not {"script", "link", "img", "iframe"} & set(balance.seen)
    assert not re.search(r"url\(|@import|src=|href=", text)
    assert "NaN" not in text
    assert "None" not in text
    assert "Box &lt;1&gt;, 4 cores" in text
    for expected in (
        "abc1234",
        "python -m bench scenario2",
        "6.1",
        "3.11.2",
        "performance",
        "41.5 °C",
    ):
        assert expected in text


def test_what_was_measured_is_shown_beside_the_study() -> None:
    text = page.render(run())
    for expected in ("VVoIP thesis", "504.838 kbit/s", "TIPHON overall", "3.50",
                     "voice MOS: G.107.2", "One-way delay", "CPU over time",
                     "Received over time", "valid run"):  # fmt: skip
        assert expected in text


def test_a_run_that_does_not_count_reports_it_at_the_top() -> None:
    text = page.render(run(partial=True, problems=["the server <died>"], valid=False))
    assert "partial report" in text
    assert "the server &lt;died&gt;" in text
    assert '<span class="pill bad">not valid</span>' in page.render(run(valid=False))


def test_scaling_has_a_line_for_each_kind_of_run() -> None:
    text = page.render(scaled())
    assert "CPU by participants" in text
    charts = run_charts.of_points([(one["label"], one) for one in scaled()["runs"]])
    assert charts.count("users, cameras off</li>") == charts.count("users, cameras on</li>") == 5
    assert run_charts.kind_of("10 rooms of 5") == run_charts.kind_of("3 rooms of 5") == "rooms of 5"
    assert run_charts.kind_of("") == "runs"
    assert run_charts.of_points([("", run()), ("", run())]) == ""


def test_repeats_have_median_and_spread() -> None:
    text = page.render(several([run(server=cpu(value)) for value in (10.0, 30.0, 20.0)]))
    assert "Median and spread" in text
    assert "<td>3</td><td>20.00</td><td>10.00</td><td>30.00</td>" in text


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 10.0, (0.0, 5.0, 10.0)),
        (0.0, 0.37, (0.0, 0.1, 0.2, 0.3, 0.4)),
        (0.0, 0.0, (0.0, 0.5, 1.0)),
        (-3.0, 3.0, (-4.0, -2.0, 0.0, 2.0, 4.0)),
    ],
)
def test_marks_are_round(low: float, high: float, expected: tuple[float, ...]) -> None:
    assert round_marks(low, high) == pytest.approx(expected)


@pytest.mark.parametrize("values", [[(0.0, 0.0)], [(1.0, 5.0), (2.0, 5.0)], [(0.0, -1.0)]])
def test_charts_stay_inside_their_frame(values: list[tuple[float, float]]) -> None:
    text = line_chart("t <1>", [Series("a & b", values)], x="s", y="ms")
    parsed(text)
    assert "t &lt;1&gt;" in text
    for number in re.findall(r'c[xy]="([-\d.]+)"', text):
        assert 0 <= float(number) <= 560


def test_people_are_not_cut_in_halves() -> None:
    text = line_chart("t", [Series("a", [(5.0, 1.0), (7.0, 2.0)])], x="people", y="%")
    marks = re.findall(r'y="225.0" text-anchor="middle">([^<]*)<', text)
    assert marks == ["5", "6", "7"]


def test_nothing_makes_no_chart() -> None:
    assert line_chart("t", [Series("a", [])], x="s", y="ms") == ""
    assert bar_chart("t", [("a", 0.0)], x="s", y="ms") == ""
    assert run_charts.delays([0] * 21) == ""


@pytest.mark.browser
def test_a_browser_shows_it_without_scrolling_sideways(tmp_path: Path) -> None:
    if reason := chromium.missing():
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    target = tmp_path / "report.html"
    target.write_text(page.render(scaled()))
    with sync_playwright() as play:
        launched = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        logged: list[str] = []
        for width in (360, 1200):
            tab = launched.new_page(viewport={"width": width, "height": 800}, color_scheme="dark")
            tab.on("console", lambda message: logged.append(message.text))
            tab.goto(target.as_uri())
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
        launched.close()
    assert logged == []
