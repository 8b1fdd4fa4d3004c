"""From snapshots of real participants to figures; what they do not count stays unknown."""

from __future__ import annotations

from typing import Any

import pytest

from bench.real import report as real_report
from bench.real.aiortc_crew import KIND as AIORTC
from bench.real.browser_crew import KIND as BROWSER
from bench.real.crew import FrameCheck, InboundTrack, OutboundTrack, Snapshot
from bench.real.report import Counted, Generator
from bench.reports.verdict import judge
from bench.servers.processes import Usage


def counted(publisher: int, packets: int, lost: int = 0, **more: Any) -> InboundTrack:
    values = {"kind": "audio", "jitter_ms": 2.0, **more}
    return InboundTrack(publisher=publisher, packets=packets, lost=lost, **values)


def snapshot(who: int, at: float, received: int, *tracks: InboundTrack, **more: Any) -> Snapshot:
    values: dict[str, Any] = {"sent": (), **more}
    return Snapshot(participant=who, at=at, bytes=received, received=tracks, **values)


def window(*, late: float | None = None) -> Counted:
    """Two people for 10 s by the one's clock and 20 s by the other's."""
    found = Counted([snapshot(0, 100.0, 1000, counted(1, 50)), snapshot(1, 7.0, 0, counted(0, 0))])
    found.add(
        [
            snapshot(0, 105.0, 2000, counted(1, 300, jitter_ms=4.0)),
            snapshot(1, 17.0, 5000, counted(0, 100, jitter_ms=1.0)),
        ]
    )
    found.add(
        [
            snapshot(0, 110.0, 11_000, counted(1, 530, 20, jitter_ms=2.0, frames=480),
                 late_p99_ms=late, late_max_ms=late),
            snapshot(1, 27.0, 20_000, counted(0, 1000, 0, jitter_ms=3.0)),
        ]
    )  # fmt: skip
    return found


def test_each_participant_counts_by_its_own_clock() -> None:
    found = window()
    summary = real_report.summary(found, found.rows())
    # 10,000 bytes in 10 s and 20,000 in 20 s.
    assert summary["throughputBitsPerSecond"] == 8000
    # 480 of 500, and all of 1000.
    assert summary["packetLossPercent"] == pytest.approx(100 * 20 / 1500, abs=1e-4)
    # 10 s / 480 and 20 s / 1000.
    assert summary["meanInterArrivalMs"] == pytest.approx((1000 / 48 + 20) / 2, abs=1e-3)
    # Means of 4 and 2, and of 1 and 3.
    assert summary["jitterMs"] == pytest.approx(2.5)


def test_delay_is_not_known_and_graded_is_what_is() -> None:
    found = window()
    rows = found.rows()
    summary = real_report.summary(found, rows)
    assert summary["delayMs"] == {"p50": None, "p95": None, "p99": None}
    quality = judge({"summary": summary, "tracks": rows, "media": {"audioBitsPerSecond": 32_000}})
    assert quality["tiphon"]["delay"] is None
    assert quality["tiphon"]["loss"] is not None
    assert quality["tiphon"]["overall"] is not None
    assert quality["voiceMos"] is None


def test_a_track_has_what_its_participant_counts() -> None:
    before = counted(1, 0, kind="video", bytes=0, frames=5, samples=None, freezes=1,
                   frozen_seconds=0.5)  # fmt: skip
    after = counted(1, 100, kind="video", bytes=125_000, frames=255, height=360, freezes=3,
                  frozen_seconds=0.9, recovered=4)  # fmt: skip
    found = Counted([snapshot(0, 0.0, 0, before, counted(2, 0, samples=0, concealed=0))])
    found.add([snapshot(0, 10.0, 0, after, counted(2, 500, samples=480_000, concealed=4800))])
    video, audio = found.rows()
    assert (video["bitsPerSecond"], video["framesDecodedPerSecond"]) == (100_000, 25.0)
    assert (video["freezes"], video["frozenSeconds"], video["height"]) == (2, 0.4, 360)
    # It was not counted the first time.
    assert video["recovered"] is None
    assert audio["concealedPercent"] == 1.0
    assert audio["bitsPerSecond"] is None


