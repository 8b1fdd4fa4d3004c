"""From counts to figures: the arithmetic of a run.

Definitions. Loss: of the packets sent in the window, those that never arrived; where the server
chooses what to send on, the gaps in the sequence numbers that came, before resends. Delay: one way,
from the publisher's send call to the receiver's read, on one clock. Jitter: RFC 3550 A.8, mean
over packets. Throughput and `meanInterArrival` are what one participant receives, mean over the
participants, as the studies captured them on one computer: `meanInterArrival` is time span /
packets (the studies call it delay; it is the spacing of packets and not latency).
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.light.channel import Measured, ReceivedTrack
from bench.light.receiver import COARSE_NS, DELAY_BUCKETS, FINE_BUCKETS, FINE_LIMIT_NS, FINE_NS
from bench.recordings.library import Library
from bench.servers.processes import Usage
from qos.histogram import Histogram
from qos.spacing import mean_inter_arrival

MAX_DRIVER_CPU_PERCENT = 80.0
MAX_LATE_MS = 5.0
UNKNOWN = (
    "cpuPercent",
    "cpuMicrosPerForwardedPacket",
    "cpuMicrosPerForwardedPacketAllProcesses",
    "rssMiB",
    "rssIdleMiB",
    "rssMiBPerParticipant",
)
"""Of a server whose processes cannot be read."""
_MIB = 1024 * 1024


@dataclass(frozen=True)
class ServerUse:
    """What the server used in the window."""

    before: Mapping[int, Usage]
    after: Mapping[int, Usage]
    media: frozenset[int]
    """Processes that carry media; their CPU is the server's CPU."""
    seconds: float
    """Between the two readings."""
    idle_rss: int = 0
    """Bytes of all its processes before anybody joined."""
    window: float = 0.0
    """Seconds in which the packets were counted; 0: as `seconds`."""

    def cpu_seconds(self, pids: Iterable[int]) -> float:
        return sum(
            self.after[pid].cpu_seconds - self.before[pid].cpu_seconds
            for pid in pids
            if pid in self.before and pid in self.after
        )

    @property
    def rss_mib(self) -> float:
        """Of all its processes, at the window's end."""
        return sum(usage.rss_bytes for usage in self.after.values()) / _MIB


def percentile_ms(buckets: Mapping[int, int], share: float, longest_ns: int) -> float:
    """The delay (ms) that `share` of the packets do not exceed, by nearest rank.

    The middle of its bucket (10 µs wide, from 200 ms on 10 ms), but never more than the longest
    delay seen, which also stands for the last, open bucket.
    """
    total = sum(buckets.values())
    if not total:
        return 0.0
    below = 0
    for bucket in sorted(buckets):
        below += buckets[bucket]
        if below >= share * total:
            break
    return _middle_ns(bucket, longest_ns) / 1e6


def _middle_ns(bucket: int, longest_ns: int) -> float:
    if bucket == DELAY_BUCKETS - 1:
        return longest_ns
    if bucket < FINE_BUCKETS:
        middle = (bucket + 0.5) * FINE_NS
    else:
        middle = FINE_LIMIT_NS + (bucket - FINE_BUCKETS + 0.5) * COARSE_NS
    return min(middle, longest_ns)


def delay_counts(results: list[Measured]) -> list[int]:
    """How many packets took how long, by the bounds of `qos.histogram`."""
    longest = max((t.delay_max for result in results for t in result.received), default=0)
    histogram = Histogram()
    for bucket, count in _merged(results).items():
        histogram.add(_middle_ns(bucket, longest) / 1e9, count)
    return histogram.counts


def delays_ms(buckets: Mapping[int, int], longest_ns: int) -> dict[str, float]:
    """p50, p95 and p99."""
    return {
        f"p{percent}": round(percentile_ms(buckets, percent / 100, longest_ns), 3)
        for percent in (50, 95, 99)
    }


