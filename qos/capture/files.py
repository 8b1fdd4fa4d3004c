"""Packets out of pcap and pcapng files, in bounded memory.

Theory of operation. A `CaptureFile` is iterated once and gives one tuple a packet. It reads the
file in blocks of a megabyte, so a file of any size costs the same memory. Whatever does not fit
the format raises `CaptureError` with the offset; the packets before it have been given by then.

Formats: libpcap's savefile (draft-ietf-opsawg-pcap) in microseconds and nanoseconds, and pcapng
(draft-ietf-opsawg-pcapng), each in both byte orders.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import BinaryIO

READ_SIZE = 1 << 20
MAX_PACKET = 1 << 20
"""Bytes: four times what any capture program writes; more is damage or malice."""
MAX_BLOCK = 1 << 24
"""Bytes of a pcapng block that is looked into; larger ones of other types are passed over."""
MAX_INTERFACES = 65536

Packet = tuple[float, int, bytes]
"""Seconds since the first packet (NaN where the file does not have it), link type, frame as far as
it was captured."""

Interface = tuple[int, int, int, int, int]
"""Link type, nanoseconds a time unit as multiplier and divisor, offset in nanoseconds, and the
bytes of a packet that were captured at most (0: all)."""

PCAP_MAGICS: dict[bytes, tuple[str, int]] = {
    b"\xd4\xc3\xb2\xa1": ("<", 1000),
    b"\xa1\xb2\xc3\xd4": (">", 1000),
    b"\x4d\x3c\xb2\xa1": ("<", 1),
    b"\xa1\xb2\x3c\x4d": (">", 1),
}
"""Byte order, and nanoseconds in one unit of the records' second field."""
SECTION = b"\x0a\x0d\x0d\x0a"
NAMED_OTHERS = {
    b"\x1f\x8b": "gzip-compressed (unpack it first)",
    b"\x28\xb5\x2f\xfd": "zstd-compressed (unpack it first)",
    b"BZh": "bzip2-compressed (unpack it first)",
    b"\xfd7zXZ": "xz-compressed (unpack it first)",
    b"PK": "a zip archive (unpack it first)",
    b"snoop": "a snoop capture (convert it to pcapng first)",
    b"\x34\xcd\xb2\xa1": "a modified pcap of 1999 (convert it to pcapng first)",
    b"\xa1\xb2\xcd\x34": "a modified pcap of 1999 (convert it to pcapng first)",
}


class CaptureError(Exception):
    """The file is no capture, or is damaged; the text is one line and has the offset."""

    def __init__(self, offset: int, what: str) -> None:
        super().__init__(f"offset {offset}: {what}")
        self.offset = offset


