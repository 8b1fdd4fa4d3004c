"""Which packet of which stream was sent under which sequence number.

A down track is one unbroken series of sequence numbers, whatever it is made of: the layers of a
simulcast track, a track with padding taken out. Each change of source or of shift begins a new
`Segment`; within one, output = input + a constant. Numbers are *extended* (not wrapped), so that
order is plain comparison; only the packet itself carries the lower 16 bits.
"""

from __future__ import annotations

from typing import Any, Final

from sfu.codecs.codec import NO_SHIFT, Shift
from sfu.wire.rtp import seq_diff

MAX_SEGMENTS: Final = 32
"""Older ones are forgotten; a packet that belongs to them is too old to be sent anyway."""


class Segment:
    """A stretch of one source within a down track."""

    __slots__ = (
        "first_in",
        "first_out",
        "last_in",
        "seq_delta",
        "shift",
        "source",
        "timestamp_delta",
    )

    def __init__(self, source: Any, first_in: int, first_out: int) -> None:
        self.source = source
        self.first_in = first_in
        self.last_in = -1
        """Set when the segment ends; -1 while it is the current one."""
        self.first_out = first_out
        self.seq_delta = first_out - first_in
        self.timestamp_delta = 0
        """To be added to the RTP timestamp, modulo 2^32."""
        self.shift: Shift = NO_SHIFT
        """To be added to the frame numbers in its payloads."""


class PacketMap:
    """The segments of one down track, the newest last."""

    __slots__ = ("current", "last_out", "segments")

    def __init__(self, first_out: int) -> None:
        """`first_out` is the first sequence number to be sent (below 32768, see RFC 3711 3.3.1)."""
        self.segments: list[Segment] = []
        self.current: Segment | None = None
        self.last_out = first_out - 1
        """The highest number sent so far or kept for what is missing, extended."""

    def begin(self, source: Any, first_in: int) -> Segment:
        """From `first_in` on, `source` is what is sent, right after the last number used."""
        segment = Segment(source, first_in, self.last_out + 1)
        previous = self.current
        if previous is not None:
            previous.last_in = self.last_out - previous.seq_delta
            if previous.last_in < previous.first_in:
                self.segments.pop()  # nothing was sent in it
        self.segments.append(segment)
        if len(self.segments) > MAX_SEGMENTS:
            del self.segments[0]
        self.current = segment
        return segment

    def take_back(self, first_out: int) -> None:
        """The numbers from `first_out` on were not used after all: the next segment has them."""
        if first_out > self.last_out:
            return
        self.last_out = first_out - 1
        while len(self.segments) > 1 and self.segments[-1].first_out >= first_out:
            self.segments.pop()
        self.current = self.segments[-1] if self.segments else None

    def leave_out(self, first_in: int, last_in: int) -> Segment | None:
        """Close up the numbers over input packets that are not sent; what follows them flows
        under the new segment.

        What is missing before them keeps its numbers and may still come: a hole that is repaired
        stays a hole of its own size. None when nothing flows, or when a later number has been
        used already: the hole is there.
        """
        before = self.current
        if before is None:
            return None
        # What came before the segment has been left out already.
        out = max(first_in, before.first_in) + before.seq_delta
        if out <= self.last_out:
            return None
        self.last_out = out - 1
        segment = self.begin(before.source, last_in + 1)
        segment.timestamp_delta = before.timestamp_delta
        segment.shift = before.shift
        return segment

    def insert(self, seq_in: int) -> Segment:
        """A packet that no source sent took the last number: input packet `seq_in`, the next in
        line, follows right after it. Something must flow."""
        before = self.current
        assert before is not None
        segment = self.begin(before.source, seq_in)
        segment.timestamp_delta = before.timestamp_delta
        segment.shift = before.shift
        return segment

    def segment_of_input(self, source: Any, seq_in: int) -> Segment | None:
        """The segment that packet `seq_in` of `source` belongs to, or None if it was left out."""
        for segment in reversed(self.segments):
            if segment.source is source and segment.first_in <= seq_in:
                if segment.last_in < 0 or seq_in <= segment.last_in:
                    return segment
                return None
        return None

    def find_output(self, seq_out: int) -> tuple[Segment, int] | None:
        """Segment and extended input number behind a 16-bit number that was sent."""
        extended = self.last_out + seq_diff(seq_out, self.last_out & 0xFFFF)
        if extended > self.last_out:
            return None
        for segment in reversed(self.segments):
            if segment.first_out <= extended:
                return segment, extended - segment.seq_delta
        return None
