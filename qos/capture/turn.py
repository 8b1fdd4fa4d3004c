"""What a relay carries for others (TURN, RFC 8656): channels, and indications with data. No I/O."""

from __future__ import annotations

CHANNELS = range(0x40, 0x50)
"""First bytes of channel data (RFC 8656 section 12); the first two are the channel's number."""
_INDICATIONS = (b"\x00\x16", b"\x00\x17")
"""Send and Data, as STUN message types."""
_DATA = 0x0013
_COOKIE = b"\x21\x12\xa4\x42"
_HEADER = 20


def inside(payload: bytes, size: int) -> tuple[int, bytes] | None:
    """Bytes that were sent and those that were captured of what is inside; None when nothing is.

    `payload` was captured of a datagram of `size` bytes.
    """
    if len(payload) >= 4 and payload[0] in CHANNELS:
        sent = int.from_bytes(payload[2:4], "big")
        # Padding to four bytes is allowed over UDP, too (section 12.5).
        return (sent, payload[4 : 4 + sent]) if 0 <= size - 4 - sent <= 3 else None
    if payload[:2] in _INDICATIONS and payload[4:8] == _COOKIE:
        return _attribute(payload)
    return None


def _attribute(payload: bytes) -> tuple[int, bytes] | None:
    at = _HEADER
    while at + 4 <= len(payload):
        kind = int.from_bytes(payload[at : at + 2], "big")
        size = int.from_bytes(payload[at + 2 : at + 4], "big")
        if kind == _DATA:
            return size, payload[at + 4 : at + 4 + size]
        at += 4 + (size + 3 & ~3)
    return None
