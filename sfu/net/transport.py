"""What media is sent and received over, whatever it is."""

from __future__ import annotations

from typing import Protocol

from sfu.net.srtp import SrtpContext


class Transport(Protocol):
    """One association with a peer, as publishers, subscribers and rooms use it.

    `sfu.net.webrtc_transport` is the one with browsers. One whose keys come by signaling, as of a
    relay between machines, fits too: it is open from the start and has no handshake. What needs
    plaintext is no transport but a sink (`sfu.send.sink`).
    """

    id: str
    participant: str
    """Its owner, whose transports all cross one network."""
    selected: bytes | None
    """Where the peer is: the raw `sockaddr`, or the key of a TCP connection; None: not known."""
    is_open: bool
    """Media may go there."""
    inbound: SrtpContext | None
    """Deciphers what comes in; None until the transport is connected."""
    outbound: SrtpContext | None
    """Enciphers what goes out; None until then."""

    @property
    def is_over(self) -> bool:
        """It has ended: nothing may be sent or received any more."""

    def send_rtcp(self, packet: bytes, now: float) -> None:
        """Protect and send a compound packet; nothing happens while media may not be sent."""

    def heard(self, address: bytes, now: float) -> None:
        """Authentic SRTP or SRTCP came from one of its addresses."""

    def address_lost(self, address: bytes, now: float) -> None:
        """Datagrams from there are no longer its own."""

    def use_up(self) -> None:
        """So many SSRCs were used under its keys that it must end: the peer gets another one."""

    def tick(self, now: float) -> None:
        """What is due by time; call it some times a second."""
