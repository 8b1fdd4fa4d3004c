"""What a down track needs of those above it: the stream that it flows from, and its up track."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from sfu.congestion.allocator import LayerOffer
from sfu.receive.rtp_stream import RtpStream
from sfu.wire.packet import PAYLOAD, SEQ, TIMESTAMP, Packet


class Sent:
    """What was sent of one stream to all its receivers at once; each counts the difference since it
    joined."""

    __slots__ = ("at", "octets", "packets", "seq", "timestamp")

    def __init__(self) -> None:
        self.packets = 0
        self.octets = 0
        """Payload bytes."""
        self.seq = -1
        """Of the last packet, extended."""
        self.timestamp = 0
        self.at = 0.0
        """Monotonic seconds."""

    def note(self, packets: Sequence[Packet], now: float) -> None:
        """These have been sent, the newest last."""
        self.packets += len(packets)
        self.octets += sum([len(packet[PAYLOAD]) for packet in packets])
        last = packets[-1]
        self.seq = last[SEQ]
        self.timestamp = last[TIMESTAMP]
        self.at = now


Receiver = TypeVar("Receiver", contravariant=True)
"""The down track."""


class Source(Protocol[Receiver]):
    """One stream and whom it flows to; `sfu.send.fan_out.FanOut`."""

    stream: RtpStream
    sent: Sent

    def add(self, down_track: Receiver) -> None:
        """It flows to this one from now on."""

    def remove(self, down_track: Receiver) -> None:
        """It no longer does."""

    def lay_lanes(self) -> None:
        """Something about one of them has changed."""


class Published(Protocol[Receiver]):
    """The track that a down track shows, as its publisher sends it; `sfu.receive.up_track`."""

    silenced: bool
    changes: int

    @property
    def streams(self) -> Sequence[RtpStream]:
        """Low to high."""

    def offers(self, now: float) -> list[LayerOffer]:
        """The layers that can be had."""

    def detach(self, down_track: Receiver) -> None:
        """It is gone."""

    def retarget(self, down_track: Receiver, now: float) -> None:
        """Its selector has a new target."""

    def request_keyframe(self, down_track: Receiver) -> None:
        """Its receiver cannot go on."""
