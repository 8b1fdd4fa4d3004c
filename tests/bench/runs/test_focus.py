"""Both calls beside each other: the arithmetic, and what a participant says it looks at."""

from __future__ import annotations

from typing import Any

import pytest

from bench.light.client import MAIN_TILE, THUMBNAIL, viewed_tracks
from bench.recordings.library import Library
from bench.recordings.recording import Frame, Recording
from bench.runs import focus
from bench.runs.run import Load

LOAD = Load("focus", 10, 8.0, ("audio", "video"))


def run(
    packets: float, cpu: float, problems: tuple[str, ...] = (), low: str = "f"
) -> dict[str, Any]:
    return {
        "packetsPerSecondOut": packets,
        "server": {"processes": [{"cpuPercent": cpu - 1}, {"cpuPercent": 1.0}]},
        "seconds": 2.0,
        "streams": [{"packets": 300}, {"packets": 100}],
        "summary": {
            "delayMs": {"p50": 1, "p95": 2, "p99": 3},
            "packetLossPercent": 0.0,
            "throughputBitsPerSecond": 5,
        },
        "tracks": [
            {"kind": "video", "packets": 3, "layers": {"f": 3}},
            {"kind": "video", "packets": 4, "layers": {low: 4}},
            {"kind": "audio", "packets": 9, "layers": {}},
            {"kind": "audio", "packets": 0, "layers": {}},
        ],
        "problems": list(problems),
    }


@pytest.mark.parametrize(
    ("packets", "cpu", "met"), [(300, 9.0, True), (300, 11.0, False), (400, 9.0, False)]
)
def test_requirement_is_on_packets_and_on_cpu(packets: float, cpu: float, met: bool) -> None:
    outcome = focus.result(
        LOAD, {"everything": [run(1000, 30.0)], "focus": [run(packets, cpu, low="q")]}
    )
    assert outcome["ratio"] == {
        "packetsPerSecondOut": packets / 1000,
        "cpuPercentPerParticipant": pytest.approx(cpu / 30, abs=1e-4),
    }
    assert outcome["met"] is met
    assert outcome["valid"]
    assert outcome["focus"]["cpuPercentPerParticipant"] == cpu / 10
    assert outcome["focus"]["receivedLayers"] == {"f": 3, "q": 4}
    assert outcome["focus"]["voicesHeard"] == 1
    assert outcome["focus"]["packetsPerSecondIn"] == 200


def test_the_median_of_all_runs_counts() -> None:
    runs = [run(1000, cpu) for cpu in (30.0, 90.0, 33.0)]
    outcome = focus.result(LOAD, {"everything": runs, "focus": [run(100, 9.0)]})
    assert outcome["everything"]["cpuPercentPerParticipant"] == 3.3
    assert outcome["everything"]["receivedLayers"] == {"f": 21}


def test_everything_must_be_everything() -> None:
    outcome = focus.result(LOAD, {"everything": [run(9, 9.0, low="h")], "focus": [run(9, 9.0)]})
    assert not outcome["valid"]
    assert "{'h': 4}" in outcome["problems"][0]


def test_one_side_alone_is_no_comparison() -> None:
    outcome = focus.result(LOAD, {"everything": [run(1000, 30.0, ("slow",))], "focus": []})
    assert outcome["met"] is None
    assert outcome["problems"] == ["focus was not measured", "everything: slow"]
    assert not outcome["valid"]


def test_view_has_one_large_tile_and_no_sound() -> None:
    offered = [
        {"track": f"t{n}{kind}", "participant": f"p{n}", "kind": kind}
        for n in (1, 2)
        for kind in ("audio", "video")
    ]
    tracks = viewed_tracks(offered, {"p1": 1, "p2": 2}, 2)
    assert [(t["track"], t["width"], t["height"], t["importance"]) for t in tracks] == [
        ("t1video", *THUMBNAIL, "tile"),
        ("t2video", *MAIN_TILE, "main"),
    ]


def test_in_a_ring_everybody_is_seen_large_once_and_of_speakers_there_is_one() -> None:
    assert [focus.looked_at("ring", n, 4) for n in range(4)] == [1, 2, 3, 0]
    assert [focus.looked_at("speaker", n, 4) for n in range(4)] == [1, 0, 0, 0]


def recording(kind: str, packets: int) -> Recording:
    return Recording(kind, 90_000, 3600, (Frame(0, True, (b"x" * 20,) * packets),))


def test_rows_of_the_send_table_hold_every_layer() -> None:
    top = recording("video", 5)
    library = Library(recording("audio", 2), top, {"q": recording("video", 3), "f": top})
    assert library.row == 10
    assert [library.base(1, *at) for at in (("audio",), ("video",), ("video", "f"))] == [10, 12, 15]
    assert library.base(1, "video", "q") == 12
    assert library.of("video", "q").packets == 3
    alone = Library(recording("audio", 2), top)
    assert (alone.row, alone.base(1, "video")) == (7, 9)
