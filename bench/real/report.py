"""From snapshots of real participants to figures, in the shape of a light run's (`reports.report`).

Definitions. Each participant counts by itself, so the window is between two snapshots of its own.
Loss: by sequence numbers, expected less received (RFC 3550 A.3). Jitter: RFC 3550 A.8, mean of the
values at each snapshot in the window. What a kind of participant does not count is None and is
named in `notKnown`.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.real.crew import InboundTrack, KindOfClient, OutboundTrack, Snapshot
from bench.reports import report
from bench.servers.processes import Usage

Key = tuple[int, int, str]
"""Who receives, from whom, what kind."""
ENCODED_SHARE = 0.8
"""Of a camera's frames; an encoder that makes fewer is starved, whoever has the CPU."""
UNKNOWN_DELAY = {"p50": None, "p95": None, "p99": None}


@dataclass(frozen=True)
class Generator:
    """What the participants' processes used in the window: a list for each part."""

    parts: Sequence[Sequence[int]]
    before: Mapping[int, Usage]
    after: Mapping[int, Usage]
    seconds: float

    def cpu_percent(self, part: Sequence[int]) -> float:
        """Of one core. A process that began in between counts from its beginning."""
        used = 0.0
        for pid in part:
            if pid in self.after:
                start = self.before[pid].cpu_seconds if pid in self.before else 0.0
                used += self.after[pid].cpu_seconds - start
        return 100 * used / self.seconds


class Counted:
    """What was counted between the first snapshot and the last, and the jitter of all of them."""

    def __init__(self, snapshots: Sequence[Snapshot]) -> None:
        self.first = {snapshot.participant: snapshot for snapshot in snapshots}
        self.last = dict(self.first)
        self._jitter: dict[Key, list[float]] = {}

    def add(self, snapshots: Sequence[Snapshot]) -> None:
        for snapshot in snapshots:
            self.last[snapshot.participant] = snapshot
            for track in snapshot.received:
                key = (snapshot.participant, track.publisher, track.kind)
                self._jitter.setdefault(key, []).append(track.jitter_ms)

    def seconds(self, participant: int) -> float:
        """Between the participant's own two snapshots."""
        return max(1e-3, self.last[participant].at - self.first[participant].at)

    def bytes(self, participant: int) -> int:
        return self.last[participant].bytes - self.first[participant].bytes

    def tracks(self, participant: int) -> list[tuple[InboundTrack, InboundTrack]]:
        """Each at the first snapshot and at the last."""
        before = {(t.publisher, t.kind): t for t in self.first[participant].received}
        return [
            (before[track.publisher, track.kind], track)
            for track in self.last[participant].received
            if (track.publisher, track.kind) in before
        ]

    def sent(self, participant: int) -> list[tuple[OutboundTrack, OutboundTrack]]:
        """Each at the first snapshot and at the last."""
        before = {(t.kind, t.rid): t for t in self.first[participant].sent}
        return [
            (before[track.kind, track.rid], track)
            for track in self.last[participant].sent
            if (track.kind, track.rid) in before
        ]

    def jitter_ms(self, key: Key) -> float:
        return statistics.fmean(self._jitter.get(key) or [0.0])

    def rows(self) -> list[dict[str, Any]]:
        """One row for each track that somebody received."""
        return [
            self._row(who, before, after)
            for who in sorted(self.last)
            for before, after in self.tracks(who)
        ]

    def _row(self, who: int, before: InboundTrack, after: InboundTrack) -> dict[str, Any]:
        seconds = self.seconds(who)
        packets = after.packets - before.packets
        lost = after.lost - before.lost
        played, concealed = (
            _less(after.samples, before.samples),
            _less(after.concealed, before.concealed),
        )
        carried = _less(after.bytes, before.bytes)
        frozen = _less(after.frozen_seconds, before.frozen_seconds)
        return {
            "from": after.publisher,
            "to": who,
            "kind": after.kind,
            "sent": packets + lost,
            "packets": packets,
            "lost": lost,
            "reordered": None,
            "duplicates": None,
            "recovered": _less(after.recovered, before.recovered),
            "layers": {},
            "bitsPerSecond": None if carried is None else round(8 * carried / seconds),
            "delayMs": {"mean": None, "max": None},
            "jitterMs": round(self.jitter_ms((who, after.publisher, after.kind)), 3),
            "meanInterArrivalMs": round(1000 * seconds / packets, 3) if packets else 0.0,
            "framesDecodedPerSecond": round((after.frames - before.frames) / seconds, 2),
            "height": after.height,
            "freezes": _less(after.freezes, before.freezes),
            "frozenSeconds": None if frozen is None else round(frozen, 3),
            "concealedPercent": round(100 * concealed / played, 3)
            if concealed is not None and played
            else None,
        }


def _less(after: Any, before: Any) -> Any:
    return None if after is None or before is None else after - before


