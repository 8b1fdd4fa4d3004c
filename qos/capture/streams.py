"""Figures of one RTP stream of a capture, in the two variants that people compare.

`Rfc3550Stream`: numbers as a receiver reports them, RFC 3550 appendices A.1, A.3 and A.8.
`WiresharkStream`: numbers as Wireshark's RTP analysis shows them (`tshark -q -z rtp,streams`):

- jitter runs over every packet whose clock is known, J = (15 J + D) / 16, with the clock divided
  by 1000 as integers (so 11025 Hz counts as 11 a millisecond, as it does there). That of dynamic
  payload types other than the media's, such as telephone events, is not known there;
- minimum, mean and maximum of delta and jitter leave out packets with a marker, comfort noise,
  the packet after it, and packets with a timestamp from before the stream's first. The means are
  weighted with the number of all packets so far, left out or not;
- expected counts from the first captured number to the last captured one, not to the highest.

Counting late and duplicate packets is ours in both; Wireshark has no such count. All times in and
out are seconds.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

from qos.capture.candidates import MAX_IN_FRAME, STATIC_CLOCK_RATES
from qos.receive import REFUSED, ReceiveStatistics

MAX_MISSING = 8192
"""Numbers remembered as missing: so that a late packet is not taken for a duplicate."""
MAX_POINTS = 600
"""Of a stream's course; when they are full, every second one goes and the step doubles."""
_COMFORT_NOISE = (13, 19)
_NEVER = math.inf

Point = tuple[float, int, int, int, int, float]
"""Time, then so far: packets, bytes, expected, lost; then jitter, seconds."""


class Missing:
    """Sequence numbers that have not come: late packets are no duplicates."""

    __slots__ = ("_numbers", "duplicates", "reordered")

    def __init__(self) -> None:
        self._numbers: dict[int, None] = {}
        self.reordered = 0
        """Packets that came after one with a higher number."""
        self.duplicates = 0

    def gap(self, start: int, end: int) -> None:
        """Numbers `start` to `end` - 1 (extended) were passed over."""
        numbers = self._numbers
        numbers.update(dict.fromkeys(range(max(start, end - MAX_MISSING), end)))
        while len(numbers) > MAX_MISSING:
            del numbers[next(iter(numbers))]

    def late(self, number: int, first: int) -> None:
        """A number (extended) at or below the highest came; `first` is where the stream began."""
        if number in self._numbers:
            del self._numbers[number]
            self.reordered += 1
        elif number < first:
            self.reordered += 1
        else:
            self.duplicates += 1


class Stream(ABC):
    """What both variants share. `add` takes each packet in the order of capture."""

    def __init__(self, clock_rate: int | None, payload_type: int = -1) -> None:
        self.clock_rate = clock_rate
        """Timestamp units a second; None when it was not found: then there is no jitter."""
        self.payload_type = payload_type
        """Of the media; -1 when it is not known."""
        self.packets = 0
        self.bytes = 0
        """UDP payload: RTP header, extensions and payload."""
        self.first = 0.0
        """Seconds since the capture began, as is `last`."""
        self.last = 0.0
        self.payload_types: set[int] = set()
        self.missing = Missing()
        self.jitter = 0.0
        """Seconds, after the last packet."""
        self.mean_jitter = 0.0
        self.min_jitter = _NEVER
        self.max_jitter = 0.0
        self.min_delta = _NEVER
        """Seconds between packets; infinite without any, as is `min_jitter`."""
        self.mean_delta = 0.0
        self.max_delta = 0.0
        self.points: list[Point] = []
        self._step = 0.1
        self._next_point = -_NEVER

    @property
    @abstractmethod
    def expected(self) -> int:
        """Packets that were sent, by the sequence numbers."""

    @property
    def lost(self) -> int:
        """Expected less captured; negative when duplicates outnumber losses."""
        return self.expected - self.packets

    @abstractmethod
    def add(self, time: float, seq: int, timestamp: int, second: int, size: int) -> None:
        """Take a packet. `second` is the header's second byte, `size` that of the whole packet."""

    def _point(self, time: float) -> None:
        points = self.points
        points.append((time, self.packets, self.bytes, self.expected, self.lost, self.jitter))
        if len(points) >= MAX_POINTS:
            del points[1::2]
            self._step *= 2
        self._next_point = time + self._step

    def finish(self) -> None:
        """Call once after the last packet."""
        if not self.points or self.points[-1][1] != self.packets:
            self._point(self.last)


