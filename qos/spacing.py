"""Packet spacing, and the figures that studies compute from captures. No I/O.

Several Indonesian studies of conference servers take a capture and print as "delay" the time from
packet to packet, and as "jitter" its variation. That is spacing and not latency: a stream of
50 packets a second has 20 ms of it on a perfect line, and the more a server sends the "better" it
gets. We compute it so that results can be compared, and call it `meanInterArrival`.
"""

from __future__ import annotations

from typing import NamedTuple


def mean_inter_arrival(span: float, packets: int) -> float | None:
    """Seconds a packet: `span` seconds over `packets`, as the studies divide; None of none."""
    return span / packets if packets > 0 and span >= 0.0 else None


class StudyFigures(NamedTuple):
    """What such a study would print of a capture. None where there are too few packets."""

    throughput: float | None
    """bit/s: bits received over the time span."""
    mean_inter_arrival: float | None
    """Seconds: the time span over the packets. Printed there as delay."""
    variation: float | None
    """Seconds: total variation of the spacing over packets - 1. Printed there as jitter."""
    loss: float | None
    """Percent: (sent - received) / sent. None when nobody knows what was sent."""


class Spacing:
    """Follows the packets of one stream in the order of arrival. Attributes are to be read only."""

    __slots__ = ("_gap", "_last", "bytes", "packets", "span", "variation")

    def __init__(self) -> None:
        self.packets = 0
        self.bytes = 0
        self.span = 0.0
        """Seconds from the first packet to the last."""
        self.variation = 0.0
        """Seconds: sum of the changes from each gap to the next."""
        self._last: float | None = None
        self._gap: float | None = None

    def packet(self, arrival: float, size: int) -> None:
        """A packet of `size` bytes at `arrival` seconds, on the receiver's or the capture's clock.

        Across a jump of the clock backwards the gap counts as 0.
        """
        self.packets += 1
        self.bytes += size
        last, self._last = self._last, arrival
        if last is None:
            return
        gap = arrival - last
        if gap < 0.0:
            gap = 0.0
        self.span += gap
        if self._gap is not None:
            self.variation += abs(gap - self._gap)
        self._gap = gap

    def figures(self, sent: int | None = None) -> StudyFigures:
        """By the capture method; `sent` is the number of packets that the sender counted."""
        loss = None
        if sent is not None and sent > 0:
            loss = min(100.0, max(0.0, (sent - self.packets) / sent * 100))
        if self.packets < 2:
            return StudyFigures(None, None, None, loss)
        return StudyFigures(
            throughput=self.bytes * 8 / self.span if self.span > 0.0 else None,
            mean_inter_arrival=mean_inter_arrival(self.span, self.packets),
            variation=self.variation / (self.packets - 1),
            loss=loss,
        )
