"""Round-trip times from RTCP: SR and RR (RFC 3550 clause 6.4.1), RRTR and DLRR (RFC 3611). No I/O.

Both work alike. One side sends its clock (the NTP time of a sender report, or of an RRTR block);
the other returns its middle 32 bits with the time that it kept them (LSR and DLSR in a report
block, LRR and DLRR in a DLRR block). Then A - LSR - DLSR is the round trip, whatever the other
clock says. All of it in 1/65536 s, modulo 2^32: it wraps every 18 hours.
"""

from __future__ import annotations

import math
from typing import Final

TICKS: Final = 65536
"""A second, in the unit of LSR and DLSR."""
MAX_ROUND_TRIP: Final = 60.0
"""Seconds. What comes out longer is an error or a lie, not a round trip."""
_UNIX_TO_NTP: Final = 2_208_988_800


def middle_of_unix(seconds: float) -> int:
    """Middle 32 bits of the NTP time of a Unix time in seconds, as LSR and LRR carry it.

    Raises ValueError for what is not finite.
    """
    if not math.isfinite(seconds):
        raise ValueError(f"{seconds} is no time")
    return int((seconds + _UNIX_TO_NTP) * TICKS) & 0xFFFFFFFF


def delay_since(then: float, now: float) -> int:
    """DLSR or DLRR: from `then` to `now`, seconds on a steady clock, in 1/65536 s.

    Held between 0 and what 32 bits carry, 18 hours. Raises ValueError for what is not finite.
    """
    if not math.isfinite(now - then):
        raise ValueError(f"{then} to {now} is no time")
    return min(0xFFFFFFFF, max(0, int((now - then) * TICKS)))


def round_trip(arrival: int, last: int, delay: int) -> float | None:
    """Seconds of a round trip, 0 to `MAX_ROUND_TRIP`; None when the report has none.

    `arrival` is the middle of our NTP time at which the report came (`middle_of_unix`), `last` its
    LSR or LRR, `delay` its DLSR or DLRR, all in 1/65536 s. None where `last` is 0: the other side
    has had no report of ours yet (RFC 3550 clause 6.4.1, RFC 3611 clause 4.5). None too for more
    than a minute, which includes what is less than 0 by more than rounding.
    """
    if last == 0:
        return None
    ticks = (arrival - last - delay) & 0xFFFFFFFF
    if ticks > 0xFFFFFFFF - TICKS // 100:
        # Both sides round down, and clocks are read in turn: up to 10 ms below 0 is 0.
        return 0.0
    seconds = ticks / TICKS
    return seconds if seconds <= MAX_ROUND_TRIP else None


class RoundTrips:
    """The round trips of one path. Attributes are to be read only; names as in webrtc-stats."""

    __slots__ = ("latest", "least", "measurements", "total")

    def __init__(self) -> None:
        self.latest: float | None = None
        """`roundTripTime`, seconds; None before the first."""
        self.least: float | None = None
        """Seconds: nearest to what the line takes without queues."""
        self.measurements = 0
        """`roundTripTimeMeasurements`."""
        self.total = 0.0
        """`totalRoundTripTime`, seconds."""

    def report(self, arrival: int, last: int, delay: int) -> float | None:
        """Take a report block or a DLRR entry: arguments and result of `round_trip`."""
        seconds = round_trip(arrival, last, delay)
        if seconds is not None:
            self.latest = seconds
            self.least = seconds if self.least is None else min(self.least, seconds)
            self.measurements += 1
            self.total += seconds
        return seconds

    @property
    def mean(self) -> float | None:
        """Seconds; None before the first."""
        return self.total / self.measurements if self.measurements else None
