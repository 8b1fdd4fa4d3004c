"""What a probe's cluster showed of the link, from when its bursts were sent and arrived.

The rates of both tell the link's (libwebrtc's goog_cc/probe_bitrate_estimator.cc): a cluster that
arrives as fast as it was sent shows that the link carries that rate, one that arrives more slowly
has met the bottleneck. A receiver that reads many packets at once bunches their arrivals; so where
the last burst met no queue, all before it had been carried, whatever the arrivals say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sfu.congestion.history import Outcome

REACHED: Final = 0.9
"""A cluster that arrived at this share of the speed it was sent with did not meet a bottleneck."""
MIN_RECEIVED: Final = 0.5
"""Share of its packets below which a cluster shows nothing."""
LOSS_MARGIN: Final = 0.05
"""Share of packets lost above what is usual that is not the cluster's doing."""
UNQUEUED: Final = 0.005
"""Seconds above the lowest delay that are no queue."""
MAX_RATIO: Final = 2.0
"""Arrived so many times faster than sent: held up in the network and let go together, it shows
nothing."""


class ProbeResult:
    """What a cluster showed."""

    __slots__ = ("bps", "saturated")

    def __init__(self, bps: float, saturated: bool) -> None:
        self.bps = bps
        """That the link carries."""
        self.saturated = saturated
        """It arrived more slowly than it was sent: no use in trying more."""


def measure(
    outcomes: Sequence[Outcome], loss: float = 0.0, lowest_delay: float | None = None
) -> ProbeResult | None:
    """The result of one cluster, from the outcomes of its flushes; None when they show nothing.

    `loss`, 0 to 1, is usual on the link: as much and a little more is not the cluster's doing.
    `lowest_delay` is the least of late from departure to arrival, in seconds on the two clocks.
    """
    packets = sum([outcome.packets for outcome in outcomes])
    arrived = [outcome for outcome in outcomes if outcome.received]
    received = sum([outcome.received for outcome in arrived])
    if len(arrived) < 2 or received < MIN_RECEIVED * packets:
        return None
    sent_for = outcomes[-1].sent_at - outcomes[0].sent_at
    first, last = arrived[0].first_arrival, max([o.last_arrival for o in arrived])
    sizes = [o.size * o.received / o.packets for o in arrived]
    if sent_for <= 0:
        return None
    # The last burst ends the time of sending, the first packet begins that of arriving.
    send_bps = sum([o.size for o in outcomes[:-1]]) * 8 / sent_for
    lost = packets - received > (loss + LOSS_MARGIN) * packets
    final = arrived[-1]
    if lowest_delay is not None and final is outcomes[-1] and not lost:
        delay = final.last_arrival - final.sent_at
        if delay <= lowest_delay + UNQUEUED:
            return ProbeResult(send_bps, False)
    if last <= first:
        return None
    receive_bps = (sum(sizes) - sizes[0] / arrived[0].received) * 8 / (last - first)
    if not lost:
        receive_bps *= packets / received
    if receive_bps > MAX_RATIO * send_bps:
        return None
    saturated = receive_bps < REACHED * send_bps
    return ProbeResult(min(send_bps, receive_bps), saturated)
