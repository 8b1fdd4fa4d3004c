"""What a simulated participant receives: counted, timed, and checked against the recording.

Theory of operation. Each packet's last bytes name the recorded packet it carries, and the send
table (shared by all driver processes) says when its publisher sent that; the difference on one
monotonic clock is the one-way delay, whatever the server did to headers. A packet counts when it
was *sent* within the measuring window, so `sent - received` is the loss exactly, with no edge.
"""

from __future__ import annotations

import struct
from typing import Any

from bench.light.channel import ReceivedTrack, Sample
from bench.light.repair import Gaps
from bench.light.wire import SLOT_BYTES, ReceiveBatch
from bench.recordings.recording import Index
from sfu.codecs import opus
from sfu.net.srtp import SrtpContext, length_cell, unprotect
from sfu.wire import rtcp, rtp, transport_cc

FINE_NS = 10_000
"""Width of a delay bucket below `FINE_LIMIT_NS`."""
FINE_LIMIT_NS = 200_000_000
COARSE_NS = 10_000_000
"""Width of those above."""
FINE_BUCKETS = FINE_LIMIT_NS // FINE_NS
DELAY_BUCKETS = FINE_BUCKETS + 1_000
"""The last one holds everything that is later still (10 s)."""

_HEADER = struct.Struct("!HHII")
_KEY = struct.Struct("8s")
_U16 = struct.Struct("!H")
_TICK_NS = 1_000_000_000 // transport_cc.TICKS_PER_SECOND


class Window:
    """The measuring window (monotonic nanoseconds); one for all of a driver."""

    __slots__ = ("start", "stop")

    def __init__(self) -> None:
        self.start = self.stop = 0


