"""What the worker counts of each track, as it leaves the worker once a second. No I/O.

All counts are totals since the stream or down track began, so a message that is lost or late loses
nothing; rates are differences. Names follow W3C webrtc-stats where it has the
quantity (`inbound-rtp`, `outbound-rtp`, `remote-inbound-rtp`). What is only counted is declared in
`qos.figures` and goes as one field. The structs go as arrays: a room of ten people has 180 down
tracks.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from qos.figures import Counts


class StreamTotals(msgspec.Struct, frozen=True, array_like=True):
    """One incoming RTP stream, a simulcast layer or the lone stream of its track."""

    ssrc: int
    rid: str
    arriving: bool
    """Packets have come of it of late."""
    packets_received: int
    bytes_received: int
    """Of payload."""
    packets_expected: int
    packets_lost: int
    """RFC 3550 appendix A.3, without those that have been asked for again and may still come;
    negative when duplicates outnumber them."""
    packets_missed: int
    """Found missing on arrival, repaired later or not."""
    loss_events: int
    """Runs of missing packets on arrival."""
    jitter: float
    """Seconds, RFC 3550 appendix A.8."""
    frames_received: int
    frame_width: int
    frame_height: int
    freeze_count: int
    total_freezes_duration: float
    """Seconds."""
    counts: Counts


class UpTotals(msgspec.Struct, frozen=True, array_like=True):
    """One published track (`inbound-rtp`)."""

    track: str
    audio_level: int
    """Loudest since the last message, -dBov (RFC 6464); 127: silence, or not known."""
    streams: tuple[StreamTotals, ...]
    """Low to high."""


class DownTotals(msgspec.Struct, frozen=True, array_like=True):
    """One track to one receiver (`outbound-rtp`), and what the receiver reports of it
    (`remote-inbound-rtp`)."""

    up_track: str
    ssrc: int
    packets_sent: int
    """Without resends."""
    bytes_sent: int
    """Of payload, without resends."""
    counts: Counts
    redundancy: int
    """Earlier frames that go along with each (RFC 2198)."""
    rid: str
    """Of the layer that flows."""
    flows: bool
    temporal: int
    """Highest temporal layer that is sent; -1: all that there are."""
    reports: int
    """Report blocks that came."""
    reported_highest: int
    """Extended highest sequence number received, of the latest."""
    reported_lost: int
    """Cumulative, signed."""
    reported_jitter: float
    """Seconds."""


Protocol = Literal["", "udp", "tcp"]
Family = Literal["", "ipv4", "ipv6"]
