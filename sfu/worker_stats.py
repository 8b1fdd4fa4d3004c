"""What a worker tells of itself once a second, and of each transport."""

from __future__ import annotations

import resource

from sfu.control import TransportStats
from sfu.ingress import Peer


def transport_stats(peer: Peer) -> TransportStats:
    """Totals and the latest figures of one transport."""
    transport = peer.transport
    subscriber, publisher = peer.subscriber, peer.publisher
    sent = (0, 0) if subscriber is None else subscriber.totals()
    received = (0, 0) if publisher is None else publisher.totals()
    downlink = None if subscriber is None else subscriber.downlink
    end = publisher or subscriber
    loss, jitter = (0.0, 0.0) if end is None else end.quality()
    return TransportStats(
        transport=transport.id,
        packets_received=received[0],
        bytes_received=received[1],
        packets_sent=sent[0],
        bytes_sent=sent[1],
        rtt_ms=0.0 if subscriber is None else subscriber.rtt * 1000,
        loss_percent=loss * 100,
        jitter_ms=jitter * 1000,
        estimate_bps=0 if downlink is None else downlink.estimate_bps,
        target_bps=0 if downlink is None else downlink.allotted_bps,
    )


def rss_bytes() -> int:
    """Memory of this process that is in RAM."""
    try:
        with open("/proc/self/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * resource.getpagesize()
    except OSError:
        # Elsewhere than on Linux: the peak, which macOS gives in bytes.
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
