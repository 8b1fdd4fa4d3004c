"""What a simulated participant sends: a recording in a loop, on an absolute timetable.

Theory of operation. Every participant's frames lie on the same grid, shifted by a phase of its
own (golden ratio, so that any number of participants is spread evenly): how the load is spread
does not depend on when people joined. Audio goes out at once. The packets of a video frame go
through a pacer like libwebrtc's: up to 40 ms worth of data at 2.5 times the bitrate leaves as
one burst, which is every frame but keyframes; the rest follows at that rate. A keyframe request
makes the recording jump to its next keyframe. A simulcast layer is a stream of its own; while it
rests its clock goes on, and it comes back with a keyframe.
"""

from __future__ import annotations

import secrets
import struct
from collections import deque
from collections.abc import Iterable
from typing import Any

from bench.light.channel import SentStream, Stream
from bench.light.receiver import Window
from bench.light.repair import History, rtx_of
from bench.light.talk import VOICE_FLAG, Dtx
from bench.light.wire import BATCH, SLOT_BYTES, SendBatch
from bench.recordings.recording import Recording
from sfu.control import Extensions
from sfu.net.srtp import SrtpContext, length_cell, protect
from sfu.wire import rtcp

PACING_FACTOR = 2.5
BURST_SECONDS = 0.040
PACER_STEP_NS = 5_000_000
"""Between runs of the pacer while it holds packets."""

_GOLDEN = 0.6180339887498949
_NTP_EPOCH = 2_208_988_800
_VOICE = VOICE_FLAG | 30
"""Voice, -30 dBov (RFC 6464)."""


def phase(participant: int, interval_ns: int) -> int:
    """Where on the grid of `interval_ns` this participant's frames lie."""
    return int((participant * _GOLDEN) % 1.0 * interval_ns)


class Pacer:
    """A leaky bucket: who sends may be in debt up to one burst (bytes)."""

    def __init__(self, bitrate_bps: float) -> None:
        self._bytes_per_ns = PACING_FACTOR * bitrate_bps / 8 / 1e9
        self._limit = self._bytes_per_ns * BURST_SECONDS * 1e9
        self._debt = 0.0
        self._at = 0

    def may_send(self, now: int) -> bool:
        """Whether the next packet may leave now (monotonic nanoseconds)."""
        self._debt = max(0.0, self._debt - (now - self._at) * self._bytes_per_ns)
        self._at = now
        return self._debt < self._limit

    def sent(self, size: int) -> None:
        self._debt += size