class CaptureFile:
    """One capture, to be iterated once. `source` is open for reading and stays the caller's.

    Raises CaptureError at once when the beginning is not that of a capture, and from the iteration
    where the file is damaged or cut off.
    """

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._buffer = b""
        self._at = 0
        self._read = 0
        self._start_ns: int | None = None
        self.untimed = 0
        """Packets without a time in the file (simple packet blocks)."""
        self.start = 0.0
        """Unix time of the first packet, seconds."""
        magic = self._peek(4)
        if magic == SECTION:
            self._packets = self._pcapng()
        elif magic in PCAP_MAGICS:
            self._packets = self._pcap(*PCAP_MAGICS[magic])
        else:
            raise CaptureError(0, _not_a_capture(self._peek(8)))

    def __iter__(self) -> Iterator[Packet]:
        return self._packets

    @property
    def position(self) -> int:
        """Bytes read so far."""
        return self._read

    @property
    def _offset(self) -> int:
        return self._read - len(self._buffer) + self._at

    def _peek(self, size: int) -> bytes:
        """The next bytes, without taking them; fewer at the end of the file."""
        if len(self._buffer) - self._at < size:
            rest = self._buffer[self._at :]
            more = self._source.read(max(READ_SIZE, size - len(rest)))
            self._read += len(more)
            self._buffer = rest + more
            self._at = 0
        return self._buffer[self._at : self._at + size]

    def _exactly(self, size: int, what: str) -> bytes:
        data = self._peek(size)
        if len(data) < size:
            raise CaptureError(
                self._offset, f"the file ends in the middle of {what} ({len(data)} of {size} bytes)"
            )
        self._at += size
        return data

    def _pass_over(self, size: int, what: str) -> None:
        start, left = self._offset, size
        while left > 0:
            step = len(self._peek(min(left, READ_SIZE)))
            if not step:
                have = size - left
                raise CaptureError(
                    start, f"the file ends in the middle of {what} ({have} of {size} bytes)"
                )
            self._at += step
            left -= step

    def _pcap(self, order: str, unit: int) -> Iterator[Packet]:
        start = self._offset
        header = self._exactly(24, "the file header")
        major, minor = struct.unpack_from(f"{order}HH", header, 4)
        if major != 2:
            raise CaptureError(start + 4, f"pcap version {major}.{minor} is not known")
        link = struct.unpack_from(f"{order}I", header, 20)[0] & 0xFFFF
        record = struct.Struct(f"{order}IIII")
        unpack = record.unpack_from
        first_second = -1
        first_fraction = 0
        scale = unit * 1e-9
        while True:
            # The usual case in line: a whole record lies in the buffer.
            buffer, at, end = self._buffer, self._at, len(self._buffer)
            while end - at >= 16:
                second, fraction, size, _ = unpack(buffer, at)
                if size > MAX_PACKET:
                    self._at = at
                    raise CaptureError(self._offset, f"a packet of {size} bytes cannot be")
                stop = at + 16 + size
                if stop > end:
                    break
                if first_second < 0:
                    first_second, first_fraction = second, fraction
                    self.start = second + fraction * scale
                time = second - first_second + (fraction - first_fraction) * scale
                self._at = stop
                yield time, link, buffer[at + 16 : stop]
                at = stop
            self._at = at
            if not self._peek(16):
                return
            size = unpack(self._need(16, "a record header"))[2]
            self._need(16 + min(size, MAX_PACKET), "a packet")

    def _need(self, size: int, what: str) -> bytes:
        """As `_exactly`, but leaves the bytes in place."""
        data = self._exactly(size, what)
        self._at -= size
        return data

    def _pcapng(self) -> Iterator[Packet]:
        order = "<"
        interfaces: list[Interface] = []
        while head := self._peek(8):
            at = self._offset
            if head[:4] == SECTION:
                order = self._section(at)
                interfaces = []
                continue
            head = self._need(8, "a block header")
            kind, size = struct.unpack(f"{order}II", head)
            if size < 12 or size % 4:
                raise CaptureError(at, f"a block of {size} bytes cannot be")
            if kind not in (1, 2, 3, 6):
                self._pass_over(size - 4, "a block")
                self._check_end(order, size, self._exactly(4, "a block"))
                continue
            if size > MAX_BLOCK:
                raise CaptureError(at, f"a block of {size} bytes cannot be")
            block = self._exactly(size, "a block")
            self._check_end(order, size, block[-4:])
            if kind == 1:
                if len(interfaces) >= MAX_INTERFACES:
                    raise CaptureError(at, "too many interfaces")
                interfaces.append(_interface(order, block, at))
            elif kind == 3:
                yield self._simple(order, block, at, interfaces)
            else:
                yield self._packet(order, block, at, interfaces)
                yield from self._plain_packets(order, interfaces)

    def _plain_packets(self, order: str, interfaces: list[Interface]) -> Iterator[Packet]:
        """Enhanced packet blocks that lie whole in the buffer and have nothing odd about them.

        They are nearly all of a capture, hence all in line. Ends before whatever is left to
        `_pcapng`, be it damage, another block or the end of the buffer.
        """
        unpack = struct.Struct(f"{order}IIIIII").unpack_from
        last = struct.Struct(f"{order}I").unpack_from
        known = len(interfaces)
        start_ns = self._start_ns or 0
        buffer, at, end = self._buffer, self._at, len(self._buffer)
        while end - at >= 32:
            kind, size, number, high, low, captured = unpack(buffer, at)
            stop = at + size
            if (
                kind != 6
                or stop > end
                or size % 4
                or captured > size - 32
                or number >= known
                or last(buffer, stop - 4)[0] != size
            ):
                return
            link, multiply, divide, offset, _ = interfaces[number]
            nanoseconds = (high << 32 | low) * multiply // divide + offset - start_ns
            self._at = stop
            yield nanoseconds * 1e-9, link, buffer[at + 28 : at + 28 + captured]
            at = stop

    def _check_end(self, order: str, size: int, end: bytes) -> None:
        if int.from_bytes(end, "little" if order == "<" else "big") != size:
            raise CaptureError(self._offset - 4, "a block's two lengths differ")

    def _section(self, at: int) -> str:
        """Take a section header block; the byte order of what follows."""
        head = self._need(12, "a section header")
        order = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}.get(head[8:12])
        if order is None:
            raise CaptureError(at + 8, "a section without byte-order magic")
        size = struct.unpack_from(f"{order}I", head, 4)[0]
        if size < 28 or size % 4 or size > MAX_BLOCK:
            raise CaptureError(at, f"a section header of {size} bytes cannot be")
        block = self._exactly(size, "a section header")
        self._check_end(order, size, block[-4:])
        major, minor = struct.unpack_from(f"{order}HH", block, 12)
        if major != 1:
            raise CaptureError(at + 12, f"pcapng version {major}.{minor} is not known")
        return order

    def _simple(self, order: str, block: bytes, at: int, interfaces: list[Interface]) -> Packet:
        """Of a simple packet block: of the first interface, and without a time."""
        if len(block) < 16:
            raise CaptureError(at, f"a packet block of {len(block)} bytes cannot be")
        if not interfaces:
            raise CaptureError(at, "interface 0 was not described")
        (size,) = struct.unpack_from(f"{order}I", block, 8)
        link, _, _, _, most = interfaces[0]
        captured = min(size, most or size)
        if captured > len(block) - 16:
            raise CaptureError(at + 8, f"a packet of {captured} bytes in a block of {len(block)}")
        self.untimed += 1
        return math.nan, link, block[12 : 12 + captured]

    def _packet(self, order: str, block: bytes, at: int, interfaces: list[Interface]) -> Packet:
        """Of an enhanced packet block, or of the older packet block."""
        if len(block) < 32:
            raise CaptureError(at, f"a packet block of {len(block)} bytes cannot be")
        kind, number, high, low, size = struct.unpack_from(f"{order}I4xIIII", block)
        if kind == 2:
            number = struct.unpack_from(f"{order}H", block, 8)[0]
        if number >= len(interfaces):
            raise CaptureError(at + 8, f"interface {number} was not described")
        if size > len(block) - 32:
            raise CaptureError(at + 20, f"a packet of {size} bytes in a block of {len(block)}")
        link, multiply, divide, offset, _ = interfaces[number]
        nanoseconds = (high << 32 | low) * multiply // divide + offset
        if self._start_ns is None:
            self._start_ns = nanoseconds
            self.start = nanoseconds * 1e-9
        return (nanoseconds - self._start_ns) * 1e-9, link, block[28 : 28 + size]


