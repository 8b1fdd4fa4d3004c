"""What was sent over a transport and when, until the receiver's feedback reports what arrived.

Theory of operation. The hot path notes one entry per flush, however many packets it held: `sent`
is little more than an append. `acknowledge` finds the entries that a feedback names by bisection,
lays its arrivals beside them and hands out each entry once, as soon as all its packets were
reported; nothing is done with entries that no feedback names, which is most of them on an
unconstrained path. A feedback may end within an entry; that part is kept in `_partial` until the
rest comes.

What is reported twice, too late, or was never sent is counted and changes nothing. One thing is
believed later: a packet reported missing that arrives after all (`recovered`), since a receiver
reports a reordered packet again. Not so one that was sent twice and arrived out of order: then
its copy came, and the packet itself was lost.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import pairwise
from math import inf
from operator import itemgetter
from typing import Final, NamedTuple, cast

from sfu.wire.transport_cc import TICKS_PER_REFERENCE, TICKS_PER_SECOND, TransportCc

KEEP_SECONDS: Final = 10.0
MAX_ENTRIES: Final = 8192
MAX_PACKETS: Final = 30_000
"""Less than half of the 16-bit numbers, so that a number means one packet only."""
HEADERS: Final = 28
"""Bytes of IPv4 and UDP around a datagram; of a voice on a slow link they are a fifth."""
MAX_MISSING: Final = 4096
"""Packets reported missing that may still be taken back."""
LOOK_BEHIND: Final = 8
"""Packets, of which one has arrived, that show when a copy was sent."""

_SECOND: Final = 1.0 / TICKS_PER_SECOND
_REFERENCES: Final = 1 << 24
_HALF: Final = _REFERENCES >> 1
_UNKNOWN: Final = -(1 << 60)
"""In place of an arrival: no feedback has reported this packet."""


class Outcome(NamedTuple):
    """What became of one flush."""

    sent_at: float
    """On our clock."""
    size: int
    """Bytes in all."""
    packets: int
    received: int
    """Packets that arrived: 0 to `packets`."""
    first_arrival: float
    """On the receiver's clock, seconds; of no meaning when `received` is 0."""
    last_arrival: float


_END: Final = itemgetter(0)
_TIME: Final = itemgetter(2)
_tuple: Final = tuple.__new__
"""Makes an `Outcome` in half the time of its own constructor."""