def summary(counted: Counted, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The run's figures; nobody knows one-way delay."""
    receivers = sorted({row["to"] for row in rows})
    expected, arrived = sum(row["sent"] for row in rows), sum(row["packets"] for row in rows)
    spacing = []
    for who in receivers:
        packets = sum(row["packets"] for row in rows if row["to"] == who)
        if packets:
            spacing.append(1000 * counted.seconds(who) / packets)
    each = [8 * counted.bytes(who) / counted.seconds(who) for who in receivers]
    return {
        "throughputBitsPerSecond": round(_mean(each)),
        "packetLossPercent": round(100 * (expected - arrived) / expected, 4) if expected else 0.0,
        "delayMs": dict(UNKNOWN_DELAY),
        "jitterMs": round(_mean(row["jitterMs"] for row in rows if row["packets"]), 3),
        "meanInterArrivalMs": round(_mean(spacing), 3),
    }


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return statistics.fmean(listed) if listed else 0.0


def streams(counted: Counted) -> list[dict[str, Any]]:
    """One row for each stream that a participant published."""
    return [
        {
            "from": who,
            "kind": after.kind,
            "rid": after.rid,
            "packets": after.packets - before.packets,
            "keyframeRequests": after.keyframe_requests,
            "resent": after.resent,
            "bitsPerSecond": round(8 * (after.bytes - before.bytes) / counted.seconds(who)),
            "framesPerSecond": None
            if after.frames is None or before.frames is None
            else round((after.frames - before.frames) / counted.seconds(who), 2),
        }
        for who in sorted(counted.last)
        for before, after in counted.sent(who)
    ]


def published(
    rows: Sequence[Mapping[str, Any]], sent: Sequence[Mapping[str, Any]]
) -> dict[str, float]:
    """What a receiver gets of a track, mean over all: what opinions are modelled from."""
    made = {}
    for kind in ("audio", "video"):
        # RTP payload of the highest stream of each publisher, of which the receiver gets one.
        best: dict[int, float] = {}
        for row in sent:
            if row["kind"] == kind:
                best[row["from"]] = max(best.get(row["from"], 0.0), row["bitsPerSecond"])
        made[f"{kind}BitsPerSecond"] = round(_mean(best.values()))
    decoded = [row["framesDecodedPerSecond"] for row in rows if row["kind"] == "video"]
    return {**made, "framesPerSecond": round(_mean(decoded), 2)}


def checked_frames(counted: Counted) -> list[dict[str, Any]]:
    """One row for each video whose decoded frames were checked."""
    return [
        {
            "from": snapshot.checked.publisher,
            "to": who,
            "kind": "video",
            "frames": snapshot.checked.decoded + snapshot.checked.missing,
            "incomplete": snapshot.checked.missing,
            "decoded": snapshot.checked.decoded,
            "right": snapshot.checked.right,
        }
        for who, snapshot in sorted(counted.last.items())
        if snapshot.checked is not None
    ]


def load_generator(generator: Generator, counted: Counted, forwarded: float) -> dict[str, Any]:
    """How hard the participants' processes worked; each part of them."""
    snapshots = [counted.last[who] for who in sorted(counted.last)]
    late: list[tuple[float | None, float | None]] = [
        (snapshot.late_p99_ms, snapshot.late_max_ms) for snapshot in snapshots
    ]
    if len(late) != len(generator.parts):  # one part for all of them
        late = [(None, None)] * len(generator.parts)
    return {
        "processes": [
            {
                "cpuPercent": round(generator.cpu_percent(part), 1),
                "lateP99Ms": None if p99 is None else round(p99, 2),
                "lateMaxMs": None if longest is None else round(longest, 2),
            }
            for part, (p99, longest) in zip(generator.parts, late, strict=True)
        ],
        "receivedPacketsPerSecond": round(forwarded / generator.seconds),
        "unknownPackets": None,
        "refusedPackets": None,
        "keyframeRequests": None,
    }


def bottlenecks(kind: KindOfClient, load: Mapping[str, Any], counted: Counted) -> list[str]:
    """Why the participants were the bottleneck and not the server; empty when they were not."""
    cores = len(os.sched_getaffinity(0)) if kind.shares_cores else 1
    found = []
    for number, row in enumerate(load["processes"]):
        found += report.overloaded(number, row["cpuPercent"], row["lateP99Ms"], cores)
    kept_back = sorted(
        who
        for who, snapshot in counted.last.items()
        if any(track.limited == "cpu" for track in snapshot.sent)
    )
    if kept_back:
        listed = ", ".join(map(str, kept_back))
        found.append(
            "the load generator was the bottleneck: the CPU kept the encoders of participants"
            f" {listed} back"
        )
    return found + _starved(kind, counted)


def _starved(kind: KindOfClient, counted: Counted) -> list[str]:
    """Cameras of which the encoder produces a part only, although the network carries more."""
    found: list[str] = []
    if kind.camera_rate is None:
        return found
    for who in sorted(counted.last):
        rates = [
            (after.frames - before.frames) / counted.seconds(who)
            for before, after in counted.sent(who)
            if after.kind == "video"
            and after.limited != "bandwidth"
            and after.frames is not None
            and before.frames is not None
        ]
        # A camera that nobody views is not encoded at all.
        if rates and 0 < max(rates) < ENCODED_SHARE * kind.camera_rate:
            found.append(
                f"the load generator was the bottleneck: participant {who} encoded"
                f" {max(rates):.0f} of its camera's {kind.camera_rate:.0f} frames a second"
            )
    return found
