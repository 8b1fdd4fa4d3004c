"""A transport of a room, what is published or received over it, and what it may cost us.

Theory of operation. What a participant sends costs a worker time before its use is
known, so there is a budget for each kind, looked at before the step that costs: packets and
bytes of media before they are deciphered, checks before their signature is computed, DTLS before
OpenSSL reads it. The numbers are several times what a browser with a camera, a shared screen and a
voice sends.

Media is counted in passing and charged once a batch (`settle`). When its budget is spent the
publisher's context is removed, which the packet path checks anyway; it is given back
with the first packet that comes when enough was earned.
"""

from __future__ import annotations

from typing import Final

from sfu.net.budget import Budget
from sfu.net.transport import Transport
from sfu.net.webrtc_transport import WebRtcTransport
from sfu.receive.publisher import Publisher
from sfu.send.subscriber import Subscriber
from sfu.wire import rtcp, transport_cc

PACKET_RATE: Final = 3000
"""Packets of media a second; three layers of a camera and a shared screen make 800."""
OCTET_RATE: Final = 5_000_000
"""Bytes of media a second: 40 Mbit/s."""
PACKET_BURST: Final = 1.0 * PACKET_RATE
"""As after a stall of the network for a second."""
OCTET_BURST: Final = 1.0 * OCTET_RATE
RTCP_RATE: Final = 64 * 1024
"""Bytes of RTCP a second that a transport may take in the long run, each number that is named in it
counted as one more: a receiver of 20 Mbit/s needs a tenth of it."""
RTCP_BURST: Final = 2 * RTCP_RATE
RTCP_COST: Final = 100
"""Bytes that each datagram counts besides its own: the smallest takes as long as one of those."""
CHECK_RATE: Final = 50
"""STUN checks a second: an agent sends one each 20 ms at most (RFC 8445 clause 14.2), while it
searches a path."""
CHECK_BURST: Final = 100
DTLS_RATE: Final = 50
"""DTLS datagrams a second; a handshake takes a dozen."""
DTLS_BURST: Final = 200


class Endpoint:
    """Owned by the room; the receive path counts `packets` and `octets` up."""

    __slots__ = (
        "_octets_left",
        "_packets_left",
        "_settled_at",
        "is_over_budget",
        "octets",
        "packets",
        "publisher",
        "rtcp",
        "subscriber",
        "transport",
    )

    def __init__(
        self,
        transport: Transport,
        publisher: Publisher | None = None,
        subscriber: Subscriber | None = None,
    ) -> None:
        self.transport = transport
        self.publisher = publisher
        self.subscriber = subscriber
        self.packets = 0
        """Of media since `settle`, deciphered or not."""
        self.octets = 0
        """The same in bytes."""
        self.is_over_budget = False
        """The publisher has no context, because it sends too much."""
        self.rtcp = Budget(RTCP_RATE, RTCP_BURST)
        self._packets_left = PACKET_BURST
        self._octets_left = OCTET_BURST
        self._settled_at = 0.0

    def settle(self, now: float) -> None:
        """Charge what was counted. As two `Budget`s, which would take three times as long."""
        elapsed = now - self._settled_at
        packets = self._packets_left + elapsed * PACKET_RATE - self.packets
        octets = self._octets_left + elapsed * OCTET_RATE - self.octets
        self._settled_at = now
        self.packets = self.octets = 0
        self._packets_left = packets if packets < PACKET_BURST else PACKET_BURST
        self._octets_left = octets if octets < OCTET_BURST else OCTET_BURST
        if (packets <= 0 or octets <= 0) and self.publisher is not None:
            self.publisher.context = None
            self.is_over_budget = True

    def may_go_on(self, now: float) -> bool:
        """Whether one that was over its budget has earned a little; its media is accepted again."""
        self.settle(now)
        if self._packets_left <= 0 or self._octets_left <= 0:
            return False
        self.is_over_budget = False
        if self.publisher is not None:
            self.publisher.connected()
        return True


class WebRtcEndpoint(Endpoint):
    """One with a browser at the other end, which checks its paths and shakes hands."""

    __slots__ = ("_other_checks", "_own_checks", "dtls")

    transport: WebRtcTransport

    def __init__(
        self,
        transport: WebRtcTransport,
        publisher: Publisher | None = None,
        subscriber: Subscriber | None = None,
    ) -> None:
        super().__init__(transport, publisher, subscriber)
        self.dtls = Budget(DTLS_RATE, DTLS_BURST)
        self._own_checks = Budget(CHECK_RATE, CHECK_BURST)
        self._other_checks = Budget(CHECK_RATE, CHECK_BURST)

    def may_check(self, now: float, *, known: bool) -> bool:
        """Whether one more STUN check may be looked at.

        `known`: it comes from an address of this endpoint. Checks from elsewhere, which anybody can
        send who saw the user name once, have a budget of their own.
        """
        budget = self._own_checks if known else self._other_checks
        if not budget.allows(now):
            return False
        budget.charge(1)
        return True


def numbers_named(packets: list[rtcp.Packet]) -> int:
    """Sequence numbers that feedback and requests name: each costs a search."""
    count = 0
    for packet in packets:
        if isinstance(packet, transport_cc.TransportCc):
            count += len(packet.arrivals)
        elif isinstance(packet, rtcp.Nack):
            count += len(packet.seqs)
    return count
