"""Transport-wide feedback on what arrived from one publisher.

Theory of operation. `packet` notes when each transport-wide sequence number arrived; `build`,
called from a tick, describes everything since the last call, with what is missing in between.
Arrivals are kept for half a second after that: when a packet comes late for a range that was
reported without it, the next report starts at it again, as Chromium's does, so that the sender
learns that it was late and not lost.

Nearly always every packet arrives, in line. Then (`_plain`) there is nothing to keep of the past,
and a list of times since the last report is all.
"""

from __future__ import annotations

from operator import sub

from sfu.wire import transport_cc

MAX_GAP = 2048
"""Packets: a larger jump is a stalled or broken sender, and the count begins anew."""
KEEP_SECONDS = 0.5
MAX_KEPT = 4096
"""Arrivals; the oldest go first when `build` is not called in time."""
MAX_RECEIVED = 190
"""Received packets in one feedback.

Each takes at most two bytes for its gap, and from one to the next at most two chunks begin: with
the 20 bytes before them this stays within 1200.
"""


class TransportCcFeedback:
    """Collects arrivals of one transport and writes the feedback."""

    __slots__ = (
        "_arrivals",
        "_count",
        "_expected",
        "_forgotten",
        "_line",
        "_newest",
        "_plain",
        "_sender_ssrc",
        "_start",
        "_unsettled_at",
    )

    def __init__(self, sender_ssrc: int) -> None:
        self._sender_ssrc = sender_ssrc
        self._arrivals: dict[int, int] = {}
        """In order of arrival: extended sequence number to time in 250 us units."""
        self._newest = -1
        self._expected = -1
        """What is seen nearly always: the next number, 16 bits."""
        self._start = 0
        """The next report begins here."""
        self._forgotten = -1
        """Highest of the numbers whose arrival is no longer kept."""
        self._count = 0
        self._line: list[int] = []
        """While plain: the times from `_start` to `_newest`; `_arrivals` is empty then."""
        self._plain = False
        self._unsettled_at = 0
        """When something last came out of line."""

    def packet(self, seq16: int, arrival: float) -> None:
        """A packet arrived; `arrival` in seconds on a steady clock."""
        if self._plain:
            self.packets([seq16], arrival)
        elif seq16 == self._expected:
            self._newest = seq = self._newest + 1
            self._expected = seq16 + 1 & 0xFFFF
            self._arrivals[seq] = int(arrival * transport_cc.TICKS_PER_SECOND + 0.5)
        else:
            self._out_of_line(seq16, int(arrival * transport_cc.TICKS_PER_SECOND + 0.5))

    def packets(self, numbers: list[int], arrival: float) -> None:
        """Packets arrived together, in this order; as `packet` for each."""
        ticks = int(arrival * transport_cc.TICKS_PER_SECOND + 0.5)
        if self._plain:
            count, first = len(numbers), self._expected
            end = first + count
            if numbers[0] == first and end <= 0x10000 and numbers == list(range(first, end)):
                self._line += [ticks] * count
                self._newest += count
                self._expected = end & 0xFFFF
                return
            self._leave_line()
        expected, newest, arrivals = self._expected, self._newest, self._arrivals
        for seq16 in numbers:
            if seq16 == expected:
                newest += 1
                arrivals[newest] = ticks
                expected = seq16 + 1 & 0xFFFF
            else:
                self._expected, self._newest = expected, newest
                self._out_of_line(seq16, ticks)
                expected, newest = self._expected, self._newest
        self._expected, self._newest = expected, newest

    def _out_of_line(self, seq16: int, ticks: int) -> None:
        """The first packet, one after a gap, a late one or a duplicate."""
        self._unsettled_at = ticks
        newest = self._newest
        ahead = ((seq16 - newest + 0x8000) & 0xFFFF) - 0x8000
        if newest < 0 or ahead > MAX_GAP or ahead < -MAX_GAP:
            seq = self._restart(seq16)
        else:
            seq = newest + ahead
            if ahead > 0:
                self._newest = seq
            elif seq in self._arrivals or seq <= self._forgotten:
                return
            elif seq < self._start:
                self._start = seq
        self._expected = self._newest + 1 & 0xFFFF
        self._arrivals[seq] = ticks

    def _leave_line(self) -> None:
        """Something is not in line: the past matters."""
        self._plain = False
        self._forgotten = self._start - 1
        self._arrivals.update(enumerate(self._line, self._start))
        self._line = []

    def _enter_line(self, now: float) -> None:
        """After a report: what is missing is too old by now, so the past need not be kept."""
        settled = int((now - KEEP_SECONDS) * transport_cc.TICKS_PER_SECOND)
        if self._newest >= 0 and self._unsettled_at < settled:
            self._plain = True
            self._arrivals.clear()

    def _restart(self, seq16: int) -> int:
        self._arrivals.clear()
        # One cycle up, so that a packet a little before the first has a number too.
        seq = self._newest = self._start = seq16 + 0x10000
        self._forgotten = -1
        return seq

    def _forget_oldest(self) -> None:
        seq = next(iter(self._arrivals))
        del self._arrivals[seq]
        self._forgotten = max(self._forgotten, seq)
        self._start = max(self._start, seq + 1)

    def build(self, now: float, media_ssrc: int) -> list[bytes]:
        """RTCP packets, at most 1200 bytes each; none when nothing has arrived since the last.

        `now` on the clock of the arrivals. `media_ssrc` is any SSRC of the publisher.
        """
        if self._plain:
            if not self._line:
                return []
            packet = self._report_line(media_ssrc)
            if packet:
                return [packet]
            self._leave_line()
        while len(self._arrivals) > MAX_KEPT:
            self._forget_oldest()
        packets: list[bytes] = []
        if self._newest >= self._start:
            self._report(media_ssrc, packets)
            self._start = self._newest + 1
        self._forget(int((now - KEEP_SECONDS) * transport_cc.TICKS_PER_SECOND))
        self._enter_line(now)
        return packets

    def _report_line(self, media_ssrc: int) -> bytes:
        """One packet on all of `_line`, or nothing when it does not fit the short form."""
        line = self._line
        reference = line[0] // transport_cc.TICKS_PER_REFERENCE
        deltas = [line[0] - reference * transport_cc.TICKS_PER_REFERENCE, *map(sub, line[1:], line)]
        if len(line) > MAX_RECEIVED or min(deltas) < 0 or max(deltas) > 0xFF:
            return b""
        count = self._count
        self._count = (count + 1) & 0xFF
        packet = transport_cc.encode_all_received(
            self._sender_ssrc, media_ssrc, self._start, reference, count, deltas
        )
        self._start = self._newest + 1
        self._line = []
        return packet

    def _report(self, media_ssrc: int, packets: list[bytes]) -> None:
        arrivals = self._arrivals
        base = seq = self._start
        deltas: list[int | None] = []
        reference = last = received = 0
        for seq in self._reported():
            ticks = arrivals[seq]
            gap = seq - base - len(deltas)
            delta = ticks - last
            if received and (
                received == MAX_RECEIVED
                or len(deltas) + gap >= transport_cc.MAX_STATUSES
                or not transport_cc.MIN_DELTA <= delta <= transport_cc.MAX_DELTA
            ):
                packets.append(self._encode(media_ssrc, base, reference, deltas))
                base += len(deltas)
                deltas = []
                received = 0
            if not received:
                reference = ticks // transport_cc.TICKS_PER_REFERENCE
                delta = ticks - reference * transport_cc.TICKS_PER_REFERENCE
            deltas.extend([None] * gap)
            deltas.append(delta)
            last = ticks
            received += 1
        packets.append(self._encode(media_ssrc, base, reference, deltas))

    def _reported(self) -> list[int]:
        """What arrived from `_start` on, in order of number."""
        arrivals, start, end = self._arrivals, self._start, self._newest + 1
        if end - start <= 2 * len(arrivals):
            return [seq for seq in range(start, end) if seq in arrivals]
        # Few packets far apart: looking at each number between them would take longer.
        return sorted(seq for seq in arrivals if seq >= start)

    def _encode(
        self, media_ssrc: int, base: int, reference: int, deltas: list[int | None]
    ) -> bytes:
        count = self._count
        self._count = (count + 1) & 0xFF
        return transport_cc.encode(self._sender_ssrc, media_ssrc, base, reference, count, deltas)

    def _forget(self, before: int) -> None:
        arrivals = self._arrivals
        forgotten = self._forgotten
        old = []
        for seq, ticks in arrivals.items():
            if ticks >= before:
                break
            old.append(seq)
        for seq in old:
            del arrivals[seq]
            if seq > forgotten:
                forgotten = seq
        self._forgotten = forgotten
