"""Lost packets at a simulated participant: what it asks for, and what it sends again (RFC 4588).

Theory of operation. A receiver notes gaps in a track's sequence numbers (`Gaps`), asks for them
after a moment in which they may just be late, again each 100 ms, and after `TRIES` asks for a
keyframe instead. A publisher keeps what it has sent of a video stream (`History`) and sends what is
asked for on the RTX stream. Resends count apart: loss stays what the network and the server lost.
"""

from __future__ import annotations

import secrets
import struct

from bench.light.channel import Stream
from sfu.control import Extensions
from sfu.net.srtp import SrtpContext
from sfu.wire import rtcp

HISTORY = 512
"""Packets kept of a stream; a power of two."""
PATIENCE_NS = 10_000_000
"""Before the first request."""
AGAIN_NS = 100_000_000
TRIES = 5
MAX_GAP = 200
"""A longer one is not asked for packet by packet: a keyframe is."""


class Gaps:
    """What is missing of one received track. Times are monotonic nanoseconds."""

    __slots__ = ("_missing", "keyframe")

    def __init__(self) -> None:
        self._missing: dict[int, tuple[int, int]] = {}
        """Number -> when to ask next (0: `PATIENCE_NS` after the next check), and requests."""
        self.keyframe = False
        """Something cannot be had any more: ask for a keyframe."""

    def __bool__(self) -> bool:
        return bool(self._missing) or self.keyframe

    def between(self, highest: int, number: int) -> None:
        """Packets after `highest` and before `number` (16 bits each) did not come yet."""
        first, count = highest + 1, (number - highest - 1) & 0xFFFF
        if count > MAX_GAP:
            self._missing.clear()
            self.keyframe = True
            return
        for step in range(count):
            self._missing[(first + step) & 0xFFFF] = (0, 0)

    def came(self, number: int) -> bool:
        """It did after all; whether it was missing."""
        return self._missing.pop(number, None) is not None

    def due(self, now: int) -> list[int]:
        """What to ask for now."""
        wanted: list[int] = []
        for number, (when, tries) in list(self._missing.items()):
            if not when:
                self._missing[number] = (now + PATIENCE_NS, 0)
            elif tries == TRIES:
                del self._missing[number]
                self.keyframe = True
            elif now >= when:
                self._missing[number] = (now + AGAIN_NS, tries + 1)
                wanted.append(number)
        return wanted

    def requests(self, ssrc: int, media_ssrc: int, now: int) -> bytes:
        """RTCP to send now; empty when nothing is due."""
        wanted = self.due(now)
        parts = b""
        if wanted:
            parts = rtcp.nack(ssrc, media_ssrc, wanted)
        if self.keyframe:
            self.keyframe = False
            parts += rtcp.pli(ssrc, media_ssrc)
        return rtcp.receiver_report(ssrc) + parts if parts else b""


class History:
    """What one video stream has sent of late."""

    __slots__ = ("_header", "_number", "_packets", "feedback_at", "resent")

    def __init__(self, header: bytes, feedback_at: int) -> None:
        """`header` is that of the RTX stream, `feedback_at` where in it the transport-wide
        number goes."""
        self._packets: list[tuple[int, int, int, bytes] | None] = [None] * HISTORY
        self._header, self.feedback_at = header, feedback_at
        self._number = secrets.randbelow(0x8000)
        self.resent = 0

    def keep(self, number: int, second: int, timestamp: int, payload: bytes) -> None:
        """A packet that leaves now; `second` is the second byte of its header."""
        self._packets[number & HISTORY - 1] = (number, second, timestamp, payload)

    def resend(self, number: int, context: SrtpContext, feedback_number: int) -> bytes | None:
        """The protected RTX packet of `number`; None when it is not kept any more."""
        kept = self._packets[number & HISTORY - 1]
        if kept is None or kept[0] != number:
            return None
        _, second, timestamp, payload = kept
        packet = bytearray(self._header + struct.pack("!H", number) + payload)
        marker = second & 0x80
        struct.pack_into("!BHI", packet, 1, packet[1] | marker, self._number, timestamp)
        self._number = (self._number + 1) & 0xFFFF
        if self.feedback_at:
            struct.pack_into("!H", packet, self.feedback_at, feedback_number)
        self.resent += 1
        return context.protect(bytes(packet))


def rtx_of(stream: Stream, extensions: Extensions) -> tuple[Stream, Extensions]:
    """The RTX stream of a stream, and the extension ids of its packets (RFC 8852: its rid goes
    as repaired-rid)."""
    repair = Stream(stream.kind, stream.rtx_ssrc, stream.rtx_payload_type, stream.mid, stream.rid)
    return repair, Extensions(
        mid=extensions.mid, transport_cc=extensions.transport_cc, rid=extensions.repaired_rid
    )
