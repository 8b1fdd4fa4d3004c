"""RTP over TCP (RFC 4571): each packet after its length in two bytes.

A flow is followed as long as its segments come in order; a gap ends it until the next segment
whose beginning looks like a frame. Resent segments are passed over. Nothing is reassembled: what
a capture shows out of order is counted as `tcpOutOfOrder`.
"""

from __future__ import annotations

from collections.abc import Callable

from qos.capture.layers import TCP, Datagram

MAX_FLOWS = 1024
MAX_FRAME = 4096
"""Bytes; a longer one is not media."""
_SYN = 2
_MODULUS = 0xFFFFFFFF

Payload = Callable[[float, int, bytes, int, bytes], None]
"""Time, protocol, flow, size, payload."""


class Framing:
    """The TCP flows of a capture that carry frames; each frame goes to `payload`."""

    def __init__(self, payload: Payload) -> None:
        self._payload = payload
        self._flows: dict[bytes, tuple[int, bytes]] = {}

    def add(self, time: float, segment: Datagram) -> str:
        """Take a segment; why it gave nothing, or an empty text."""
        flow = segment.flow
        if segment.flags & _SYN:
            self._flows.pop(flow, None)
            return "tcpControl"
        if not segment.size:
            return "tcpControl"
        if len(segment.payload) < segment.size:
            self._flows.pop(flow, None)
            return "tcpTruncated"
        known = self._flows.get(flow)
        if known is None:
            if not _begins_frame(segment.payload):
                return "tcp"
            rest = b""
        else:
            following, rest = known
            ahead = segment.sequence - following & _MODULUS
            if ahead >= 0x80000000:
                return "tcpResent"
            if ahead:
                del self._flows[flow]
                return "tcpOutOfOrder"
        left = self._frames(time, flow, rest + segment.payload)
        if left is None:
            self._flows.pop(flow, None)
            return "tcp"
        if known is None and len(self._flows) >= MAX_FLOWS:
            del self._flows[next(iter(self._flows))]
        self._flows[flow] = segment.sequence + segment.size & _MODULUS, left
        return ""

    def _frames(self, time: float, flow: bytes, data: bytes) -> bytes | None:
        """Hand on the whole frames; what is left, or None when it cannot be frames."""
        at, end = 0, len(data)
        while end - at >= 2:
            size = int.from_bytes(data[at : at + 2], "big")
            if size > MAX_FRAME:
                return None
            if end - at < 2 + size:
                break
            if size:
                self._payload(time, TCP, flow, size, data[at + 2 : at + 2 + size])
            at += 2 + size
        return data[at:]


def _begins_frame(data: bytes) -> bool:
    """Whether a segment can begin with a frame of STUN, DTLS or RTP that it holds whole."""
    if len(data) < 3:
        return False
    size = int.from_bytes(data[:2], "big")
    first = data[2]
    known = first <= 3 or 20 <= first <= 63 or 128 <= first <= 191
    return known and 12 <= size <= MAX_FRAME