class SentHistory:
    """Entries of one transport."""

    __slots__ = (
        "_decided",
        "_end",
        "_entries",
        "_first",
        "_missing",
        "_partial",
        "_reference",
        "bytes_sent",
        "copies",
        "forged",
        "recovered",
        "repeated",
        "stale",
        "unreported",
    )

    def __init__(self, next_number: int = 0) -> None:
        """`next_number`: of the first packet that will be sent, 16 bits."""
        self._end = self._first = next_number + 0x10000
        """The number after the newest, and that of the oldest entry's first packet; not wrapped."""
        self._entries: list[tuple[int, int, float]] = []
        """Number after the last, size without headers, time."""
        self._decided = bytearray()
        self._partial: dict[int, list[int | None]] = {}
        """By first number: `_UNKNOWN`, None when missing, else ticks of arrival."""
        self._missing: dict[int, None] = {}
        self.copies: dict[int, int] = {}
        """Of packets sent twice: behind which number the second time. Neither wraps."""
        self._reference: int | None = None
        self.bytes_sent = 0
        self.forged = 0
        """Packets in feedback that were never sent."""
        self.stale = 0
        """Packets in feedback that are no longer, or not any more, known."""
        self.repeated = 0
        """Packets in feedback that had been reported before."""
        self.recovered = 0
        """Packets first reported missing, then received."""
        self.unreported = 0
        """Flushes that no feedback was taken for."""

    def sent(self, next_number: int, size: int, now: float) -> None:
        """All numbers from the last call's `next_number` up to, not including, this one (16 bits)
        were sent at `now`, `size` bytes in all."""
        self.bytes_sent += size
        count = (next_number - self._end) & 0xFFFF
        if count:
            self._end += count
            entries = self._entries
            entries.append((self._end, size, now))
            if len(entries) >= 2 * MAX_ENTRIES:
                self._forget_old(now)

    def copied(self, number: int, behind: int) -> None:
        """The packet `number` was sent once more, right behind the packet `behind` (transport-wide,
        16 bits): where it arrives no sooner than that, the first of the two was lost."""
        self.copies[self._near(number)] = self._near(behind)

    def _near(self, number: int) -> int:
        """A number that was given out just now, not wrapped."""
        return self._end + ((number - self._end + 0x8000) & 0xFFFF) - 0x8000

    def _forget_old(self, now: float) -> None:
        """Let go of entries that are too many, too old, or whose numbers may come again."""
        entries = self._entries
        decided = self._decided
        decided.extend(bytes(len(entries) - len(decided)))
        old = max(
            len(entries) - MAX_ENTRIES,
            bisect_left(entries, now - KEEP_SECONDS, key=_TIME),
            # One begins where the one before ends.
            bisect_left(entries, self._end - MAX_PACKETS, key=_END) + 1
            if self._first < self._end - MAX_PACKETS
            else 0,
        )
        if old > 0:
            self._forget(min(old, len(entries)))

    def _forget(self, old: int) -> None:
        self.unreported += self._decided.count(0, 0, old)
        before = self._first = self._entries[old - 1][0]
        del self._entries[:old], self._decided[:old]
        for start in [start for start in self._partial if start < before]:
            del self._partial[start]
        for number in [number for number in self._missing if number < before]:
            del self._missing[number]
        copies = self.copies
        while copies and (oldest := next(iter(copies))) < before:
            del copies[oldest]

    def ends(self, feedback: TransportCc) -> tuple[float, float, float] | None:
        """When the first packet of this feedback arrived, its delay and that of the last one.

        Seconds; a delay is arrival less departure, on two clocks. None when not all arrived, or
        when packets are named that are not known. Nothing is decided by it.
        """
        arrivals, entries = feedback.arrivals, self._entries
        back = (self._end - feedback.base_seq) & 0xFFFF
        base = self._end - back
        if not back or base < self._first or not 0 < len(arrivals) <= back or None in arrivals:
            return None
        gaps = cast("tuple[int, ...]", arrivals)
        start = feedback.reference_time * TICKS_PER_REFERENCE
        shift = self._epoch(feedback.reference_time)
        arrived = (start + gaps[0]) * _SECOND + shift
        newest = bisect_right(entries, base + len(gaps) - 1, key=_END)
        oldest = bisect_right(entries, base, 0, newest + 1, key=_END)
        last = (start + sum(gaps)) * _SECOND + shift - entries[newest][2]
        return arrived, arrived - entries[oldest][2], last

    def acknowledge(self, feedback: TransportCc, now: float) -> list[Outcome]:
        """Flushes that this feedback decides, in order of sending."""
        self._forget_old(now)
        entries = self._entries
        count = len(feedback.arrivals)
        back = (self._end - feedback.base_seq) & 0xFFFF
        if not back or back > MAX_PACKETS or not entries:
            # A number ahead of the newest, or so old that it is the same.
            self.forged += count
            return []
        base = self._end - back
        stop = base + count
        if stop > self._end:
            self.forged += stop - self._end
            stop = self._end
        if base < self._first:
            self.stale += min(stop, self._first) - base
        first = bisect_right(entries, base, key=_END)
        last = min(bisect_left(entries, stop, first, key=_END) + 1, len(entries))
        if first >= last or stop <= self._first:
            return []
        return self._decide(feedback, base, stop, first, last)

    def _decide(
        self, feedback: TransportCc, base: int, stop: int, first: int, last: int
    ) -> list[Outcome]:
        """Entries `first` up to `last` lie, in part at least, within `base` up to `stop`."""
        ticks = feedback.ticks()
        if self.copies:
            self._leave_copies_out(base, ticks)
        shift = self._epoch(feedback.reference_time)
        entries = self._entries
        start = entries[first - 1][0] if first else self._first
        before = entries[last - 2][0] if last > 1 else self._first
        # What is reported in full, for the first time: all but the ends, and mostly those too.
        low = first + (start < base or start in self._partial)
        high = max(low, last - (entries[last - 1][0] > stop or before in self._partial))
        if low < high and self._decided.find(1, low, high) < 0:
            try:
                ordered = ticks == sorted(cast("list[int]", ticks))
            except TypeError:
                ordered = False
            if ordered:
                found = self._decide_each(base, stop, first, low, ticks, shift)
                start = entries[low - 1][0] if low else self._first
                for end, size, at in entries[low:high]:
                    packets = end - start
                    arrived = ticks[start - base] * _SECOND + shift  # type: ignore[operator]
                    left = ticks[end - base - 1] * _SECOND + shift  # type: ignore[operator]
                    octets = size + HEADERS * packets
                    found.append(_tuple(Outcome, (at, octets, packets, packets, arrived, left)))
                    start = end
                self._decided[low:high] = b"\x01" * (high - low)
                return found + self._decide_each(base, stop, high, last, ticks, shift)
        return self._decide_each(base, stop, first, last, ticks, shift)

    def _leave_copies_out(self, base: int, ticks: list[int | None]) -> None:
        """What arrived by its copy only counts as missing: the path has lost it."""
        copies = self.copies
        for place, tick in enumerate(ticks):
            behind = copies.get(base + place)
            if behind is None or tick is None:
                continue
            later = (t for t in ticks[behind - base : behind - base + LOOK_BEHIND] if t is not None)
            if tick >= next(later, inf):
                ticks[place] = None

    def _decide_each(
        self, base: int, stop: int, first: int, last: int, ticks: list[int | None], shift: float
    ) -> list[Outcome]:
        """As `_decide`, with losses, packets out of order, repeated or reported in part."""
        decided, partial = self._decided, self._partial
        found: list[Outcome] = []
        entries = self._entries
        edges = [entries[first - 1][0] if first else self._first]
        edges += [entry[0] for entry in entries[first:last]]
        for index, (start, end) in enumerate(pairwise(edges), first):
            _, size, at = entries[index]
            size += HEADERS * (end - start)
            if decided[index]:
                self._repeat(max(start, base), ticks[max(start - base, 0) : end - base])
                continue
            if start < base or end > stop or start in partial:
                chunk = self._merge(start, end, base, stop, ticks)
                if not chunk:
                    continue
                size = size * len(chunk) // (end - start)
            else:
                chunk = ticks[start - base : end - base]
                if None in chunk:
                    self._note_missing(start, chunk)
            decided[index] = 1
            came = [tick for tick in chunk if tick is not None]
            arrived, left = 0.0, 0.0
            if came:
                arrived, left = min(came) * _SECOND + shift, max(came) * _SECOND + shift
            found.append(_tuple(Outcome, (at, size, len(chunk), len(came), arrived, left)))
        return found

    def _epoch(self, reference_time: int) -> float:
        """Seconds to add to arrivals, so that the 24-bit reference time does not wrap."""
        if self._reference is None:
            self._reference = reference_time
        else:
            step = (reference_time - self._reference + _HALF) % _REFERENCES - _HALF
            self._reference += step
        return (self._reference - reference_time) * TICKS_PER_REFERENCE * _SECOND

    def _note_missing(self, start: int, chunk: list[int | None]) -> None:
        if len(self._missing) < MAX_MISSING:
            for number, tick in enumerate(chunk, start):
                if tick is None:
                    self._missing[number] = None

    def _repeat(self, start: int, chunk: list[int | None]) -> None:
        """Packets from `start` on, of an entry that was decided, are reported again."""
        self.repeated += len(chunk)
        missing = self._missing
        if missing:
            for number, tick in enumerate(chunk, start):
                if tick is not None and number in missing:
                    del missing[number]
                    self.recovered += 1

    def _merge(
        self, start: int, end: int, base: int, stop: int, ticks: list[int | None]
    ) -> list[int | None]:
        """Add to an entry what a feedback reports of a part of it.

        Returns all that is known once its last packet was reported (packets that no feedback
        names are left out), before that nothing.
        """
        slots = self._partial.setdefault(start, [_UNKNOWN] * (end - start))
        for number in range(max(start, base), min(end, stop)):
            tick = ticks[number - base]
            if tick is not None:
                slots[number - start] = tick
            elif slots[number - start] == _UNKNOWN:
                slots[number - start] = None
        if slots[-1] == _UNKNOWN:
            return []
        del self._partial[start]
        if _UNKNOWN not in slots:
            self._note_missing(start, slots)
        return [tick for tick in slots if tick != _UNKNOWN]
