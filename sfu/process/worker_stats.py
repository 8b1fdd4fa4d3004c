"""What a worker reports of itself once a second, of each transport and of each track."""

from __future__ import annotations

import resource
from collections.abc import Callable, Container

from qos import figures
from sfu.control import TransportStats
from sfu.measured import DownTotals, Family, Protocol, StreamTotals, UpTotals
from sfu.net.webrtc_transport import WebRtcTransport
from sfu.receive.rtp_stream import RtpStream
from sfu.receive.up_track import UpTrack
from sfu.room.endpoint import WebRtcEndpoint
from sfu.send.down_track import DownTrack
from sfu.send.layer_selector import ALL


def transport_stats(
    endpoint: WebRtcEndpoint,
    now: float,
    unpack_address: Callable[[bytes], tuple[str, int]],
    connections: Container[bytes],
) -> TransportStats:
    """Totals and the latest figures of one transport; `now` in monotonic seconds.

    `unpack_address` reads its address, `connections` are the addresses that are reached by TCP.
    """
    transport = endpoint.transport
    subscriber, publisher = endpoint.subscriber, endpoint.publisher
    sent = (0, 0) if subscriber is None else subscriber.totals()
    received = (0, 0) if publisher is None else publisher.totals()
    downlink = None if subscriber is None else subscriber.downlink
    end = publisher or subscriber
    loss, jitter = (0.0, 0.0) if end is None else end.quality()
    protocol, family = _protocol_and_family(transport, unpack_address, connections)
    return TransportStats(
        transport=transport.id,
        packets_received=received[0],
        bytes_received=received[1],
        packets_sent=sent[0],
        bytes_sent=sent[1],
        rtt_ms=0.0 if end is None else end.rtt * 1000,
        loss_percent=loss * 100,
        jitter_ms=jitter * 1000,
        estimate_bps=0 if downlink is None else downlink.estimate_bps,
        target_bps=0 if downlink is None else downlink.allotted_bps,
        send_delay=0.0 if downlink is None else downlink.pacer.waited(now),
        protocol=protocol,
        family=family,
        moves=transport.moves,
        up=() if publisher is None else tuple([up_totals(up) for up in publisher.tracks.values()]),
        down=()
        if subscriber is None
        else tuple([down_totals(down) for down in subscriber.down_tracks.values()]),
    )


def _protocol_and_family(
    transport: WebRtcTransport,
    unpack_address: Callable[[bytes], tuple[str, int]],
    connections: Container[bytes],
) -> tuple[Protocol, Family]:
    selected = transport.selected
    if selected is None:
        return "", ""
    protocol: Protocol = "tcp" if selected in connections else "udp"
    return protocol, "ipv6" if ":" in unpack_address(selected)[0] else "ipv4"


def up_totals(track: UpTrack) -> UpTotals:
    """What came of a published track."""
    streams = [
        stream_totals(stream, stream.index in track.arriving)
        for stream in track.streams
        if stream.newest is not None
    ]
    return UpTotals(track.track, track.pop_loudest(), tuple(streams))


def stream_totals(stream: RtpStream, arriving: bool) -> StreamTotals:
    """What came of one stream."""
    count, frames = stream.statistics, stream.frames
    expected = count.expected
    waited_for = 0 if stream.nack is None else len(stream.nack)
    return StreamTotals(
        ssrc=stream.ssrc,
        rid=stream.rid,
        arriving=arriving,
        packets_received=count.received,
        bytes_received=count.bytes,
        packets_expected=expected,
        packets_lost=expected - count.received - waited_for,
        packets_missed=stream.counts.missed,
        loss_events=stream.counts.gaps,
        jitter=count.jitter_seconds,
        frames_received=frames.count,
        frame_width=stream.size[0],
        frame_height=stream.size[1],
        freeze_count=frames.freezes,
        total_freezes_duration=frames.frozen,
        counts=figures.counts(
            nack_count=stream.counts.nacks,
            pli_count=stream.counts.plis,
            retransmitted=stream.counts.repaired,
            key_frames=stream.counts.keyframes,
        ),
    )


def down_totals(down: DownTrack) -> DownTotals:
    """What was sent of a track to one receiver, and what the receiver reports of it."""
    down.settle()
    spec, stream, selector, reception = down.spec, down.stream, down.selector, down.reception
    temporal = -1
    if selector is not None and selector.temporal.limiting:
        temporal = min(selector.current.temporal, ALL)
    return DownTotals(
        up_track=spec.up_track,
        ssrc=spec.ssrc,
        packets_sent=down.packets,
        bytes_sent=down.octets,
        counts=figures.counts(
            nack_count=down.resends.nacks,
            pli_count=down.plis,
            retransmitted=down.resends.packets,
        ),
        redundancy=down.blocks,
        rid="" if stream is None else stream.rid,
        flows=stream is not None,
        temporal=temporal,
        reports=reception.reports,
        reported_highest=reception.highest_seq,
        reported_lost=reception.packets_lost,
        reported_jitter=reception.jitter / down.clock_rate,
    )


def rss_bytes() -> int:
    """Memory of this process that is in RAM."""
    try:
        with open("/proc/self/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        # Elsewhere than on Linux: the peak, which macOS gives in bytes.
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
