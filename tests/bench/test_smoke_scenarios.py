"""Each scenario of the table for a few seconds: everything arrives. No word on speed."""

from __future__ import annotations

import argparse
import io
from typing import Any

import pytest
from rich.console import Console

from bench import output
from bench.context import Context
from bench.real import chromium
from bench.reports import page, tables
from bench.runs import phone
from bench.scenarios import TABLE

pytestmark = pytest.mark.bench


def run(name: str, *arguments: str, client: str = "light") -> dict[str, Any]:
    """The report; shared options are set as the command line sets them."""
    parser = argparse.ArgumentParser()
    entry = TABLE[name]
    entry.arguments(parser)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.set_defaults(
        warm_up=0.5, workers=1, drivers=1, video_kbps=1000, seed=1, client=client,
        participants=2, rooms=1, repeat=1, url="", insecure=False, admin_token="",
    )  # fmt: skip
    assert entry.missing() == ""
    outcome = entry.run(Context(parser.parse_args(list(arguments)), lambda _: None))
    assert outcome["scenario"] == name
    assert outcome["commit"]
    tables.show(Console(file=io.StringIO(), width=120), name, outcome)
    assert page.render(outcome)
    assert output.as_csv(outcome).count("\n") >= 2
    return outcome


def all_arrived(report: dict[str, Any]) -> None:
    """A busy machine may make a run invalid, but loses no packet and damages none."""
    assert all("load generator" in text for text in report["problems"]), report["problems"]
    assert not report["partial"]
    for shown in report["pictures"]:
        assert shown["right"] == shown["decoded"] >= shown["frames"] - shown["incomplete"], shown
    assert report["loadGenerator"]["refusedPackets"] == 0
    for track in report["tracks"]:
        # Delay on a busy machine looks like a constrained path, and a frame may be dropped.
        if track["kind"] == "audio":
            assert track["packets"] > 0, track
            assert track["lost"] == 0, track
    assert any(track["packets"] for track in report["tracks"] if track["kind"] != "audio") or all(
        track["kind"] == "audio" for track in report["tracks"]
    )


def test_elearning_runs_every_cell_and_nobody_is_disconnected() -> None:
    report = run("elearning", "--users", "3", "--sustained", "1", "--seconds", "1")
    assert [cell["cameras"] for cell in report["runs"]] == ["off", "on", "sustained"]
    for cell in report["runs"]:
        all_arrived(cell)
        assert cell["disconnected"] == 0
        assert len(cell["tracks"]) == 6 * (1 if cell["cameras"] == "off" else 2)
        assert cell["loadGenerator"]["unknownPackets"] == 0
    off = report["runs"][0]
    sent = {row["from"]: row["packets"] for row in off["streams"]}
    # DTX: somebody was silent most of the second.
    assert min(sent.values()) < 50 * 0.6


def test_classroom_shows_everybody_the_presenter_and_the_screen() -> None:
    report = run("classroom", "--viewers", "3")
    all_arrived(report)
    assert report["disconnected"] == 0
    assert sum(shown["right"] for shown in report["pictures"]) > 0
    assert {(t["from"], t["to"], t["kind"]) for t in report["tracks"]} == {
        (0, viewer, kind) for viewer in (1, 2, 3) for kind in ("audio", "video", "screen")
    }
    assert report["loadGenerator"]["unknownPackets"] == 0


def test_churn_does_not_touch_those_who_stay() -> None:
    report = run("churn", "--residents", "2", "--seats", "2")
    all_arrived(report)
    assert report["joins"] >= 2
    assert (report["failures"], report["disconnected"]) == (0, 0)
    assert report["series"]
    assert {(t["from"], t["to"]) for t in report["tracks"]} == {(0, 1), (1, 0)}


def test_capacity_answers_within_what_it_may_try() -> None:
    report = run("capacity", "--questions", "voices", "--most", "3")
    assert report["answers"]["voices"]["carried"] <= 3
    assert report["sentence"].startswith("this box carries")
    for call in report["runs"]:
        all_arrived(call)


def test_rooms_are_shared_among_workers() -> None:
    report = run("workers", "--fives", "2", "--seconds", "1")
    assert [call["workers"] for call in report["runs"]] == [1, 2]
    for call in report["runs"]:
        all_arrived(call)
        assert sum(p["media"] for p in call["server"]["processes"]) == call["workers"]
    assert report["carriedRatio"] > 0


def test_phone_calls_ring_connect_and_hang_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phone, "ANSWER_SECONDS", (0.05, 0.1))
    monkeypatch.setattr(phone, "TALK_SECONDS", (0.1, 0.2))
    monkeypatch.setattr(phone, "BUSY_SHARE", 1.0)
    report = run("phone", "--lines", "2", "--seconds", "3")
    assert all("load generator" in text for text in report["problems"]), report["problems"]
    calls = report["phone"]
    assert calls["failed"] == 0
    assert calls["completed"] >= 2
    assert calls["busyTold"] == calls["busyDialled"] >= calls["completed"]
    for name in ("ringMs", "answerToVoiceMs", "hangUpMs", "busyMs"):
        shares = calls[name]
        assert 0 < shares["p50"] <= shares["p95"] <= shares["p99"] <= shares["max"], name
    assert report["server"]["forwardedPackets"] > 0
    assert report["loadGenerator"]["refusedPackets"] == 0


def test_real_aiortc_participants_decode_each_other() -> None:
    report = run_real("elearning", "aiortc", "--users", "2", "--cameras", "off", "on",
                      "--seconds", "1")  # fmt: skip
    for cell in report["runs"]:
        decoded_all(cell, 1 if cell["cameras"] == "off" else 2)
    off, on = report["runs"]
    (sampled, _) = on["pictures"]
    assert sampled["right"] == sampled["decoded"] > 0
    sent = [row["packets"] for row in off["streams"]]
    # DTX: one listens while the other lectures.
    assert min(sent) < max(sent)


@pytest.mark.browser
def test_real_browsers_see_the_presenter_and_the_screen() -> None:
    if reason := chromium.missing():
        pytest.skip(reason)
    report = run_real("classroom", "browser", "--viewers", "1", "--seconds", "2")
    decoded_all(report, 3, both=False)
    assert {track["kind"] for track in report["tracks"]} == {"audio", "video", "screen"}
    assert {row["kind"] for row in report["streams"]} == {"audio", "video", "screen"}
    assert all(row["from"] == 0 for row in report["streams"])


def run_real(name: str, client: str, *arguments: str) -> dict[str, Any]:
    """As `run`, with participants who decode."""
    return run(name, *arguments, client=client)


def decoded_all(report: dict[str, Any], kinds: int, both: bool = True) -> None:
    """Two people; each kind of track was decoded in the window, nothing was lost."""
    assert all("load generator" in text for text in report["problems"]), report["problems"]
    assert not report["partial"]
    assert report["disconnected"] == 0
    assert len(report["tracks"]) == kinds * (2 if both else 1)
    for track in report["tracks"]:
        assert track["framesDecodedPerSecond"] > 0, track
        # Who decodes on a busy machine loses packets in its own socket, and the run says so.
        assert report["problems"] or track["kind"] != "audio" or track["lost"] == 0, track
    # What is not known is not made up.
    assert set(report["summary"]["delayMs"].values()) == {None}
    assert report["quality"]["tiphon"]["delay"] is None
    assert report["quality"]["voiceMos"] is None
    assert any("one-way delay" in text for text in report["notKnown"])
    assert report["server"]["cpuMicrosPerForwardedPacket"] > 0
    assert report["summary"]["throughputBitsPerSecond"] > 0