class OutgoingStream:
    """One SSRC: position in the recording, RTP counters, packets waiting for the pacer."""

    def __init__(
        self,
        stream: Stream,
        recording: Recording,
        base: int,
        extensions: Extensions,
        participant: int,
        levels: bytes = b"",
        *,
        dtx: bool = False,
    ) -> None:
        """`levels` are its audio levels, packet after packet, over and over; without any it
        speaks all the time. With `dtx` silence is sent each 400 ms only (as recorded packets:
        what they hold decodes, whether it is silence is in the level)."""
        self.kind, self.ssrc = stream.kind, stream.ssrc
        self.mid, self.rid = stream.mid, stream.rid
        self.active = True
        """False: the layer rests."""
        self.recording, self.base = recording, base
        self.video = recording.kind == "video"
        self.interval_ns = (
            recording.duration * 10**9 // recording.clock_rate // len(recording.frames)
        )
        self.header, self.feedback_at = header_template(stream, extensions)
        self.level_at = -1
        self.levels = levels
        self.dtx = dtx and bool(levels) and not self.video
        self._dtx = Dtx()
        if levels and extensions.audio_level and not self.video:
            self.level_at = self.header.rindex(bytes((extensions.audio_level << 4, _VOICE))) + 1
        self.payload_type = stream.payload_type
        self.participant = participant
        # Below 32768, so that no counter wraps before both sides have seen a packet.
        self.number = secrets.randbelow(0x8000)
        self.timestamp = secrets.randbits(32)
        self.picture_id = secrets.randbits(15)
        self.temporal = recording.temporal_layers > 1
        self.tl0picidx = secrets.randbits(8)
        """TL0PICIDX: counts frames of the base layer (RFC 7741 clause 4.2)."""
        self.pacer = Pacer(recording.bits_per_second)
        self.queue: deque[tuple[int, bytes, int, bool, int]] = deque()
        """(number in the recording, payload, timestamp, marker, picture id)"""
        self.wants_keyframe = False
        self.keyframe_requests = 0
        self.history: History | None = None
        if stream.rtx_ssrc:
            self.history = History(*header_template(*rtx_of(stream, extensions)))
        self.packets_total = self.octets_total = 0
        self.packets = self.bytes = 0
        self._first_packet = _first_packets(recording)
        self._position = 0

    def next_frame(self, now: int = 0) -> None:
        """Put the next frame into the queue; where it rests, only its time passes.

        `now` in monotonic nanoseconds decides whether somebody talks.
        """
        step = self.recording.duration // len(self.recording.frames)
        if not self.active or (self.dtx and self._dtx.leaves_out(self.level(now))):
            self.timestamp = (self.timestamp + step) & 0xFFFFFFFF
            return
        if self.wants_keyframe:
            self.wants_keyframe = False
            self._to_keyframe()
        frames = self.recording.frames
        frame = frames[self._position]
        number = self._first_packet[self._position]
        last = len(frame.payloads) - 1
        if self.temporal and frame.temporal == 0:
            self.tl0picidx = (self.tl0picidx + 1) & 0xFF
        for place, payload in enumerate(frame.payloads):
            marker = self.video and place == last
            if self.temporal:
                payload = payload[:4] + bytes((self.tl0picidx,)) + payload[5:]
            self.queue.append((number + place, payload, self.timestamp, marker, self.picture_id))
        self.picture_id = (self.picture_id + 1) & 0x7FFF
        self.timestamp = (self.timestamp + step) & 0xFFFFFFFF
        self._position = (self._position + 1) % len(frames)

    def _to_keyframe(self) -> None:
        frames = self.recording.frames
        while not frames[self._position].keyframe:
            self._position = (self._position + 1) % len(frames)

    def request_keyframe(self) -> None:
        """PLI or FIR."""
        self.keyframe_requests += 1
        self.wants_keyframe = self.video

    def set_active(self, active: bool) -> None:
        """Let it rest, or begin again with a keyframe."""
        if active and not self.active:
            self.wants_keyframe = self.video
        self.active = active

    def level(self, now: int) -> int:
        """The audio level of a packet that is sent now (monotonic nanoseconds)."""
        return self.levels[now // self.interval_ns % len(self.levels)]

    def clear(self) -> None:
        """Begin a window."""
        self.packets = self.bytes = 0

    def result(self) -> SentStream:
        """The window's counts."""
        return SentStream(
            self.participant, self.kind, self.packets, self.bytes, self.keyframe_requests, self.rid,
            self.history.resent if self.history is not None else 0,
        )  # fmt: skip

    def sender_report(self, unix_seconds: float) -> bytes:
        """RFC 3550 clause 6.4.1, with the CNAME that all of a participant's streams share."""
        ntp = int((unix_seconds + _NTP_EPOCH) * 2**32)
        report = rtcp.sender_report(
            self.ssrc, ntp, self.timestamp, self.packets_total, self.octets_total
        )
        return report + rtcp.sdes(self.ssrc, cname(self.participant))


def cname(participant: int) -> str:
    """RFC 7022: the same for all streams of one participant."""
    return f"bench-participant-{participant}"


def _first_packets(recording: Recording) -> list[int]:
    numbers, count = [], 0
    for frame in recording.frames:
        numbers.append(count)
        count += len(frame.payloads)
    return numbers


def header_template(stream: Stream, extensions: Extensions) -> tuple[bytes, int]:
    """RTP header with its extension, and where in it the transport-cc number goes (0: nowhere)."""
    block = b""
    feedback_at = 0
    if extensions.transport_cc:
        feedback_at = 16 + len(block) + 1
        block += bytes((extensions.transport_cc << 4 | 1, 0, 0))
    if extensions.mid:
        mid = stream.mid.encode()
        block += bytes((extensions.mid << 4 | len(mid) - 1,)) + mid
    if extensions.rid and stream.rid:
        rid = stream.rid.encode()
        block += bytes((extensions.rid << 4 | len(rid) - 1,)) + rid
    if extensions.audio_level and stream.kind == "audio":
        block += bytes((extensions.audio_level << 4, _VOICE))
    block += bytes(-len(block) % 4)
    header = struct.pack("!BBHII", 0x80, stream.payload_type, 0, 0, stream.ssrc)
    if block:
        header = b"\x90" + header[1:] + struct.pack("!HH", 0xBEDE, len(block) // 4) + block
    return header, feedback_at


class Publisher:
    """The sending half of one transport."""

    def __init__(
        self, streams: list[OutgoingStream], times: memoryview, window: Window, batch: SendBatch
    ) -> None:
        self.streams = streams
        self._times, self._window, self._batch = times, window, batch
        self._feedback_number = 0
        self._cell: Any = length_cell()

    def stream(self, ssrc: int) -> OutgoingStream | None:
        return next((s for s in self.streams if s.ssrc == ssrc), None)

    def flush(self, stream: OutgoingStream, fd: int, context: SrtpContext, clock: Any) -> bool:
        """Send what may leave now; True when the pacer still holds packets.

        `clock` gives monotonic nanoseconds.
        """
        now = clock()
        numbers: list[int] = []
        size = 0
        while stream.queue and len(numbers) < BATCH:
            if stream.video and not stream.pacer.may_send(now):
                break
            number, payload, timestamp, marker, picture_id = stream.queue.popleft()
            slot = len(numbers)
            self._fill(slot, stream, payload, timestamp, marker, picture_id)
            if stream.level_at >= 0:
                self._batch.data[slot * SLOT_BYTES + stream.level_at] = stream.level(now)
            self._cell[0] = len(stream.header) + len(payload)
            protect(context.pointer, self._batch.pointers[slot], self._cell)
            self._batch.lengths[slot] = self._cell[0]
            stream.pacer.sent(self._cell[0])
            size += self._cell[0]
            stream.octets_total += len(payload)
            numbers.append(number)
        self._stamp(stream, numbers, size, clock())
        self._batch.send(fd, len(numbers))
        return bool(stream.queue)

    def _stamp(self, stream: OutgoingStream, numbers: list[int], size: int, now: int) -> None:
        for number in numbers:
            self._times[stream.base + number] = now
        stream.packets_total += len(numbers)
        if self._window.start <= now < self._window.stop:
            stream.packets += len(numbers)
            stream.bytes += size

    def _fill(
        self,
        slot: int,
        stream: OutgoingStream,
        payload: bytes,
        timestamp: int,
        marker: bool,
        picture_id: int,
    ) -> None:
        data = self._batch.data
        at = slot * SLOT_BYTES
        body = at + len(stream.header)
        data[at:body] = stream.header
        second = stream.payload_type | (0x80 if marker else 0)
        struct.pack_into("!BHI", data, at + 1, second, stream.number, timestamp)
        stream.number = (stream.number + 1) & 0xFFFF
        if stream.feedback_at:
            struct.pack_into("!H", data, at + stream.feedback_at, self._feedback_number)
            self._feedback_number = (self._feedback_number + 1) & 0xFFFF
        end = body + len(payload)
        data[body:end] = payload
        if stream.video:
            struct.pack_into("!H", data, body + 2, 0x8000 | picture_id)
        if stream.history is not None:
            number = (stream.number - 1) & 0xFFFF
            stream.history.keep(number, second, timestamp, bytes(data[body:end]))

    def resend(self, ssrc: int, numbers: Iterable[int], context: SrtpContext) -> list[bytes]:
        """Protected RTX packets of those asked for that are still kept (RFC 4588)."""
        stream = self.stream(ssrc)
        packets: list[bytes] = []
        for number in numbers if stream is not None else ():
            assert stream is not None
            if stream.history is None:
                break
            packet = stream.history.resend(number, context, self._feedback_number)
            if packet is not None:
                packets.append(packet)
                self._feedback_number = (self._feedback_number + 1) & 0xFFFF
        return packets
