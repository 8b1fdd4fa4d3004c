"""A transport whose keys are there from the start, and the far end of it."""

from __future__ import annotations

from typing import Any

from sfu.net.srtp import AEAD_AES_128_GCM, SrtpContext, SrtpProfile
from sfu.wire import rtcp


def context(profile: SrtpProfile = AEAD_AES_128_GCM, *, inbound: bool) -> SrtpContext:
    """With a key that everybody in a test knows."""
    return SrtpContext(
        profile, bytes(range(profile.key_length + profile.salt_length)), inbound=inbound
    )


class KeyedTransport:
    """A `Transport` without checks and handshakes, always open; keeps the RTCP that it sends."""

    def __init__(
        self, name: str = "t", participant: str = "p", profile: SrtpProfile = AEAD_AES_128_GCM
    ) -> None:
        self.id = name
        self.participant = participant
        self.selected: bytes | None = name.encode().ljust(16, b"\0")[:16]
        self.is_open = True
        self.is_over = False
        self.inbound: SrtpContext | None = context(profile, inbound=True)
        self.outbound: SrtpContext | None = context(profile, inbound=False)
        self.far_end = context(profile, inbound=True)
        """Deciphers what is sent over it."""
        self.far_sender = context(profile, inbound=False)
        """Enciphers what comes in over it."""
        self.compounds: list[bytes] = []
        """RTCP sent, as it was."""
        self.rtcp: list[rtcp.Packet] = []
        """The same, read."""
        self.ticked_at = 0.0
        self.is_used_up = False

    def send_rtcp(self, packet: bytes, now: float) -> None:
        self.compounds.append(packet)
        self.rtcp += rtcp.parse(packet)

    def sent(self, kind: type[rtcp.Packet]) -> list[Any]:
        """What it sent of one kind."""
        return [packet for packet in self.rtcp if isinstance(packet, kind)]

    def heard(self, address: bytes, now: float) -> None:
        """It is always there."""

    def address_lost(self, address: bytes, now: float) -> None:
        """It has one for good."""

    def use_up(self) -> None:
        self.is_used_up = True

    def tick(self, now: float) -> None:
        self.ticked_at = now