def _interface(order: str, block: bytes, at: int) -> Interface:
    if len(block) < 20:
        raise CaptureError(at, f"an interface block of {len(block)} bytes cannot be")
    link, most = struct.unpack_from(f"{order}H2xI", block, 8)
    multiply, divide, offset = 1000, 1, 0
    position, end = 16, len(block) - 4
    while position + 4 <= end:
        code, size = struct.unpack_from(f"{order}HH", block, position)
        value = position + 4
        if code == 0:
            break
        if value + size > end:
            raise CaptureError(at + position, "an option is longer than its block")
        if code == 9 and size >= 1:
            resolution = block[value]
            units = 2 ** (resolution & 0x7F) if resolution & 0x80 else 10**resolution
            multiply, divide = 1_000_000_000, units
        elif code == 14 and size >= 8:
            offset = struct.unpack_from(f"{order}q", block, value)[0] * 1_000_000_000
        position = value + (size + 3 & ~3)
    return link, multiply, divide, offset, most


def _not_a_capture(start: bytes) -> str:
    if not start:
        return "the file is empty"
    for magic, name in NAMED_OTHERS.items():
        if start.startswith(magic):
            return f"not pcap or pcapng but {name}"
    return f"not a pcap or pcapng file (it begins with {start[:4].hex(' ')})"
