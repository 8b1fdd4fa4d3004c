"""What one receiver may be sent again of one track, what is kept for that, and what was.

With RTX (RFC 4588) a resend is a new packet on an SSRC of its own, made from the stream's cache.
Without it must be the very same bytes, since a second plaintext under one SRTP index would give
GCM's key away: then the protected packets themselves are kept, in a ring.
"""

from __future__ import annotations

from typing import Final

from sfu.receive.nack import ResendLimiter

RING: Final = 512
"""Protected packets kept for a receiver without RTX."""


class Resends:
    """Of one down track."""

    __slots__ = ("_media_sent", "_ring", "limiter", "nacks", "octets", "packets", "rtx_seq")

    def __init__(self, first_seq: int) -> None:
        """`first_seq`: the first number on the RTX stream."""
        self.limiter = ResendLimiter()
        self.rtx_seq = first_seq
        """Of the next packet on the RTX stream, not wrapped."""
        self.nacks = 0
        """Requests of the receiver's."""
        self.packets = 0
        """Sent again."""
        self.octets = 0
        """The same in payload bytes."""
        self._media_sent = 0
        self._ring: list[tuple[int, bytes]] | None = None

    @property
    def keeps(self) -> bool:
        """Whether protected packets are kept."""
        return self._ring is not None

    def begin_keeping(self) -> None:
        """Keep protected packets from now on."""
        self._ring = [(-1, b"")] * RING

    def keep(self, seq: int, packet: bytes) -> None:
        """A protected packet was sent under this 16-bit number."""
        assert self._ring is not None
        self._ring[seq % RING] = (seq, packet)

    def kept(self, seq: int) -> bytes | None:
        """The protected packet of this 16-bit number; None when it is not (any more) kept."""
        if self._ring is None:
            return None
        held, packet = self._ring[seq % RING]
        return packet if held == seq else None

    def media_sent(self, packets: int) -> None:
        """So many packets were sent so far, resends not counted: more may be sent again."""
        self.limiter.sent(packets - self._media_sent)
        self._media_sent = packets

    def note(self, octets: int) -> None:
        """A packet with so many bytes of payload was sent again."""
        self.packets += 1
        self.octets += octets
