"""RTCP in a capture: whether it can be read, and the round trips in it.

A round trip is measured from the point of capture: from a sender report (or an XR receiver
reference time) seen here to the report that answers it seen here, less the time that the answerer
held it. Captured at the sender it is the whole round trip; on the path, the rest of the path and
back. No clock but the capture's is needed. (RFC 3550 clause 6.4.1; RFC 3611 clauses 4.4 and 4.5.)
"""

from __future__ import annotations

import struct
from collections import OrderedDict

SR, RR, XR = 200, 201, 207
FIRST, LAST = 192, 223
"""Second bytes that are RTCP on a shared port (RFC 5761 clause 4)."""
MAX_REPORTS = 4096
"""Sender reports remembered, the latest."""
MAX_ROUND_TRIP = 60.0
"""Seconds: longer is a wrong match."""
_SHORTEST_TRAILER = 4 + 4
"""SRTCP ends with its index and a tag of at least 32 bits (RFC 3711 clause 3.4)."""

_BLOCK = struct.Struct(">IIIIII")


def is_plain(payload: bytes) -> bool:
    """Whether a whole compound packet can be walked to its very end."""
    at, end = 0, len(payload)
    while at < end:
        if end - at < 4 or payload[at] >> 6 != 2 or not FIRST <= payload[at + 1] <= LAST:
            return False
        at += 4 + 4 * int.from_bytes(payload[at + 2 : at + 4], "big")
    return at == end and end > 0


def is_secure(payload: bytes, size: int) -> bool:
    """Whether it can be SRTCP: a clear first header, and more after it than its length field
    covers.

    The length is the first packet's; where more follow in the compound they are encrypted.
    `size` is what was sent, `payload` what was captured.
    """
    if len(payload) < 8 or payload[0] >> 6 != 2 or not SR <= payload[1] <= XR:
        return False
    first = 4 + 4 * int.from_bytes(payload[2:4], "big")
    return 8 <= first <= size - _SHORTEST_TRAILER


class RoundTrips:
    """Round trip times by the SSRC that was reported on."""

    def __init__(self) -> None:
        self.times: dict[int, list[float]] = {}
        """SSRC: count, sum, least, most, last; seconds."""
        self._sent: OrderedDict[tuple[int, int], float] = OrderedDict()

    def add(self, time: float, payload: bytes) -> None:
        """A compound packet for which `is_plain` holds, at `time` in seconds."""
        at = 0
        while at < len(payload):
            count = payload[at] & 0x1F
            kind = payload[at + 1]
            end = at + 4 + 4 * int.from_bytes(payload[at + 2 : at + 4], "big")
            if kind == SR and end - at >= 28:
                ssrc, middle = struct.unpack_from(">I2xI", payload, at + 4)
                self._remember(ssrc, middle, time)
                self._blocks(time, payload, at + 28, end, count)
            elif kind == RR:
                self._blocks(time, payload, at + 8, end, count)
            elif kind == XR and end - at >= 8:
                self._extended(time, payload, at + 4, end)
            at = end

    def _remember(self, ssrc: int, middle: int, time: float) -> None:
        # The first time it is seen is nearest to its sender.
        self._sent.setdefault((ssrc, middle), time)
        if len(self._sent) > MAX_REPORTS:
            self._sent.popitem(last=False)

    def _blocks(self, time: float, payload: bytes, at: int, end: int, count: int) -> None:
        for _ in range(count):
            if at + 24 > end:
                return
            ssrc, _, _, _, last, delay = _BLOCK.unpack_from(payload, at)
            self._answer(ssrc, last, delay, time)
            at += 24

    def _extended(self, time: float, payload: bytes, at: int, end: int) -> None:
        sender = int.from_bytes(payload[at : at + 4], "big")
        at += 4
        while at + 4 <= end:
            kind = payload[at]
            stop = at + 4 + 4 * int.from_bytes(payload[at + 2 : at + 4], "big")
            if stop > end:
                return
            if kind == 4 and stop - at >= 12:
                self._remember(sender, struct.unpack_from(">2xI", payload, at + 4)[0], time)
            elif kind == 5:
                for block in range(at + 4, stop - 11, 12):
                    ssrc, last, delay = struct.unpack_from(">III", payload, block)
                    self._answer(ssrc, last, delay, time)
            at = stop

    def _answer(self, ssrc: int, last: int, delay: int, time: float) -> None:
        sent = self._sent.get((ssrc, last)) if last else None
        if sent is None:
            return
        round_trip = time - sent - delay / 65536
        if not 0 <= round_trip <= MAX_ROUND_TRIP:
            return
        if ssrc not in self.times and len(self.times) >= MAX_REPORTS:
            return
        entry = self.times.setdefault(ssrc, [0, 0.0, round_trip, round_trip, 0.0])
        entry[0] += 1
        entry[1] += round_trip
        entry[2] = min(entry[2], round_trip)
        entry[3] = max(entry[3], round_trip)
        entry[4] = round_trip