class Rfc3550Stream(Stream):
    """A stream as its receiver would report it."""

    def __init__(self, clock_rate: int | None, payload_type: int = -1) -> None:
        super().__init__(clock_rate, payload_type)
        self._statistics = ReceiveStatistics(clock_rate or 1)
        self._to_seconds = 1 / clock_rate if clock_rate else 0.0
        self._next = -1
        self._first_number = 0
        self._jitters = 0.0
        self._event = (-1, 0, 0.0)
        self.strays = 0
        """Packets far from their neighbours' numbers, not counted otherwise (A.1)."""

    @property
    def expected(self) -> int:
        return self._statistics.expected

    def add(self, time: float, seq: int, timestamp: int, second: int, size: int) -> None:
        statistics = self._statistics
        if second & 0x7F != self.payload_type and self._is_event(time, timestamp, second):
            number = statistics.untimed(seq, timestamp, time, size)
        else:
            number = statistics.packet(seq, timestamp, time, size)
        if number != self._next and not self._unusual(number, time):
            return
        self._next = statistics.highest + 1
        if self.packets:
            delta = time - self.last
            if delta > self.max_delta:
                self.max_delta = delta
            if delta < self.min_delta:
                self.min_delta = delta
            jitter = self.jitter = statistics.jitter * self._to_seconds
            self._jitters += jitter
            if jitter > self.max_jitter:
                self.max_jitter = jitter
            if jitter < self.min_jitter:
                self.min_jitter = jitter
        self.packets += 1
        self.bytes += size
        self.last = time
        self.payload_types.add(second & 0x7F)
        if time >= self._next_point:
            self._point(time)

    def _is_event(self, time: float, timestamp: int, second: int) -> bool:
        """Whether a packet of another type than the media's repeats a timestamp as time goes by.

        So do telephone events, which have that of their beginning throughout (RFC 4733 section
        2.2.1); parity of a frame has the frame's, and comes with it.
        """
        payload_type = second & 0x7F
        if self.payload_type < 0:
            return False
        if self._event[:2] == (payload_type, timestamp):
            return time - self._event[2] >= MAX_IN_FRAME
        self._event = payload_type, timestamp, time
        return False

    def _unusual(self, number: int, time: float) -> bool:
        """A packet that does not follow the one before; False when it is not to be counted."""
        if number == REFUSED:
            self.strays += 1
            return False
        if self._next < 0:
            self.first = time
            self._first_number = number
        elif number > self._next:
            self.missing.gap(self._next, number)
        else:
            self.missing.late(number, self._first_number)
        return True

    def finish(self) -> None:
        if self.packets > 1:
            self.mean_delta = (self.last - self.first) / (self.packets - 1)
            self.mean_jitter = self._jitters / (self.packets - 1)
        super().finish()


def _units_a_second(clock_rate: int | None) -> int:
    """As Wireshark divides by it; 0 where it is not known."""
    return clock_rate // 1000 * 1000 if clock_rate else 0


class WiresharkStream(Stream):
    """A stream as Wireshark 4.0 shows it (see above)."""

    def __init__(self, clock_rate: int | None, payload_type: int = -1) -> None:
        super().__init__(clock_rate, payload_type)
        self._units_a_second = _units_a_second(clock_rate)
        self._first_seq = self._last_seq = 0
        self._cycles = 0
        self._under = False
        self._next = 0
        self._first_timestamp = 0
        self._timestamp = 0
        self._in_time = 0.0
        self._type_before = -1

    @property
    def expected(self) -> int:
        return self._last_seq + 65536 * self._cycles - self._first_seq + 1

    def add(self, time: float, seq: int, timestamp: int, second: int, size: int) -> None:
        payload_type = second & 0x7F
        packets = self.packets
        self.packets = packets + 1
        self.bytes += size
        if not packets:
            self._begin(time, seq, timestamp, payload_type)
            return
        in_time = (timestamp - self._first_timestamp) & 0x80000000 == 0
        next_seq = self._next & 0xFFFF
        if seq == next_seq and seq > self._first_seq and not self._under:
            self._next += 1
        else:
            self._count(seq, in_time)
        self._last_seq = seq
        self.last = time
        delta = 0.0
        units = self._units_a_second
        if payload_type != self.payload_type >= 0:
            units = _units_a_second(STATIC_CLOCK_RATES.get(payload_type))
        if in_time or not units:
            delta = time - self._in_time
            if in_time and units:
                # Signed, since a late packet has an earlier timestamp.
                change = (timestamp - self._timestamp + 0x80000000 & 0xFFFFFFFF) - 0x80000000
                difference = abs(delta - change / units)
                self.jitter += (difference - self.jitter) / 16
                self._timestamp = timestamp
        noise = payload_type in _COMFORT_NOISE or self._type_before in _COMFORT_NOISE
        if second < 0x80 and in_time and not noise:
            self._spread(delta, packets, units > 0)
        if payload_type != self._type_before:
            self._type_before = payload_type
            self.payload_types.add(payload_type)
        if in_time:
            self._in_time = time
        if time >= self._next_point:
            self._point(time)

    def _begin(self, time: float, seq: int, timestamp: int, payload_type: int) -> None:
        self.first = self.last = self._in_time = time
        self._first_seq = self._last_seq = seq
        self._next = seq + 1
        self._first_timestamp = self._timestamp = timestamp
        self._type_before = payload_type
        self.payload_types.add(payload_type)
        self._point(time)

    def _count(self, seq: int, in_time: bool) -> None:
        """Cycles as Wireshark counts them, and what is late or twice as we do."""
        if in_time:
            wraps = seq < self._first_seq or (seq == 0 and self._last_seq == 65535)
            if wraps and not self._under:
                self._cycles += 1
                self._under = True
            elif seq > self._first_seq and self._under:
                self._under = False
        step = (seq - self._next & 0xFFFF ^ 0x8000) - 0x8000
        number = self._next + step
        if step < 0:
            self.missing.late(number, self._first_seq)
            return
        if step:
            self.missing.gap(self._next, number)
        self._next = number + 1

    def _spread(self, delta: float, deltas: int, has_clock: bool) -> None:
        if delta > self.max_delta:
            self.max_delta = delta
        if delta < self.min_delta:
            self.min_delta = delta
        self.mean_delta += (delta - self.mean_delta) / deltas
        if not has_clock:
            return
        jitter = self.jitter
        if jitter > self.max_jitter:
            self.max_jitter = jitter
        if jitter < self.min_jitter:
            self.min_jitter = jitter
        self.mean_jitter += (jitter - self.mean_jitter) / deltas


MODES: dict[str, type[Rfc3550Stream] | type[WiresharkStream]] = {
    "rfc3550": Rfc3550Stream,
    "wireshark": WiresharkStream,
}
