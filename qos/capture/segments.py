"""Datagrams that the sender's kernel had not cut yet when they were captured (UDP_SEGMENT).

A sender may hand its kernel many datagrams of one size as one; a capture on that machine, or on
loopback, then shows one large datagram. Nothing in it shows that, but RTP headers stand at even
distances: that is what is looked for. All but the last are of equal size. The next header is found
by the four bytes that our own server's headers and most others have in common: profile and length
of the header extension, or without extension the SSRC.
"""

from __future__ import annotations

SHORTEST = 12
"""Bytes of an RTP header."""
MAX_TRIES = 8
"""Places that look like a header and turn out to be none."""


def mark(payload: bytes) -> int:
    """Where the four bytes are that the next header has, too."""
    return 12 if payload[0] & 0x10 else 8


def cut(payload: bytes) -> list[bytes]:
    """The RTP packets in a datagram that begins with one; mostly just that one."""
    end = len(payload)
    at = mark(payload)
    sought = payload[at : at + 4]
    if len(sought) < 4:
        return [payload]
    place = at + SHORTEST
    for _ in range(MAX_TRIES):
        place = payload.find(sought, place)
        if place < 0:
            break
        size = place - at
        if all(_is_header(payload, start, at, sought) for start in range(size, end, size)):
            return [payload[start : start + size] for start in range(0, end, size)]
        place += 1
    return [payload]


def _is_header(payload: bytes, start: int, at: int, sought: bytes) -> bool:
    # The same first byte, but for the padding bit.
    same = (payload[start] ^ payload[0]) & 0xDF == 0
    return same and payload[start + at : start + at + 4] == sought
