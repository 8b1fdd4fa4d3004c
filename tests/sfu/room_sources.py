"""Publishers in simulated time: cameras with simulcast and temporal layers, and voices.

Each packet ends with the truth about itself (`Truth`), which no forwarder looks at: what a viewer
makes of its descriptors can so be checked against what was really sent.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from sfu.control import StreamSpec, UpTrackSpec
from sfu.receive.rtp_stream import RtpStream
from sfu.receive.up_track import UpTrack
from sfu.send.forwarder import Forwarder
from sfu.wire.packet import MARKER
from tests.sfu.peers import audio_spec, video_spec
from tests.sfu.vp8_frames import THREE_LAYERS

FPS: Final = 25.0
PAYLOAD: Final = 1100
"""Bytes of a packet of media at most."""
KEYFRAME: Final = 5.0
"""Times the size of an ordinary frame."""
ENCODER_DELAY, WAKING = 0.05, 0.15
"""Seconds from a request to the keyframe, and from a layer being wanted to its first."""
UPLINK: Final = 0.01
PACING: Final = 2.5
TRUTH: Final = struct.Struct("!BIHHd")
SHARES: Final = (1.6, 0.8, 0.8)
"""Size of a frame by temporal layer: 40, 20 and 40 % of the rate."""


class Truth(NamedTuple):
    """What a packet is a part of."""

    layer: int
    frame: int
    part: int
    parts: int
    captured: float


class Arrival(NamedTuple):
    """A packet that is yet to reach the server."""

    at: float
    order: int
    stream: RtpStream
    seq: int
    timestamp: int
    marker: int
    payload: bytes


@dataclass(frozen=True)
class LayerPlan:
    """One simulcast layer."""

    rid: str
    width: int
    height: int
    bps: int


QHF: Final = (
    LayerPlan("q", 320, 180, 150_000),
    LayerPlan("h", 640, 360, 500_000),
    LayerPlan("f", 1280, 720, 1_500_000),
)
HALVES: Final = (LayerPlan("q", 320, 180, 200_000), LayerPlan("h", 640, 360, 700_000))


class Encoder:
    """One layer of a camera."""

    def __init__(
        self, plan: LayerPlan, stream: RtpStream, temporal: bool, draw: random.Random
    ) -> None:
        self.plan, self.stream, self.temporal, self.draw = plan, stream, temporal, draw
        self.active = True
        self.comes_at = 0.0
        self.keyframe_at = 0.0
        self.seq = draw.randrange(0x8000)
        self.clock = draw.randrange(1 << 32)
        self.picture_id = draw.randrange(0x8000)
        self.tl0 = draw.randrange(256)
        self.place = 0
        self.frames = 0
        self.sent: list[float] = []
        """When each frame was captured."""

    def wake(self, now: float) -> None:
        self.active = True
        self.comes_at = self.keyframe_at = now + WAKING

    def encode(self, now: float) -> list[tuple[int, int, int, bytes]]:
        """The packets of the frame captured now: number, timestamp, marker, payload."""
        key = now >= self.keyframe_at
        if key:
            self.keyframe_at = float("inf")
            self.place = 0
        tid, sync = THREE_LAYERS[self.place % len(THREE_LAYERS)] if self.temporal else (-1, 0)
        self.place += 1
        self.frames += 1
        self.picture_id = self.picture_id + 1 & 0x7FFF
        self.tl0 = self.tl0 + (tid == 0) & 0xFF
        size = self.plan.bps / 8 / FPS * self.draw.uniform(0.75, 1.25)
        size *= KEYFRAME if key else SHARES[tid] if self.temporal else 1.0
        self.sent.append(now)
        return self._packets(now, int(size), key, tid, sync)

    def _packets(
        self, now: float, size: int, key: bool, tid: int, sync: int
    ) -> list[tuple[int, int, int, bytes]]:
        count = max(1, -(-size // PAYLOAD))
        descriptor = bytes((0x80 | self.picture_id >> 8, self.picture_id & 0xFF))
        present = 0x80
        if self.temporal:
            present = 0xE0
            descriptor += bytes((self.tl0, tid << 6 | sync << 5))
        head = b"\x11\x02\x00"
        if key:
            head = b"\x10\x02\x00\x9d\x01\x2a" + struct.pack(
                "<HH", self.plan.width, self.plan.height
            )
        first = 0x80 | (0x20 if tid == 2 else 0)
        timestamp = self.clock + int(now * 90000) & 0xFFFFFFFF
        packets = []
        for index in range(count):
            start = bytes((first | (0 if index else 0x10), present)) + descriptor
            start += b"" if index else head
            truth = TRUTH.pack(self.stream.index, self.frames, index, count, now)
            fill = bytes(max(0, size // count - len(start) - TRUTH.size))
            marker = MARKER if index == count - 1 else 0
            packets.append((self.seq, timestamp, marker, start + fill + truth))
            self.seq = self.seq + 1 & 0xFFFF
        return packets


class Source:
    """What a publisher sends: an up track, and the packets that come of it."""

    def __init__(self, track: UpTrack, seed: int) -> None:
        self.track = track
        self.draw = random.Random(f"{seed} {track.track}")
        self.outages: list[tuple[float, float]] = []
        """Between these times nothing arrives."""

    def is_out(self, at: float) -> bool:
        return any(start <= at < end for start, end in self.outages)

    def step(self, now: float, order: int) -> list[Arrival]:
        """Packets made since the last step."""
        raise NotImplementedError


class Camera(Source):
    """A video track."""

    def __init__(
        self,
        name: str,
        forwarder: Forwarder,
        repair_soon: Callable[[], None],
        plans: tuple[LayerPlan, ...],
        *,
        temporal: bool = True,
        seed: int = 1,
    ) -> None:
        base = 1000 * (1 + sum(name.encode()))
        streams = tuple(
            StreamSpec(rid=plan.rid if len(plans) > 1 else "", ssrc=base + 2 * place)
            for place, plan in enumerate(plans)
        )
        spec: UpTrackSpec = video_spec(name, streams=streams)
        super().__init__(UpTrack(spec, name, forwarder, repair_soon), seed)
        self.layers = [
            Encoder(plan, self.track.stream_for(stream.rid, stream.ssrc), temporal, self.draw)
            for plan, stream in zip(plans, streams, strict=True)
        ]
        self.frame_at = self.draw.uniform(0, 1 / FPS)
        self.caps: list[tuple[float, float, int]] = []
        """Between these times the publisher's own uplink carries only so many layers."""
        self._free_at = 0.0

    def want(self, rids: tuple[str, ...], now: float) -> None:
        """The server needs these layers only; a layer that wakes up renews the encoder."""
        woken = [e for e in self.layers if e.plan.rid in rids and not e.active]
        for encoder in self.layers:
            encoder.active = encoder.plan.rid in rids
            if woken and encoder.active and encoder not in woken:
                encoder.keyframe_at = min(encoder.keyframe_at, now + WAKING)
        for encoder in woken:
            encoder.wake(now)

    def ask_keyframes(self, now: float) -> None:
        """Requests that are due go to the encoder."""
        for encoder in self.layers:
            if encoder.stream.newest is not None and encoder.stream.requester.due(now):
                at = now + 2 * UPLINK + ENCODER_DELAY
                encoder.keyframe_at = min(encoder.keyframe_at, at)

    def _carried(self, now: float) -> int:
        return min((cap for start, end, cap in self.caps if start <= now < end), default=3)

    def step(self, now: float, order: int) -> list[Arrival]:
        found: list[Arrival] = []
        while self.frame_at <= now:
            at = self.frame_at
            self.frame_at += 1 / FPS
            carried = self._carried(at)
            active = [e for e in self.layers[:carried] if e.active and at >= e.comes_at]
            for encoder in self.layers[carried:]:
                encoder.comes_at = encoder.keyframe_at = at + 1 / FPS
            rate = PACING * sum(encoder.plan.bps for encoder in active) / 8
            for encoder in active:
                for packet in encoder.encode(at):
                    self._free_at = max(self._free_at, at) + len(packet[3]) / rate
                    if not self.is_out(at):
                        arrival = self._free_at + UPLINK
                        found.append(Arrival(arrival, order + len(found), encoder.stream, *packet))
        return found


