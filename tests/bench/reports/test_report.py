"""The arithmetic of a run against values computed by hand."""

from __future__ import annotations

from typing import Any

import pytest

from bench.light.channel import Measured, ReceivedTrack, SentStream
from bench.light.receiver import DELAY_BUCKETS, FINE_BUCKETS
from bench.reports import report
from bench.servers.processes import Usage
from qos.histogram import BINS, BOUNDS

MS = 1_000_000


def track(**changes: Any) -> ReceivedTrack:
    values: dict[str, Any] = {
        "participant": 1,
        "publisher": 0,
        "kind": "audio",
        "packets": 100,
        "bytes": 12_000,
        "first": 0,
        "last": 1980 * MS,
        "delay_sum": 100 * MS,
        "delay_max": 2 * MS,
        "jitter_ms": 0.5,
        "reordered": 0,
        "duplicates": 0,
    }
    return ReceivedTrack(**{**values, **changes})


def measured(**changes: Any) -> Measured:
    values: dict[str, Any] = {
        "sent": (SentStream(0, "audio", 100, 12_000, 0),),
        "received": (track(),),
        "delays": {1: {100: 100}},
        "unknown": 0,
        "refused": 0,
        "cpu_seconds": 0.2,
        "wall_seconds": 2.0,
        "late_p99_ms": 1.0,
        "late_max_ms": 9.0,
    }
    return Measured(**{**values, **changes})


def test_summary_of_one_voice() -> None:
    assert report.summary([measured()], 2.0) == {
        "throughputBitsPerSecond": 48_000,  # 12,000 bytes in 2 s
        "packetLossPercent": 0.0,
        "delayMs": {"p50": 1.005, "p95": 1.005, "p99": 1.005},  # middle of 1.00 .. 1.01
        "jitterMs": 0.5,
        "meanInterArrivalMs": 19.8,  # 1980 ms / 100 packets
    }


def test_loss_counts_what_was_sent_in_the_window() -> None:
    received = (track(packets=97), track(participant=2, packets=100))
    figures = report.summary([measured(received=received)], 2.0)
    # 3 of 200.
    assert figures["packetLossPercent"] == 1.5
    assert [row["lost"] for row in report.tracks([measured(received=received)], 2.0)] == [3, 0]


def test_a_track_that_never_arrived_is_all_loss() -> None:
    silent = track(packets=0, bytes=0, first=0, last=0, jitter_ms=0.0)
    figures = report.summary([measured(received=(silent,), delays={})], 2.0)
    assert figures["packetLossPercent"] == 100.0
    assert figures["delayMs"] == {"p50": 0.0, "p95": 0.0, "p99": 0.0}
    assert figures["meanInterArrivalMs"] == 0.0


def test_publisher_and_receiver_may_be_in_different_drivers() -> None:
    sender = measured(received=(), delays={})
    receiver = measured(sent=())
    assert report.summary([sender, receiver], 2.0)["packetLossPercent"] == 0.0


def test_throughput_and_spacing_are_of_one_participant() -> None:
    received = (
        track(first=0, last=1000 * MS, packets=50, bytes=5_000),
        track(kind="video", first=500 * MS, last=2000 * MS, packets=150, bytes=150_000),
        track(participant=2, first=0, last=2000 * MS, packets=100, bytes=10_000),
    )
    figures = report.summary([measured(received=received)], 2.0)
    assert figures["throughputBitsPerSecond"] == round((620_000 + 40_000) / 2)
    # Participant 1: 2000 ms / 200 packets; participant 2: 2000 ms / 100 packets.
    assert figures["meanInterArrivalMs"] == 15.0


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.5, 0.005), (0.51, 0.025), (0.98, 0.025), (0.99, 225.0), (1.0, 20_000.0)],
)
def test_percentiles_by_nearest_rank(share: float, expected: float) -> None:
    buckets = {0: 50, 2: 48, FINE_BUCKETS + 2: 1, DELAY_BUCKETS - 1: 1}
    assert report.percentile_ms(buckets, share, 20_000 * MS) == expected


def test_a_percentile_is_never_more_than_the_longest_delay() -> None:
    assert report.percentile_ms({100: 1}, 0.99, 1_002_000) == 1.002


def test_delays_are_counted_by_the_bounds_of_the_histogram() -> None:
    counts = report.delay_counts([measured(delays={1: {100: 3}, 2: {5: 1, FINE_BUCKETS: 2}},
                                           received=(track(delay_max=210 * MS),))])  # fmt: skip
    found = {BOUNDS[place]: count for place, count in enumerate(counts) if count}
    # 0.055 ms, 1.005 ms, 205 ms.
    assert found == {0.0001: 1, 0.0015: 3, 0.5: 2}
    assert report.delay_counts([measured(delays={})]) == [0] * BINS


def usage(pid: int, cpu: float, rss_mib: int = 10) -> Usage:
    return Usage(pid, "python", cpu, rss_mib * 1024 * 1024, 20)


def test_server_cpu_is_that_of_the_media_processes() -> None:
    use = report.ServerUse(
        {1: usage(1, 5.0), 2: usage(2, 10.0)},
        {1: usage(1, 5.1), 2: usage(2, 11.0, 30)},
        frozenset({2}),
        10.0,
        20 << 20,
    )
    figures = report.server(use, 50_000, 5)
    assert figures["cpuPercent"] == 10.0
    assert figures["cpuMicrosPerForwardedPacket"] == 20.0
    assert figures["cpuMicrosPerForwardedPacketAllProcesses"] == 22.0
    assert (figures["rssMiB"], figures["rssIdleMiB"]) == (40.0, 20.0)
    assert figures["rssMiBPerParticipant"] == 4.0
    assert [p["media"] for p in figures["processes"]] == [False, True]


def test_nothing_forwarded_divides_by_nothing() -> None:
    use = report.ServerUse({1: usage(1, 0.0)}, {1: usage(1, 1.0)}, frozenset({1}), 1.0)
    assert report.server(use, 0, 2)["cpuMicrosPerForwardedPacket"] == 0.0


def test_readings_that_are_further_apart_than_the_window_is_long_are_scaled() -> None:
    before, after = {1: usage(1, 0.0)}, {1: usage(1, 1.2)}
    use = report.ServerUse(before, after, frozenset({1}), 12.0, window=10.0)
    figures = report.server(use, 10_000, 2)
    assert figures["cpuPercent"] == 10.0
    assert figures["cpuMicrosPerForwardedPacket"] == 100.0


def test_of_a_server_without_readings_nothing_is_guessed() -> None:
    figures = report.server(report.ServerUse({}, {}, frozenset(), 10.0), 10_000, 2)
    assert figures == {
        **dict.fromkeys(report.UNKNOWN), "forwardedPackets": 10_000, "processes": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"cpu_seconds": 1.62}, "81 % of a core"),
        ({"late_p99_ms": 5.1}, "5.1 ms late"),
        ({"late_max_ms": 50.0, "cpu_seconds": 1.58}, ""),
    ],
)
def test_a_load_generator_at_its_limit_reports_it(changes: dict[str, float], expected: str) -> None:
    found = report.bottlenecks([measured(**changes)])
    assert expected in "".join(found)
    assert bool(found) == bool(expected)
