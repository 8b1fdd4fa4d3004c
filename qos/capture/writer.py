"""Writes packets as pcapng, for Wireshark and for the analyser. No I/O, standard library only.

A `CaptureWriter` gets datagrams as a media worker knows them, puts IP and UDP headers before them
(LINKTYPE_RAW) and hands finished blocks to `write`. It stops by itself at a size and a time, so
that a forgotten one fills no disk. It lays down nothing twice and looks back at nothing: the
file can be read at any moment, and a cut end costs one packet.

Unless told otherwise it keeps what people said to itself: of RTP it writes the header with its
extensions, of RTCP everything, of the rest the first bytes; and addresses become made-up ones, the
same for the same address all through one capture.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address

from qos.capture.header import header_size

LINKTYPE_RAW = 101
"""IPv4 or IPv6 without anything before it (tcpdump.org/linktypes.html)."""
RTP_SNAP = 208
"""Bytes of RTP at most, should its header claim more."""
OTHER_SNAP = 20
"""Bytes of what is neither RTP nor RTCP: the header of STUN, and too little to read DTLS."""
MAX_DATAGRAM = 65507
MAX_FLOWS = 256
_MADE_UP_IPV4 = 0xC612_0000
"""198.18.0.0/15, set aside for measurements (RFC 2544)."""
_MADE_UP_IPV6 = 0x2001_0DB8 << 96
"""2001:db8::/32, set aside for documentation (RFC 3849)."""
_MADE_UP = 0x1FFFF

_PACKET = struct.Struct("<IIIIIII")
_FLAGS = struct.Struct("<HHIHH")
_IPV4 = struct.Struct(">BBHIBB")
_UDP = struct.Struct(">HHHH")
_INBOUND, _OUTBOUND = 1, 2

Address = tuple[str, int]
"""IP address as text, and port."""
_Flow = tuple[bytes, bytes, int, int, int]
"""Source, destination, both ports, sum of the pseudo-header."""


class CaptureWriter:
    """One capture, from the first block on; `write` gets each block whole.

    What `write` raises passes through; the packet is then not counted.
    """

    def __init__(
        self,
        write: Callable[[bytes], object],
        *,
        application: str,
        comment: str = "",
        headers_only: bool = True,
        anonymous: bool = True,
        max_bytes: int = 50_000_000,
        max_seconds: float = 600.0,
    ) -> None:
        self._write = write
        self._headers_only = headers_only
        self._anonymous = anonymous
        self._max_bytes = max_bytes
        self._max_ns = int(max_seconds * 1e9)
        self._end_ns: int | None = None
        self._interfaces = 0
        self._flows: dict[tuple[Address, Address], _Flow] = {}
        self._made_up: dict[str, bytes] = {}
        self.packets = 0
        self.bytes = 0
        """Written so far."""
        self.full = False
        """The size or the time is used up: nothing more is written."""
        options = _text(4, application) + (_text(1, comment) if comment else b"")
        self._block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + options + bytes(4))

    def interface(self, name: str, description: str = "") -> int:
        """Describe where packets are seen, such as `publish`; its number for `packet`."""
        options = _text(2, name) + (_text(3, description) if description else b"")
        options += struct.pack("<HHB3x", 9, 1, 9) + bytes(4)
        self._block(1, struct.pack("<HHI", LINKTYPE_RAW, 0, 0) + options)
        self._interfaces += 1
        return self._interfaces - 1

    def packet(
        self,
        interface: int,
        at_ns: int,
        source: Address,
        destination: Address,
        payload: bytes | bytearray | memoryview,
        *,
        outbound: bool,
    ) -> bool:
        """Write one datagram; False when the capture is full (or was before).

        `at_ns` is Unix time in nanoseconds. Raises ValueError for an interface that was not
        described, for addresses of two families, and for a datagram longer than UDP carries.
        """
        if self.full:
            return False
        if not 0 <= interface < self._interfaces:
            raise ValueError(f"interface {interface} was not described")
        size = len(payload)
        if size > MAX_DATAGRAM:
            raise ValueError(f"a datagram of {size} bytes")
        if self._end_ns is None:
            self._end_ns = at_ns + self._max_ns
        data = bytes(payload)
        header = self._header(source, destination, data)
        kept = kept_of(data) if self._headers_only else size
        captured = header + data[:kept]
        wire = len(header) + size
        length = len(captured)
        padded = length + (-length & 3)
        total = 28 + padded + 12 + 4
        if at_ns > self._end_ns or self.bytes + total > self._max_bytes:
            self.full = True
            return False
        head = _PACKET.pack(
            6, total, interface, at_ns >> 32 & 0xFFFFFFFF, at_ns & 0xFFFFFFFF, length, wire
        )
        flags = _FLAGS.pack(2, 4, _OUTBOUND if outbound else _INBOUND, 0, 0)
        tail = flags + struct.pack("<I", total)
        self._write(head + captured + bytes(padded - length) + tail)
        self.bytes += total
        self.packets += 1
        return True

    def _block(self, kind: int, body: bytes) -> None:
        size = struct.pack("<I", 12 + len(body))
        self._write(struct.pack("<I", kind) + size + body + size)
        self.bytes += 12 + len(body)

    def _header(self, source: Address, destination: Address, data: bytes) -> bytes:
        """IP and UDP headers, with checksums (RFC 1071).

        UDP's goes without where IPv4 lets it and the data will be cut off: nobody can check it.
        """
        flow = self._flows.get((source, destination))
        if flow is None:
            flow = self._flow(source, destination)
        from_, to, source_port, destination_port, pseudo = flow
        size = 8 + len(data)
        check = 0
        if len(from_) == 16 or not self._headers_only:
            # A number is congruent to the sum of its digits, here of 16 bits; odd data is padded.
            total = pseudo + 2 * size + source_port + destination_port
            total += int.from_bytes(data, "big") << (8 * (len(data) & 1))
            check = 0xFFFF - total % 0xFFFF
        udp = _UDP.pack(source_port, destination_port, size, check)
        if len(from_) == 16:
            return struct.pack(">IHBB", 6 << 28, size, 17, 64) + from_ + to + udp
        start = _IPV4.pack(0x45, 0, 20 + size, 0, 64, 17)
        check = 0xFFFF - int.from_bytes(start + b"\0\0" + from_ + to, "big") % 0xFFFF
        return start + check.to_bytes(2, "big") + from_ + to + udp

    def _flow(self, source: Address, destination: Address) -> _Flow:
        from_, to = self._packed(source[0]), self._packed(destination[0])
        if len(from_) != len(to):
            raise ValueError(f"{source[0]} and {destination[0]} are of two families")
        pseudo = 17 + int.from_bytes(from_, "big") + int.from_bytes(to, "big")
        if len(self._flows) >= MAX_FLOWS:
            del self._flows[next(iter(self._flows))]
        flow = self._flows[source, destination] = from_, to, source[1], destination[1], pseudo
        return flow

    def _packed(self, host: str) -> bytes:
        address = ip_address(host)
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if not self._anonymous:
            return address.packed
        key = str(address)
        packed = self._made_up.get(key)
        if packed is None:
            number = len(self._made_up) % _MADE_UP + 1
            made_up: IPv4Address | IPv6Address = (
                IPv4Address(_MADE_UP_IPV4 + number)
                if isinstance(address, IPv4Address)
                else IPv6Address(_MADE_UP_IPV6 + number)
            )
            packed = self._made_up[key] = made_up.packed
        return packed


def kept_of(data: bytes) -> int:
    """Bytes of a datagram that a capture of headers keeps."""
    size = len(data)
    if size < 2 or data[0] >> 6 != 2:
        return min(size, OTHER_SNAP)
    if 192 <= data[1] <= 223:
        return size
    return min(size, header_size(data), RTP_SNAP)


def _text(code: int, text: str) -> bytes:
    """An option of UTF-8 text, cut to what a length field carries with room to spare."""
    value = text.encode("utf-8", "replace")[:1024]
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) & 3)
