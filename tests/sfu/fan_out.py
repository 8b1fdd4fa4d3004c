"""One up track, one down track and everything between them, and what leaves, in clear."""

from __future__ import annotations

import ctypes

from sfu import control
from sfu.net.srtp import AEAD_AES_128_GCM, SrtpContext, SrtpProfile
from sfu.receive.rtp_stream import RtpStream
from sfu.receive.up_track import UpTrack
from sfu.send.down_track import DownTrack
from sfu.send.egress import Egress, Outbox
from sfu.send.forwarder import Forwarder
from sfu.wire import rtp
from tests.sfu.peers import down_spec, video_spec


class Wire:
    """A batch that reads what it is given, as the kernel would."""

    def __init__(self) -> None:
        self.messages: list[tuple[bytes, int]] = []

    def send(
        self, names: list[int], bases: list[int], lengths: list[int], segments: list[int]
    ) -> None:
        assert len(names) == len(bases)
        for base, length, segment in zip(bases, lengths, segments, strict=True):
            self.messages.append((ctypes.string_at(base, length), segment))

    def datagrams(self) -> list[bytes]:
        return [
            data[at : at + segment]
            for data, segment in self.messages
            for at in range(0, len(data), segment)
        ]


class Receiver:
    """One egress with its keys, and the far end's."""

    def __init__(
        self, outbox: Outbox, profile: SrtpProfile = AEAD_AES_128_GCM, cc: int = 5
    ) -> None:
        key = bytes(range(profile.key_length + profile.salt_length))
        self.egress = Egress(outbox, SrtpContext(profile, key, inbound=False), 16)
        self.egress.transport_cc_id = cc
        self.context = SrtpContext(profile, key, inbound=True)


class Scene:
    """One up track, one down track and everything between them."""

    def __init__(
        self,
        spec: control.UpTrackSpec | None = None,
        first_seq: int = 100,
        profile: SrtpProfile = AEAD_AES_128_GCM,
        cc: int = 5,
        rtx: bool = True,
        copies: bool = False,
    ) -> None:
        self.wire = Wire()
        self.outbox = Outbox(self.wire)
        self.forwarder = Forwarder(self.outbox)
        self.repairs_wanted = 0
        self.track = UpTrack(spec or video_spec("v"), "alice", self.forwarder, self._repair_soon)
        self.receiver = Receiver(self.outbox, profile, cc)
        changes = {} if rtx else {"rtx_ssrc": 0}
        down = down_spec(self.track.spec, 7000, copies=copies, **changes)
        self.down = DownTrack(down, self.receiver.egress, first_seq)
        self.down.up_track = self.track
        self.now = 1.0

    def stream(self, rid: str = "", ssrc: int = 1000) -> RtpStream:
        return self.track.stream_for(rid, ssrc)

    def _repair_soon(self) -> None:
        self.repairs_wanted += 1

    def attach(self) -> None:
        self.track.attach(self.down, self.now)

    def take(self) -> list[bytes]:
        """What leaves now, in clear."""
        self.forwarder.flush(self.now)
        self.outbox.flush(self.now)
        datagrams = self.wire.datagrams()
        self.wire.messages.clear()
        plain = [self.receiver.context.unprotect(datagram) for datagram in datagrams]
        assert None not in plain
        return [packet for packet in plain if packet is not None]


def seqs(packets: list[bytes]) -> list[int]:
    return [int.from_bytes(packet[2:4], "big") for packet in packets]


def stamps(packets: list[bytes]) -> list[int]:
    return [int.from_bytes(packet[4:8], "big") for packet in packets]


def body(packet: bytes) -> bytes:
    start = rtp.header_length(packet, 0, len(packet))
    return packet[start : len(packet) - rtp.padding_length(packet, 0, len(packet))]


def picture_ids(packets: list[bytes]) -> list[int]:
    return [int.from_bytes(body(packet)[2:4], "big") & 0x7FFF for packet in packets]
