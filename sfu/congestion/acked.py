"""How fast a receiver really gets what we send, from its acknowledgements.

Arrivals become points on a curve of bytes over the receiver's time; a rate is the slope over the
last part of it. A short part gives the rate of a bottleneck whose queue is filling, without the
time before; a long one evens out the frames of a video.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from sfu.congestion.history import Outcome

KEEP_SECONDS: Final = 2.0
MAX_JUMP: Final = 5.0
"""Seconds between two arrivals; a longer silence, or a jump of the clock, begins anew."""


class AckedRate:
    """Bytes over the receiver's time."""

    __slots__ = ("_times", "_totals")

    def __init__(self) -> None:
        self._times: list[float] = []
        self._totals: list[int] = []
        """Bytes received up to each of the times."""

    def add(self, outcomes: Sequence[Outcome]) -> None:
        """In order of sending, as `SentHistory.acknowledge` gives them."""
        times, totals = self._times, self._totals
        total = totals[-1] if totals else 0
        last = times[-1] if times else 0.0
        for _, size, packets, received, _, arrival in outcomes:
            if not received:
                continue
            if times and not -MAX_JUMP < arrival - last < MAX_JUMP:
                times.clear()
                totals.clear()
            elif times and arrival < last:
                arrival = last
            total += size if received == packets else size * received // packets
            last = arrival
            times.append(arrival)
            totals.append(total)
        if times and last - times[0] > 2 * KEEP_SECONDS:
            old = bisect_left(times, last - KEEP_SECONDS)
            del times[:old], totals[:old]

    def bps(self, window: float) -> int:
        """Bit/s over the last `window` seconds of arrivals; 0 while less than a third is known."""
        times, totals = self._times, self._totals
        if len(times) < 2:
            return 0
        end = times[-1]
        start = end - window
        if times[0] > start:
            start = times[0]
            if end - start < window / 3:
                return 0
            before = float(totals[0])
        else:
            right = bisect_left(times, start)
            before = float(totals[right])
            if times[right] > start:
                left = right - 1
                share = (times[right] - start) / (times[right] - times[left])
                before -= share * (totals[right] - totals[left])
        return int((totals[-1] - before) * 8 / (end - start))