def mean_inter_arrival_ms(tracks: Iterable[ReceivedTrack]) -> float:
    """Time span / packets over all of these tracks together; 0 without packets."""
    arrived = [track for track in tracks if track.packets]
    if not arrived:
        return 0.0
    span = max(t.last for t in arrived) - min(t.first for t in arrived)
    return 1e3 * (mean_inter_arrival(span / 1e9, sum(t.packets for t in arrived)) or 0.0)


def _merged(results: list[Measured]) -> dict[int, int]:
    total: dict[int, int] = {}
    for result in results:
        for buckets in result.delays.values():
            for bucket, count in buckets.items():
                total[bucket] = total.get(bucket, 0) + count
    return total


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return statistics.fmean(listed) if listed else 0.0


def summary(
    results: list[Measured], seconds: float, *, by_sequence: bool = False
) -> dict[str, Any]:
    """The run's figures; `seconds` is the window, `by_sequence`: loss by sequence numbers."""
    received = [track for result in results for track in result.received]
    expected = sum(sent for _, sent in _with_sent(results, by_sequence))
    arrived = sum(track.packets for track in received)
    per_person: dict[int, list[ReceivedTrack]] = {}
    for track in received:
        per_person.setdefault(track.participant, []).append(track)
    longest = max((track.delay_max for track in received), default=0)
    throughput = _mean(8 * sum(t.bytes for t in own) / seconds for own in per_person.values())
    lost = 100 * (expected - arrived) / expected if expected else 0.0
    return {
        "throughputBitsPerSecond": round(throughput),
        "packetLossPercent": round(lost, 4),
        "delayMs": delays_ms(_merged(results), longest),
        "jitterMs": round(_mean(t.jitter_ms for t in received if t.packets), 3),
        "meanInterArrivalMs": round(_mean(map(mean_inter_arrival_ms, per_person.values())), 3),
    }


def _with_sent(results: list[Measured], by_sequence: bool) -> list[tuple[ReceivedTrack, int]]:
    """Each received track with how many packets were sent to it.

    That is what its publisher sent or, by sequence numbers, what came and what is missing.
    """
    if by_sequence:
        return [(t, t.packets + t.missing) for result in results for t in result.received]
    sent = {(s.participant, s.kind): s.packets for result in results for s in result.sent}
    return [
        (track, sent.get((track.publisher, track.kind), 0))
        for result in results
        for track in result.received
    ]


def published(library: Library) -> dict[str, float]:
    """What each participant's recordings are: payload rates and frames a second."""
    return {
        "audioBitsPerSecond": round(library.audio.bits_per_second),
        "videoBitsPerSecond": round(library.video.bits_per_second),
        "framesPerSecond": round(len(library.video.frames) / library.video.seconds, 2),
    }


def streams(results: list[Measured]) -> list[dict[str, Any]]:
    """One row for each stream that a participant published."""
    return [
        {
            "from": stream.participant,
            "kind": stream.kind,
            "rid": stream.rid,
            "packets": stream.packets,
            "keyframeRequests": stream.keyframe_requests,
            "resent": stream.resent,
        }
        for result in results
        for stream in result.sent
    ]


def tracks(
    results: list[Measured], seconds: float, *, by_sequence: bool = False
) -> list[dict[str, Any]]:
    """One row for each track that somebody received."""
    return [
        {
            "from": track.publisher,
            "to": track.participant,
            "kind": track.kind,
            "sent": sent,
            "packets": track.packets,
            "lost": sent - track.packets,
            "reordered": track.reordered,
            "duplicates": track.duplicates,
            "recovered": track.recovered,
            "layers": track.layers,
            "bitsPerSecond": round(8 * track.bytes / seconds),
            "delayMs": {
                "mean": round(track.delay_sum / max(1, track.packets) / 1e6, 3),
                "max": round(track.delay_max / 1e6, 3),
            },
            "jitterMs": round(track.jitter_ms, 3),
            "meanInterArrivalMs": round(mean_inter_arrival_ms([track]), 3),
        }
        for track, sent in _with_sent(results, by_sequence)
    ]


