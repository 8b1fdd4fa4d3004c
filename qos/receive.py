"""What a receiver knows of one SSRC: RFC 3550 appendices A.1, A.3 and A.8.

Theory of operation. `packet` is called once for each authentic packet in the order of arrival
and keeps plain numbers only; `report` is called when a report block is due. Three choices differ
from the appendix, since SRTP stands before us:

- No probation. A packet that passed authentication belongs to the stream.
- A packet may be late by as much as the SRTP replay window of 1024, not 100: a resend on a slow
  path comes that late, and two of them must not look like a restart.
- After a restart the extended number goes on upwards and the totals are kept, so that what is
  keyed by it never sees a number twice and `lost` is a total over the call. (The appendix starts
  anew; RFC 3550 lets the cycle count differ between receivers.)

A restart is a jump of `MAX_DROPOUT` or more that the next packet in sequence confirms.
"""

from __future__ import annotations

MAX_DROPOUT = 3000
"""A larger step forward needs to be confirmed."""
MAX_MISORDER = 1024
"""How far behind the highest a packet may be."""
MAX_TIMESTAMP_JUMP = 5
"""Seconds: a larger change of transit time is a new timestamp origin or its wrap, not jitter."""
DECAY = 15 / 16
"""Of the jitter with each packet that shows no change of transit (appendix A.8)."""
REFUSED = -0x10000
"""Returned instead of an extended sequence number; below any."""

_NO_SEQ = 0x10000


class ReceiveStatistics:
    """Statistics of one SSRC. Attributes are to be read only."""

    __slots__ = (
        "_base",
        "_expected_prior",
        "_max_transit_change",
        "_received_prior",
        "_restart_seq",
        "_transit",
        "bytes",
        "clock_rate",
        "highest",
        "jitter",
        "received",
    )

    def __init__(self, clock_rate: int) -> None:
        self.clock_rate = clock_rate
        """Timestamp units a second."""
        self.received = 0
        """Packets, late ones and duplicates included."""
        self.bytes = 0
        """As given to `packet`."""
        self.highest = -1
        """Highest extended sequence number; -1 before the first packet."""
        self.jitter = 0.0
        """Timestamp units, RFC 3550 appendix A.8."""
        self._base = 0
        self._transit: float | None = None
        self._max_transit_change = float(MAX_TIMESTAMP_JUMP * clock_rate)
        self._restart_seq = _NO_SEQ
        self._expected_prior = 0
        self._received_prior = 0

    def packet(self, seq: int, timestamp: int, arrival: float, size: int) -> int:
        """Count a packet; its extended sequence number (cycles * 65536 + `seq`), or `REFUSED`.

        `seq` and `timestamp` as in the header, `arrival` in seconds on a steady clock, `size` in
        bytes. Refused is the first packet after a big jump, which may be a stray one: it is not
        counted and should not be forwarded. A packet from before the first cycle has a negative
        number: it counts as received (appendix A.3), but has no place in what is sent on.

        Jitter is computed on every packet as the RFC has it, although the packets of one video
        frame share a timestamp: their spacing then counts as jitter. So our figure is the one
        that other implementations report.
        """
        highest = self.highest
        delta = (seq - highest) & 0xFFFF
        if 0 < delta < MAX_DROPOUT and highest >= 0:
            extended = self.highest = highest + delta
        else:
            extended = self._unusual(seq, delta)
            if extended == REFUSED:
                return REFUSED
        self.received += 1
        self.bytes += size
        transit = arrival * self.clock_rate - timestamp
        if self._transit is not None:
            change = transit - self._transit
            if change < 0.0:
                change = -change
            if change < self._max_transit_change:
                self.jitter += (change - self.jitter) / 16.0
        self._transit = transit
        return extended

    def untimed(self, seq: int, timestamp: int, arrival: float, size: int) -> int:
        """As `packet`, of one whose timestamp is not its sending time: no jitter."""
        jitter, transit = self.jitter, self._transit
        extended = self.packet(seq, timestamp, arrival, size)
        self.jitter, self._transit = jitter, transit
        return extended

    def in_line(self, timestamps: list[int], arrival: float, size: int) -> None:
        """As `packet` for packets that follow the highest without a gap and arrived together.

        `size` is the sum of theirs, in bytes.
        """
        count = len(timestamps)
        self.highest += count
        self.received += count
        self.bytes += size
        jitter, last = self.jitter, self._transit
        now = arrival * self.clock_rate
        rest = 0
        if timestamps[0] == timestamps[-1]:
            # One frame, or a part of it. Same timestamp, same arrival: no change of transit, but
            # that counts too.
            rest = count - 1
            timestamps = timestamps[:1]
        for timestamp in timestamps:
            transit = now - timestamp
            if last is not None:
                change = abs(transit - last)
                if change > 2147483648.0:
                    change = abs(change - 4294967296.0)
                if change < self._max_transit_change:
                    jitter += (change - jitter) / 16.0
            last = transit
        self.jitter = jitter * DECAY**rest if rest else jitter
        self._transit = last

    def _unusual(self, seq: int, delta: int) -> int:
        """The first packet, a duplicate, a late one or a jump: extended number or REFUSED."""
        highest = self.highest
        if highest < 0:
            self.highest = self._base = seq
            return seq
        if delta == 0 or delta > 0x10000 - MAX_MISORDER:
            return highest if delta == 0 else highest + delta - 0x10000
        if seq != self._restart_seq:
            self._restart_seq = (seq + 1) & 0xFFFF
            return REFUSED
        expected = self.expected
        self.highest = highest + delta
        self._base = self.highest - expected
        self._restart_seq = _NO_SEQ
        self._transit = None
        return self.highest

    @property
    def expected(self) -> int:
        """Packets that were sent, by the sequence numbers."""
        return self.highest - self._base + 1 if self.highest >= 0 else 0

    @property
    def lost(self) -> int:
        """Expected less received; negative when duplicates outnumber losses."""
        return self.expected - self.received

    @property
    def jitter_seconds(self) -> float:
        return self.jitter / self.clock_rate

    def report(self) -> tuple[int, int, int, int]:
        """Fraction lost (0-255), packets lost (signed 24 bits), highest sequence, jitter.

        As a report block carries them (RFC 3550 appendix A.3). The fraction is that since the
        last call, so each call is to be sent. All 0 before the first packet.
        """
        expected = self.expected
        expected_interval = expected - self._expected_prior
        received_interval = self.received - self._received_prior
        self._expected_prior = expected
        self._received_prior = self.received
        lost_interval = expected_interval - received_interval
        fraction = 0
        if expected_interval > 0 and lost_interval > 0:
            # Below 256, since the packet that raised the expectation was received.
            fraction = (lost_interval << 8) // expected_interval
        lost = max(-0x800000, min(0x7FFFFF, expected - self.received))
        return fraction, lost, max(0, self.highest) & 0xFFFFFFFF, int(self.jitter)