def test_a_track_that_was_not_there_at_the_first_snapshot_is_none_of_the_window() -> None:
    found = Counted([snapshot(0, 0.0, 0)])
    found.add([snapshot(0, 1.0, 100, counted(1, 50))])
    assert found.rows() == []


def generator(*cpu: float, parts: list[list[int]] | None = None) -> Generator:
    """Processes 1, 2, ... with so many percent of a core over 10 s."""

    def usages(share: float) -> dict[int, Usage]:
        return {
            pid: Usage(pid, "x", 5.0 + share * percent / 10, 0, 0)
            for pid, percent in enumerate(cpu, 1)
        }

    return Generator(parts or [[pid] for pid in usages(0)], usages(0), usages(1), 10.0)


@pytest.mark.parametrize(
    ("late", "cpu", "expected"),
    [(1.0, 20.0, 0), (5.1, 20.0, 1), (1.0, 80.1, 1), (9.0, 90.0, 2)],
)
def test_an_aiortc_process_is_held_against_one_core_and_its_lateness(
    late: float, cpu: float, expected: int
) -> None:
    found = window(late=late)
    load = real_report.load_generator(generator(cpu, 10.0), found, 1000)
    problems = real_report.bottlenecks(AIORTC, load, found)
    assert len(problems) == expected
    assert all("process 0" in text for text in problems)


@pytest.mark.parametrize(("each", "expected"), [(79.0, 0), (81.0, 1)])
def test_browsers_are_held_against_all_cores(
    each: float, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(real_report.os, "sched_getaffinity", lambda _: {0, 1})
    found = window()
    load = real_report.load_generator(generator(each, each, parts=[[1, 2]]), found, 1000)
    assert load["processes"] == [{"cpuPercent": 2 * each, "lateP99Ms": None, "lateMaxMs": None}]
    assert len(real_report.bottlenecks(BROWSER, load, found)) == expected


def test_an_encoder_that_the_cpu_keeps_back_makes_the_run_not_valid() -> None:
    kept = OutboundTrack(kind="video", rid="f", packets=1, bytes=1, limited="cpu")
    narrow = OutboundTrack(kind="video", rid="f", packets=1, bytes=1, limited="bandwidth")
    found = Counted([snapshot(0, 0.0, 0, sent=(kept,)), snapshot(1, 0.0, 0, sent=(narrow,))])
    load = real_report.load_generator(generator(1.0, parts=[[1]]), found, 0)
    (problem,) = real_report.bottlenecks(BROWSER, load, found)
    assert "encoders of participants 0 back" in problem


@pytest.mark.parametrize(
    ("frames", "limited", "expected"),
    [(199, "", 1), (200, "", 0), (250, "", 0), (100, "bandwidth", 0), (0, "", 0)],
)
def test_a_camera_of_which_a_part_is_encoded_makes_the_run_not_valid(
    frames: int, limited: str, expected: int
) -> None:
    def sent(rid: str, count: int) -> OutboundTrack:
        return OutboundTrack(
            kind="video", rid=rid, packets=1, bytes=1, frames=count, limited=limited
        )

    # The lower layer rests: nobody looks at it.
    found = Counted([snapshot(0, 0.0, 0, sent=(sent("q", 40), sent("f", 5)))])
    found.add([snapshot(0, 10.0, 0, sent=(sent("q", 40), sent("f", 5 + frames)))])
    load = real_report.load_generator(generator(1.0, parts=[[1]]), found, 0)
    assert len(real_report.bottlenecks(BROWSER, load, found)) == expected
    assert real_report.bottlenecks(AIORTC, load, found) == []


def test_checked_frames_are_reported_as_those_of_a_light_run() -> None:
    found = Counted([snapshot(0, 0.0, 0, checked=FrameCheck(1, 24, 23, 2))])
    assert real_report.checked_frames(found) == [
        {"from": 1, "to": 0, "kind": "video", "frames": 26, "incomplete": 2,
         "decoded": 24, "right": 23}
    ]  # fmt: skip