def server(use: ServerUse, forwarded: int, participants: int) -> dict[str, Any]:
    """The server's part of the report. Without readings of its processes nothing is known of them
    (None)."""
    if not use.after:
        return {**dict.fromkeys(UNKNOWN), "forwardedPackets": forwarded, "processes": []}
    cpu = use.cpu_seconds(use.media)
    everything = use.cpu_seconds(use.after)
    # The readings of a box elsewhere are not as far apart as the window is long.
    each = 1e6 * (use.window or use.seconds) / use.seconds / forwarded if forwarded else 0.0
    return {
        "cpuPercent": round(100 * cpu / use.seconds, 2),
        "cpuMicrosPerForwardedPacket": round(cpu * each, 3),
        "cpuMicrosPerForwardedPacketAllProcesses": round(everything * each, 3),
        "forwardedPackets": forwarded,
        "rssMiB": round(use.rss_mib, 1),
        "rssIdleMiB": round(use.idle_rss / _MIB, 1),
        "rssMiBPerParticipant": round((use.rss_mib - use.idle_rss / _MIB) / participants, 2),
        "processes": [
            {
                "pid": pid,
                "name": usage.name,
                "media": pid in use.media,
                "cpuPercent": round(100 * use.cpu_seconds([pid]) / use.seconds, 2),
                "rssMiB": round(usage.rss_bytes / _MIB, 1),
                "descriptors": usage.descriptors,
            }
            for pid, usage in use.after.items()
        ],
    }


def load_generator(results: list[Measured], seconds: float) -> dict[str, Any]:
    """How hard the load generator worked; each process of it."""
    received = sum(track.packets for result in results for track in result.received)
    return {
        "processes": [
            {
                "cpuPercent": round(100 * r.cpu_seconds / max(r.wall_seconds, 1e-9), 1),
                "lateP99Ms": round(r.late_p99_ms, 2),
                "lateMaxMs": round(r.late_max_ms, 2),
            }
            for r in results
        ],
        "receivedPacketsPerSecond": round(received / seconds),
        "unknownPackets": sum(result.unknown for result in results),
        "refusedPackets": sum(result.refused for result in results),
        "keyframeRequests": sum(s.keyframe_requests for result in results for s in result.sent),
    }


def bottlenecks(results: list[Measured]) -> list[str]:
    """Why the load generator was the bottleneck; empty when it was not."""
    found = []
    for number, result in enumerate(results):
        cpu = 100 * result.cpu_seconds / max(result.wall_seconds, 1e-9)
        found += overloaded(number, cpu, result.late_p99_ms)
    return found


def overloaded(
    number: int, cpu_percent: float, late_p99_ms: float | None, cores: int = 1
) -> list[str]:
    """Of one process of the load generator, that may spread over so many cores."""
    found, whose = [], "a core" if cores == 1 else f"{cores} cores"
    share = cpu_percent / cores
    if share > MAX_DRIVER_CPU_PERCENT:
        found.append(
            f"the load generator was the bottleneck: process {number} used {share:.0f} % of"
            f" {whose} (at most {MAX_DRIVER_CPU_PERCENT:.0f} %)"
        )
    if late_p99_ms is not None and late_p99_ms > MAX_LATE_MS:
        found.append(
            f"the load generator was the bottleneck: process {number} sent"
            f" {late_p99_ms:.1f} ms late (p99, at most {MAX_LATE_MS:.0f} ms)"
        )
    return found


def forwarded_packets(results: list[Measured]) -> int:
    """Packets of the window that arrived at somebody."""
    return sum(track.packets for result in results for track in result.received)


def extra_packets(results: list[Measured]) -> int:
    """Packets that arrived in the window beside the media: resends, probes, ends of voices."""
    return sum(result.extra for result in results)