class TrackCounter:
    """One received stream: counts since the beginning for RTCP, of the window for the report."""

    __slots__ = (
        "base",
        "bytes",
        "delay_max",
        "delay_sum",
        "duplicates",
        "expected_at_clear",
        "expected_before",
        "first",
        "gaps",
        "highest",
        "index",
        "jitter",
        "jitter_sum",
        "kind",
        "last",
        "layers",
        "opaque",
        "packets",
        "publisher",
        "received",
        "received_at_clear",
        "received_before",
        "recovered",
        "reordered",
        "rtp_per_ns",
        "sample",
        "start",
        "transit",
        "waiting",
    )

    def __init__(self, kind: str, publisher: int, base: int, index: Index, clock_rate: int) -> None:
        """`base` is where the publisher's row of this kind starts in the send table.

        `index` knows the packets of all its simulcast layers: which of them comes is the server's
        choice.
        """
        self.kind, self.publisher, self.base, self.index = kind, publisher, base, index
        self.rtp_per_ns = clock_rate / 1e9
        self.gaps = Gaps()
        self.sample: list[int] | None = None
        """Where the numbers of its packets go, of a track that is to be decoded."""
        self.opaque = False
        """`channel.Track.opaque`."""
        self.waiting: list[TrackCounter] | None = None
        """Where it enters itself when something is missing that can be asked for."""
        self.start = self.highest = -1
        self.received = self.received_before = self.expected_before = 0
        self.transit = self.jitter = 0.0
        self.clear()

    def clear(self) -> None:
        """Begin a window."""
        self.packets = self.bytes = self.first = self.last = 0
        self.delay_sum = self.delay_max = self.reordered = self.duplicates = self.recovered = 0
        self.jitter_sum = 0.0
        self.layers: dict[str, int] = {}
        self.expected_at_clear, self.received_at_clear = self._expected(), self.received

    def _expected(self) -> int:
        return self.highest - self.start + 1 if self.start >= 0 else 0

    def missing(self) -> int:
        """Sequence numbers since `clear` that never came (RFC 3550 A.3, a resend not counted)."""
        expected = self._expected() - self.expected_at_clear
        return max(0, expected - (self.received - self.received_at_clear - self.duplicates))

    def sequence(self, number: int) -> None:
        """Follow the sequence number of an arrived packet (RFC 3550 A.1)."""
        self.received += 1
        if self.start < 0:
            self.start = self.highest = number
            return
        step = (number - self.highest) & 0xFFFF
        if step == 0:
            self.duplicates += 1
        elif step < 0x8000:
            if step > 1 and self.waiting is not None:
                self.gaps.between(self.highest & 0xFFFF, number)
                if self not in self.waiting:
                    self.waiting.append(self)
            self.highest += step
        else:
            self.reordered += 1
            self.gaps.came(number)

    def report_block(self, ssrc: int) -> rtcp.ReportBlock:
        """RFC 3550 A.3, since the last one."""
        expected = self.highest - self.start + 1
        interval = expected - self.expected_before
        lost = interval - (self.received - self.received_before)
        self.expected_before, self.received_before = expected, self.received
        fraction = min(255, (lost << 8) // interval) if interval > 0 and lost > 0 else 0
        return rtcp.ReportBlock(
            ssrc, fraction, expected - self.received, self.highest, int(self.jitter)
        )

    def result(self, participant: int) -> ReceivedTrack:
        """The window's counts."""
        jitter = self.jitter_sum / self.packets if self.packets else 0.0
        return ReceivedTrack(
            participant=participant,
            publisher=self.publisher,
            kind=self.kind,
            packets=self.packets,
            bytes=self.bytes,
            first=self.first,
            last=self.last,
            delay_sum=self.delay_sum,
            delay_max=self.delay_max,
            jitter_ms=jitter / self.rtp_per_ns / 1e6,
            reordered=self.reordered,
            duplicates=self.duplicates,
            missing=self.missing(),
            recovered=self.recovered,
            layers=dict(sorted(self.layers.items())),
        )


class Receiver:
    """The receiving half of one transport."""

    def __init__(self, times: memoryview, window: Window, transport_cc_id: int) -> None:
        """`times` is the send table: monotonic nanoseconds of each packet's last sending."""
        self.tracks: dict[int, TrackCounter] = {}
        self.repairs: dict[int, int] = {}
        """SSRCs of resends and probes, and whose: they count for congestion feedback, and a resend
        that was missing as recovered."""
        self.waiting: list[TrackCounter] = []
        """Tracks of which something is missing."""
        self.delays = [0] * DELAY_BUCKETS
        self.unknown = 0
        self.refused = 0
        self.extra = 0
        """Packets in the window that are no recorded media: resends, probes, ends of voices."""
        self.awaited: set[int] = set()
        """SSRCs that `complete` waits for."""
        self._times, self._window = times, window
        self._cell: Any = length_cell()
        self._feedback_id = transport_cc_id
        self._feedback_at = 16
        """Where the transport-cc element was last: servers keep it in its place."""
        self._arrivals: list[tuple[int, int]] = []
        self._feedback_count = 0

    def clear(self) -> None:
        """Begin a window."""
        self.delays = [0] * DELAY_BUCKETS
        self.unknown = self.refused = self.extra = 0
        for track in self.tracks.values():
            track.clear()

    def packet(
        self, batch: ReceiveBatch, slot: int, size: int, context: SrtpContext, now: int
    ) -> None:
        """One protected RTP packet that has arrived in `slot`; the hot path."""
        cell = self._cell
        cell[0] = size
        if unprotect(context.pointer, batch.pointers[slot], cell):
            self.refused += 1
            return
        data = batch.data
        at = slot * SLOT_BYTES
        end = at + cell[0]
        _, number, timestamp, ssrc = _HEADER.unpack_from(data, at)
        # Congestion feedback is on the transport, whatever the packet is.
        if self._feedback_id:
            self._note_arrival(data, at, end, now)
        track = self.tracks.get(ssrc)
        if track is None:
            self._not_a_track(ssrc, data, at, end, now)
            return
        track.sequence(number)
        if data[at] & 0x20:
            end -= data[end - 1]
            if end <= at + rtp.header_length(data, at, end - at):
                # Padding only, as servers send to probe the bandwidth.
                self._note_extra(now)
                return
        known = track.index.get(_KEY.unpack_from(data, end - 8)[0])
        if known is None or data[end - len(known[1]) : end] != known[1]:
            self._not_recorded(track, data, at, end, size, now)
            return
        sent = self._times[track.base + known[0]]
        if not self._window.start <= sent < self._window.stop:
            return
        # The wall clock may be set meanwhile.
        delay = max(now - sent, 0)
        if delay < FINE_LIMIT_NS:
            self.delays[delay // FINE_NS] += 1
        else:
            coarse = FINE_BUCKETS + (delay - FINE_LIMIT_NS) // COARSE_NS
            self.delays[min(coarse, DELAY_BUCKETS - 1)] += 1
        track.delay_sum += delay
        track.delay_max = max(track.delay_max, delay)
        track.bytes += size
        if track.sample is not None:
            track.sample.append(known[0])
        if known[2]:
            track.layers[known[2]] = track.layers.get(known[2], 0) + 1
        transit = now * track.rtp_per_ns - timestamp
        if track.packets:
            gap = transit - track.transit
            # A timestamp that wrapped is no jitter.
            if -1e9 < gap < 1e9:
                track.jitter += (abs(gap) - track.jitter) / 16
                track.jitter_sum += track.jitter
        else:
            track.first = now
        track.packets += 1
        track.transit = transit
        track.last = now

    def _not_recorded(
        self, track: TrackCounter, data: bytearray, at: int, end: int, size: int, now: int
    ) -> None:
        """A payload of a track that no recording has."""
        if track.opaque:
            self._count_opaque(track, size, now)
        elif bytes(data[at + rtp.header_length(data, at, end - at) : end]) in opus.PAUSE:
            self._note_extra(now)
        else:
            self.unknown += 1

    def _count_opaque(self, track: TrackCounter, size: int, now: int) -> None:
        if self._window.start <= now < self._window.stop:
            if not track.packets:
                track.first = now
            track.packets += 1
            track.bytes += size
            track.last = now

    def _not_a_track(self, ssrc: int, data: bytearray, at: int, end: int, now: int) -> None:
        """A packet of an RTX stream, a resend or a probe, or of an unknown stream."""
        media_ssrc = self.repairs.get(ssrc)
        if media_ssrc is None:
            self.unknown += 1
            return
        self._note_extra(now)
        track = self.tracks.get(media_ssrc)
        start = at + rtp.header_length(data, at, end - at)
        if data[at] & 0x20:
            end -= data[end - 1]
        if track is None or end - start < 2 + _KEY.size:
            return
        if track.gaps.came(_U16.unpack_from(data, start)[0]):
            known = track.index.get(_KEY.unpack_from(data, end - 8)[0])
            if known is None or data[end - len(known[1]) : end] != known[1]:
                self.unknown += 1
            else:
                track.recovered += 1

    def requests(self, ssrc: int, now: int) -> list[bytes]:
        """RTCP that asks for what is missing; `waiting` keeps the tracks to check again."""
        found = []
        for track in list(self.waiting):
            media_ssrc = next((s for s, t in self.tracks.items() if t is track), None)
            if media_ssrc is None or not track.gaps:
                self.waiting.remove(track)
            elif packet := track.gaps.requests(ssrc, media_ssrc, now):
                found.append(packet)
        return found

    def _note_extra(self, now: int) -> None:
        if self._window.start <= now < self._window.stop:
            self.extra += 1

    def _note_arrival(self, data: bytearray, at: int, end: int, now: int) -> None:
        place = at + self._feedback_at
        if data[place] != self._feedback_id << 4 | 1:
            length = rtp.header_length(data, at, end - at)
            found = find_element(data, at, length, self._feedback_id)
            if found < 0:
                return
            place = found
            self._feedback_at = place - at
        self._arrivals.append((_U16.unpack_from(data, place + 1)[0], now))

    def feedback(self, ssrc: int) -> bytes:
        """Transport-cc feedback on what arrived since the last call; empty when nothing did."""
        if not self._arrivals or not self.tracks:
            return b""
        arrivals, self._arrivals = self._arrivals, []
        self._feedback_count += 1
        return transport_cc_feedback(arrivals, ssrc, next(iter(self.tracks)), self._feedback_count)

    def report(self, ssrc: int) -> bytes:
        """Receiver reports on all tracks that have begun, with the CNAME (RFC 3550 clause 6.1)."""
        blocks = [t.report_block(s) for s, t in self.tracks.items() if t.start >= 0]
        parts = [
            rtcp.receiver_report(ssrc, blocks[start : start + 31])
            for start in range(0, len(blocks), 31)
        ] or [rtcp.receiver_report(ssrc)]
        return b"".join(parts) + rtcp.sdes(ssrc, f"bench-{ssrc:08x}")

    def samples(self, participant: int) -> list[Sample]:
        """Of the tracks that were chosen to be decoded."""
        return [
            Sample(participant, track.publisher, track.kind, tuple(track.sample))
            for track in self.tracks.values()
            if track.sample is not None
        ]

    def complete(self) -> bool:
        """Whether every track that is awaited has begun."""
        return all(self.tracks[ssrc].start >= 0 for ssrc in self.awaited)


def choose_sample(receivers: list[Receiver]) -> None:
    """From now on one video of all that they receive is followed packet by packet."""
    tracks = [
        track
        for receiver in receivers
        for track in receiver.tracks.values()
        if track.kind != "audio" and not track.opaque
    ]
    for track in tracks:
        track.sample = [] if track is tracks[0] else None


def find_element(data: bytearray, at: int, header_length: int, identifier: int) -> int:
    """Position of a one-byte-form element's header (RFC 8285 clause 4.2), or -1."""
    place = at + 16 + ((data[at] & 0x0F) << 2)
    end = at + header_length
    if not data[at] & 0x10 or data[place - 4 : place - 2] != b"\xbe\xde":
        return -1
    while place < end:
        if data[place] == 0:
            place += 1
        elif data[place] >> 4 == identifier:
            return place
        else:
            place += (data[place] & 0x0F) + 2
    return -1


def transport_cc_feedback(
    arrivals: list[tuple[int, int]], sender_ssrc: int, media_ssrc: int, count: int
) -> bytes:
    """One feedback packet on (transport-wide number, monotonic nanoseconds) in arrival order."""
    origin = arrivals[0][0]
    by_number: dict[int, int] = {}
    for number, when in arrivals:
        by_number.setdefault((number - origin + 0x8000) & 0xFFFF, when // _TICK_NS)
    first, last = min(by_number), max(by_number)
    last = min(last, first + transport_cc.MAX_STATUSES - 1)
    reference = by_number[first] // transport_cc.TICKS_PER_REFERENCE
    clock = reference * transport_cc.TICKS_PER_REFERENCE
    deltas: list[int | None] = []
    for number in range(first, last + 1):
        tick = by_number.get(number)
        if tick is None:
            deltas.append(None)
        else:
            deltas.append(max(transport_cc.MIN_DELTA, min(transport_cc.MAX_DELTA, tick - clock)))
            clock = tick
    base = (origin + first - 0x8000) & 0xFFFF
    return transport_cc.encode(sender_ssrc, media_ssrc, base, reference, count, deltas)
