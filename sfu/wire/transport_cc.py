"""Transport-wide congestion control feedback on the wire.

draft-holmer-rmcat-transport-wide-cc-extensions-01 clause 3.1: which packets arrived, as chunks of
two-bit symbols, and then the gaps between arrivals in units of 250 microseconds. A packet is
described from a base sequence number on; its first gap counts from the reference time.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, cast

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
_ALL_RECEIVED = struct.Struct("!BBHIIHHIH")
"""The RTCP header, the fixed part, and one run-length chunk."""
_MAX_RUN = 0x1FFF
_NOT_RECEIVED, _SMALL, _LARGE, _RESERVED = 0, 1, 2, 3

# A chunk's symbols, one byte each, are looked up and not computed: feedback is read for every
# packet that was sent.
_RUNS: Final = tuple(bytes((symbol,)) for symbol in range(4))
_SEVEN_BITS: Final = tuple(
    bytes(value >> shift & 1 for shift in range(6, -1, -1)) for value in range(128)
)
_FOUR_PAIRS: Final = tuple(
    bytes(value >> shift & 3 for shift in (6, 4, 2, 0)) for value in range(256)
)
_DELTA_FORMAT: Final = bytes.maketrans(bytes((_SMALL, _LARGE)), b"Bh")
"""From symbols to the format of their gaps."""


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
        start = self.reference_time * TICKS_PER_REFERENCE
        try:
            # All received, as nearly always.
            found = list(accumulate(cast("tuple[int, ...]", self.arrivals), initial=start))
        except TypeError:
            return self._ticks_with_gaps(start)
        del found[0]
        return cast("list[int | None]", found)

    def _ticks_with_gaps(self, now: int) -> list[int | None]:
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
    parts: list[bytes] = []
    known = 0
    pos = _FIXED.size
    while known < count:
        (chunk,) = _U16.unpack_from(body, pos)
        pos += 2
        if chunk < 0x8000:
            run = min(chunk & _MAX_RUN, count - known)
            parts.append(_RUNS[chunk >> 13] * run)
            known += run
        elif chunk < 0xC000:
            parts.append(_SEVEN_BITS[chunk >> 7 & 0x7F])
            parts.append(_SEVEN_BITS[chunk & 0x7F])
            known += 14
        else:
            parts.append(_FOUR_PAIRS[chunk >> 8 & 0x3F][1:])
            parts.append(_FOUR_PAIRS[chunk & 0xFF])
            known += 7
    symbols = b"".join(parts)[:count]
    reference = last >> 8
    if reference >= 0x800000:
        reference -= 0x1000000
    return TransportCc(sender, media, base, reference, last & 0xFF, _deltas(symbols, body, pos))


def _deltas(symbols: bytes, body: bytes, pos: int) -> tuple[int | None, ...]:
    if _RESERVED in symbols:
        raise ValueError("reserved packet status")
    gaps: tuple[int, ...]
    if _LARGE in symbols:
        # A Struct of its own: the module would keep a hundred of these.
        layout = struct.Struct(b"!" + symbols.translate(_DELTA_FORMAT, bytes((_NOT_RECEIVED,))))
        gaps = layout.unpack_from(body, pos)
    else:
        end = pos + symbols.count(_SMALL)
        if end > len(body):
            raise ValueError("gaps beyond the end")
        gaps = tuple(body[pos:end])
    if len(gaps) == len(symbols):
        return gaps
    following = iter(gaps)
    return tuple([next(following) if symbol else None for symbol in symbols])


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


def encode_all_received(
    sender_ssrc: int,
    media_ssrc: int,
    base_seq: int,
    reference_time: int,
    feedback_count: int,
    deltas: Sequence[int],
) -> bytes:
    """As `encode`, of 1 to `MAX_STATUSES` packets that all arrived, each gap 0 to 255 units."""
    count = len(deltas)
    last = (reference_time & 0xFFFFFF) << 8 | feedback_count & 0xFF
    fill = -(count + 2) % 4
    padding = bytes(fill - 1) + bytes((fill,)) if fill else b""
    first = 0x80 | (0x20 if fill else 0) | FORMAT
    words = (_FIXED.size + 2 + count + fill) // 4
    return _ALL_RECEIVED.pack(
        first, 205, words, sender_ssrc, media_ssrc, base_seq & 0xFFFF, count, last,
        _SMALL << 13 | count,
    ) + bytes(deltas) + padding  # fmt: skip


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
