"""One incoming RTP stream: an SSRC and its RTX.

Theory of operation. Nearly every packet is the next in line: it gets its number (which does not
wrap) and waits in `pending`. Once per batch of datagrams its output collects what is pending:
statistics, cache and receivers then see the packets of a whole frame together. Everything else,
the first packet, a gap, a late or repeated packet, goes through `sfu.receive.arrival` one by one.
A keyframe is reported to the track before it is sent, because down tracks may switch to this stream
just there. Behind a gap video waits for the repair (`sfu.receive.in_order`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Protocol

from qos.receive import ReceiveStatistics
from qos.video import FrameMeter
from sfu.codecs.codec import Codec, Kind
from sfu.control import UpTrackSpec
from sfu.receive.keyframe_requester import KeyframeRequester
from sfu.receive.nack import NackGenerator
from sfu.receive.packet_cache import PacketCache
from sfu.receive.rate_meter import RateMeter
from sfu.wire.packet import PAYLOAD, SEQ, TIMESTAMP, Packet

LOSS_GAIN: Final = 0.3
"""Of a new second in the smoothed loss."""


class Track(Protocol):
    """What a stream needs of the up track that it is part of; `sfu.receive.up_track`."""

    spec: UpTrackSpec
    kind: Kind
    codec: Codec
    level: int
    """Loudest audio level of late, -dBov; the receive path lowers it."""

    def carries(self, payload_type: int) -> bool:
        """Whether media of this track may come under this payload type."""

    def stream_started(self, stream: RtpStream, packet: Packet, now: float) -> None:
        """`packet` is the first of `stream`, and is sent next."""

    def keyframe_arrived(self, stream: RtpStream, packet: Packet, now: float) -> None:
        """`packet` begins a keyframe of `stream`, and is sent next: receivers may switch to it."""


class Output(Protocol):
    """Where the packets of a stream go, in order; `sfu.send.fan_out`."""

    is_video: bool

    @property
    def is_wanted(self) -> bool:
        """Whether they reach anybody."""

    def note_pending(self) -> None:
        """`RtpStream.pending` has its first packet: `flush` is due at the end of the batch."""

    def repair_soon(self) -> None:
        """Something is missing, or a keyframe is wanted: `repair` is due soon."""

    def flush(self, now: float) -> None:
        """Count, keep and send the pending packets."""

    def send(self, packets: list[Packet], now: float) -> None:
        """Send packets that are counted and kept, newer than all before."""

    def send_late(self, packet: Packet, now: float) -> None:
        """Send a packet behind the newest to whom it can still help."""

    def leave_out(self, first: int, last: int) -> None:
        """These packets, next in line, are not sent; the numbers of what follows close up."""

    def repair(self, now: float) -> bool:
        """Send again what receivers may have lost unnoticed; whether more will be due soon."""


@dataclass(slots=True)
class StreamCounts:
    """What is counted of one stream for reports; see also `ReceiveStatistics`."""

    keyframes: int = 0
    gaps: int = 0
    """Runs of packets that were missing when the next one came."""
    missed: int = 0
    """Packets in those."""
    repaired: int = 0
    """Packets that came as a resend on the RTX stream."""
    nacks: int = 0
    """Requests sent for missing packets."""
    plis: int = 0
    """Requests sent for keyframes."""


class RtpStream:
    """State of one SSRC; the fields are open to the forwarder and to statistics."""

    __slots__ = (
        "cache",
        "clock_rate",
        "codec",
        "counts",
        "fast_payload_type",
        "frames",
        "gate",
        "index",
        "is_video",
        "keyframe_only",
        "last_arrival",
        "loss",
        "meter",
        "missed_before",
        "nack",
        "newest",
        "next_seq",
        "output",
        "overdue_since",
        "pending",
        "redundant",
        "requester",
        "rid",
        "rtx_ssrc",
        "sender_ntp",
        "sender_report_at",
        "sender_rtp",
        "shut",
        "shut_octets",
        "size",
        "ssrc",
        "statistics",
        "track",
        "waits",
    )

    output: Output
    """Set by its maker before the first packet."""

    def __init__(
        self, track: Track, ssrc: int, rtx_ssrc: int, rid: str, index: int, *, nack: bool
    ) -> None:
        self.track = track
        self.ssrc = ssrc
        self.rtx_ssrc = rtx_ssrc
        self.rid = rid
        self.index = index
        """Place among the track's streams, low to high."""
        self.is_video = track.kind == "video"
        self.codec = codec = track.codec
        self.clock_rate = codec.clock_rate
        self.statistics = ReceiveStatistics(self.clock_rate)
        self.meter = RateMeter(codec.temporal_id)
        """Of video."""
        self.size = (0, 0)
        """Width and height in pixels, from the last keyframe."""
        self.cache: PacketCache[Packet] = PacketCache(1024 if self.is_video else 128)
        self.nack = NackGenerator() if nack else None
        self.pending: list[Packet] = []
        self.next_seq = 0
        """One more than the highest extended sequence number."""
        self.newest: Packet | None = None
        """Of those sent on; None before the first packet."""
        self.waits = self.is_video and nack
        """Whether what is behind a gap waits for the repair."""
        self.gate = -1
        """The first missing packet (extended) while what is behind it waits; -1: nothing does."""
        self.overdue_since = -1.0
        """Since when the packet at the gate is no longer waited for: the stream goes on without it
        at the next frame that allows that; -1: it is."""
        self.keyframe_only = False
        """Then only a keyframe allows it."""
        self.fast_payload_type = -1
        """Payload type of what may go into `pending` at once; -1: nothing may."""
        self.redundant = False
        """Whether that is redundant audio (RFC 2198)."""
        self.loss = 0.0
        """Share of packets found missing of late, those that redundancy gave back left out."""
        self.missed_before = (0, 0)
        self.last_arrival = 0.0
        self.shut = False
        """The publisher sends more than it may: what comes is dropped."""
        self.shut_octets = 0
        """Payload bytes dropped so."""
        self.counts = StreamCounts()
        self.frames = FrameMeter()
        self.requester = KeyframeRequester()
        self.sender_ntp = 0
        """NTP time of the last sender report, in the publisher's clock; 0 before the first."""
        self.sender_rtp = 0
        self.sender_report_at = 0.0
        """Local (monotonic) arrival of that report."""

    def expect(self, payload_type: int) -> None:
        """The next packets in line will be of this type."""
        self.fast_payload_type = payload_type if self.gate < 0 else -1
        self.redundant = payload_type == self.track.spec.red_payload_type != 0

    @property
    def newest_waiting(self) -> Packet | None:
        """The newest packet, sent or still pending."""
        return self.pending[-1] if self.pending else self.newest

    def update_loss(self) -> None:
        """Bring `loss` up to date; call it about once a second."""
        if self.nack is None:
            return
        missed, expected = self.nack.missed, self.next_seq
        before, self.missed_before = self.missed_before, (missed, expected)
        if expected > before[1]:
            share = min(1.0, (missed - before[0]) / (expected - before[1]))
            self.loss += (share - self.loss) * LOSS_GAIN

    def put_pending(self, packet: Packet) -> None:
        """`packet` is the next in line: count and forward it with the rest of its batch."""
        pending = self.pending
        if not pending:
            self.output.note_pending()
        pending.append(packet)
        self.next_seq = packet[SEQ] + 1

    def collect_voice(self, now: float) -> list[Packet]:
        """Count and keep what is pending of a voice, and return it to be forwarded.

        Packets of `pending` follow each other and all before them without a gap.
        """
        packets = self.pending
        self.pending = []
        self.newest = last = packets[-1]
        self.last_arrival = now
        stamps = [packet[TIMESTAMP] for packet in packets]
        self.statistics.in_line(stamps, now, sum([len(packet[PAYLOAD]) for packet in packets]))
        if self.nack is not None:
            self.nack.in_line(last[SEQ])
        self.cache.extend(packets[0][SEQ], packets, now)
        return packets

    def collect_video(self, now: float) -> list[tuple[list[Packet], bool]]:
        """As `collect_voice`, of video: in parts, each with whether a keyframe begins it.

        Receivers may switch to this stream just there, so whoever forwards a part calls
        `begin_part` first.
        """
        packets = self.pending
        self.pending = []
        self.newest = last = packets[-1]
        self.last_arrival = now
        payloads = [packet[PAYLOAD] for packet in packets]
        stamps = [packet[TIMESTAMP] for packet in packets]
        self.statistics.in_line(stamps, now, sum(map(len, payloads)))
        if self.nack is not None:
            self.nack.in_line(last[SEQ])
        if self.meter.sampling:
            self.meter.sample(packets)
        return self._cut(packets, payloads, now)

    def parts(self, packets: list[Packet], now: float) -> list[tuple[list[Packet], bool]]:
        """Packets that waited, in parts as `collect_video` gives them."""
        if self.meter.sampling:
            self.meter.sample(packets)
        return self._cut(packets, [packet[PAYLOAD] for packet in packets], now)

    def _cut(
        self, packets: list[Packet], payloads: list[bytes], now: float
    ) -> list[tuple[list[Packet], bool]]:
        begun, keyframes = self.codec.scan(payloads)
        for _ in range(begun):
            self.frames.frame(now)
        if not keyframes:
            return [(packets, False)] if packets else []
        ends = [*keyframes[1:], len(packets)]
        parts = [(packets[first:end], True) for first, end in zip(keyframes, ends, strict=True)]
        return parts if not keyframes[0] else [(packets[: keyframes[0]], False), *parts]

    def begin_part(self, part: list[Packet], keyframe: bool, now: float) -> None:
        """Keep a part of `collect_video`; if it is a keyframe, receivers may switch now."""
        first = part[0]
        self.cache.extend(first[SEQ], part, now)
        if keyframe:
            self.cache.mark_keyframe(first[SEQ])
            self.keyframe_begins(first, now)

    def keyframe_begins(self, packet: Packet, now: float) -> None:
        """`packet` is the first of a keyframe and is sent next: receivers may switch now."""
        self.counts.keyframes += 1
        self.requester.answered()
        self.size = self.codec.dimensions(packet[PAYLOAD]) or self.size
        if self.nack is not None:
            self.nack.keyframe(packet[SEQ])
        self.track.keyframe_arrived(self, packet, now)

    def set_shut(self, shut: bool) -> None:
        """Drop all that comes from now on, or accept it again (from a keyframe on)."""
        self.shut = shut
        self.pending = []
        self.gate = -1
        self.fast_payload_type = -1
        if not shut and self.newest is not None:
            self.expect(self.track.spec.payload_type)

    def has(self, seq: int) -> bool:
        """Whether the packet of this 16-bit number is here already."""
        return self.cache.get(seq) is not None

    def cached(self, extended: int) -> Packet | None:
        """A packet to send again, or None: never came, or too long ago."""
        packet = self.cache.get(extended)
        return packet if packet is not None and packet[SEQ] == extended else None

    def same_layer(self, other: RtpStream) -> bool:
        """Whether both stand, one after the other, for the same layer of the same track."""
        return self.track is other.track and self.index == other.index

    def bye_received(self) -> None:
        """BYE (RFC 3550 clause 6.6): the layer is off, without waiting for its silence."""
        self.last_arrival = -math.inf

    def is_alive(self, now: float, silence: float) -> bool:
        """Whether a packet came within the last `silence` seconds."""
        return self.newest is not None and now - self.last_arrival < silence

    def tick(self, now: float) -> None:
        """Forget packets that are too old to be asked for; measure the rate."""
        self.cache.evict(now)
        if self.is_video:
            self.meter.tick(self.statistics.bytes, self.statistics.received, now)
