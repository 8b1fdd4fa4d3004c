"""Transport-wide congestion control feedback on the wire.

draft-holmer-rmcat-transport-wide-cc-extensions-01 clause 3.1: which packets arrived, as chunks of
two-bit symbols, and then the gaps between arrivals in units of 250 microseconds. A packet is
described from a base sequence number on; its first gap counts from the reference time.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

TICKS_PER_SECOND = 4000
"""Arrival gaps are in units of 250 us."""
TICKS_PER_REFERENCE = 256
"""The reference time is in units of 64 ms."""
MIN_DELTA = -0x8000
MAX_DELTA = 0x7FFF
MAX_STATUSES = 8191
"""Packets that one feedback may describe: far above any honest one, far below 65535."""

FORMAT = 15
"""Of an RTPFB (205) packet."""

_FIXED = struct.Struct("!IIHHI")
_U16 = struct.Struct("!H")
_MAX_RUN = 0x1FFF
_NOT_RECEIVED, _SMALL, _LARGE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class TransportCc:
    """One feedback packet."""

    sender_ssrc: int
    media_ssrc: int
    base_seq: int
    """Transport-wide sequence number of the first arrival in the list."""
    reference_time: int
    """Signed 24 bits, in 64 ms since an unknown moment; wraps."""
    feedback_count: int
    """8 bits, one more in each packet."""
    arrivals: tuple[int | None, ...]
    """For each packet from `base_seq` on: 250 us units since the packet received before it in
    the list (the first: since the reference time); None when it was not received."""

    def ticks(self) -> list[int | None]:
        """Arrivals in units of 250 us on the reference time's clock."""
        now = self.reference_time * TICKS_PER_REFERENCE
        found: list[int | None] = []
        for delta in self.arrivals:
            if delta is None:
                found.append(None)
            else:
                now += delta
                found.append(now)
        return found


def decode(body: bytes) -> TransportCc:
    """Read what follows the RTCP header; raises ValueError or struct.error when malformed."""
    sender, media, base, count, last = _FIXED.unpack_from(body)
    if count > MAX_STATUSES:
        raise ValueError(f"feedback on {count} packets")
    symbols: list[int] = []
    pos = _FIXED.size
    while len(symbols) < count:
        (chunk,) = _U16.unpack_from(body, pos)
        pos += 2
        if chunk < 0x8000:
            symbols += [chunk >> 13] * min(chunk & _MAX_RUN, count - len(symbols))
        elif chunk < 0xC000:
            symbols += [chunk >> shift & 1 for shift in range(13, -1, -1)]
        else:
            symbols += [chunk >> shift & 3 for shift in range(12, -1, -2)]
    del symbols[count:]
    reference = last >> 8
    if reference >= 0x800000:
        reference -= 0x1000000
    return TransportCc(sender, media, base, reference, last & 0xFF, _deltas(symbols, body, pos))


def _deltas(symbols: list[int], body: bytes, pos: int) -> tuple[int | None, ...]:
    found: list[int | None] = []
    for symbol in symbols:
        if symbol == _NOT_RECEIVED:
            found.append(None)
        elif symbol == _SMALL:
            found.append(body[pos])
            pos += 1
        elif symbol == _LARGE:
            (delta,) = struct.unpack_from("!h", body, pos)
            found.append(delta)
            pos += 2
        else:
            raise ValueError("reserved packet status")
    return tuple(found)


def _chunks(symbols: Sequence[int]) -> bytes:
    """Symbols in as few chunks as looking one chunk ahead gives."""
    out = bytearray()
    pos, count = 0, len(symbols)
    while pos < count:
        symbol = symbols[pos]
        end = min(count, pos + _MAX_RUN)
        run = pos + 1
        while run < end and symbols[run] == symbol:
            run += 1
        run -= pos
        ahead = symbols[pos : pos + 14]
        narrow = max(ahead) < _LARGE
        if run == len(symbols) - pos or run >= (14 if narrow else 7):
            out += _U16.pack(symbol << 13 | run)
            pos += run
        elif narrow:
            bits = 0x8000
            for index, bit in enumerate(ahead):
                bits |= bit << (13 - index)
            out += _U16.pack(bits)
            pos += 14
        else:
            bits = 0xC000
            for index, pair in enumerate(ahead[:7]):
                bits |= pair << (12 - 2 * index)
            out += _U16.pack(bits)
            pos += 7
    return bytes(out)


def encode(
    sender_ssrc: int,
    media_ssrc: int,
    base_seq: int,
    reference_time: int,
    feedback_count: int,
    arrivals: Sequence[int | None],
) -> bytes:
    """The whole RTCP packet; arguments as in `TransportCc`, counters taken modulo their size.

    Raises ValueError for an empty list, one longer than `MAX_STATUSES`, or a gap that 16 bits
    do not hold.
    """
    if not 0 < len(arrivals) <= MAX_STATUSES:
        raise ValueError(f"feedback on {len(arrivals)} packets")
    symbols = []
    deltas = bytearray()
    for delta in arrivals:
        if delta is None:
            symbols.append(_NOT_RECEIVED)
        elif 0 <= delta <= 0xFF:
            symbols.append(_SMALL)
            deltas.append(delta)
        elif MIN_DELTA <= delta <= MAX_DELTA:
            symbols.append(_LARGE)
            deltas += struct.pack("!h", delta)
        else:
            raise ValueError(f"a gap of {delta} units")
    last = (reference_time & 0xFFFFFF) << 8 | feedback_count & 0xFF
    body = _FIXED.pack(sender_ssrc, media_ssrc, base_seq & 0xFFFF, len(arrivals), last)
    body += _chunks(symbols) + deltas
    fill = -len(body) % 4
    # Zeros to the word are padding that the receiver ignores, but Chromium, like the draft's
    # figure, marks them as RTCP padding: the last byte then holds their count.
    padding = bytes(fill - 1) + bytes((fill,)) if fill else b""
    first = 0x80 | (0x20 if fill else 0) | FORMAT
    return struct.pack("!BBH", first, 205, (len(body) + fill) // 4) + body + padding