class Voice(Source):
    """An audio track: somebody who never stops talking, at 50 packets a second.

    While `talks` is False two packets come each 0.4 s, as of a browser in silence.
    """

    def __init__(
        self,
        name: str,
        forwarder: Forwarder,
        repair_soon: Callable[[], None],
        size: int,
        seed: int = 1,
    ) -> None:
        ssrc = 500_000 + sum(name.encode())
        spec = audio_spec(name, streams=(StreamSpec(ssrc=ssrc),))
        super().__init__(UpTrack(spec, name, forwarder, repair_soon), seed)
        self.stream = self.track.stream_for("", ssrc)
        self.size = size
        self.talks = True
        self.frames = 0
        self.frame_at = self.draw.uniform(0, 0.02)
        self.seq = self.draw.randrange(0x8000)

    def step(self, now: float, order: int) -> list[Arrival]:
        found: list[Arrival] = []
        while self.frame_at <= now:
            at = self.frame_at
            self.frame_at += 0.02
            self.frames += 1
            if not self.talks and self.frames % 20 > 1:
                continue
            self.seq = self.seq + 1 & 0xFFFF
            fill = bytes(max(0, self.draw.randint(-8, 8) + self.size - TRUTH.size))
            payload = fill + TRUTH.pack(0, self.frames, 0, 1, at)
            if not self.is_out(at):
                number = order + len(found)
                found.append(
                    Arrival(
                        at + UPLINK, number, self.stream, self.seq, self.frames * 960, 0, payload
                    )
                )
        return found
