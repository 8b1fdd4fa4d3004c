"""Reading RTP packets in place (RFC 3550, RFC 8285), and the arithmetic of their counters.

Nothing here makes an object per packet: a caller unpacks the fixed header itself and asks these
functions for the rest. They take the buffer, where the packet begins and how long it is; the
packet must lie inside the buffer. What they read may be anything: they answer -1, None or less,
and never raise.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

Buffer = bytes | bytearray | memoryview

VERSION_BITS = 0x80
"""Version 2 in the first byte."""
PADDING_BIT = 0x20
EXTENSION_BIT = 0x10
MARKER_BIT = 0x80
"""In the second byte."""
MIN_HEADER = 12
"""Bytes of the fixed header."""
SEQ_MOD = 1 << 16
TIMESTAMP_MOD = 1 << 32

HEADER = struct.Struct("!BBHII")
"""First byte, marker and payload type, sequence number, timestamp, SSRC."""

ONE_BYTE_PROFILE = 0xBEDE
TWO_BYTE_PROFILE = 0x1000
"""With four application bits at the end (RFC 8285 clause 4.3)."""


def seq_diff(a: int, b: int) -> int:
    """How far 16-bit sequence number `a` is ahead of `b`: -32768 to 32767."""
    return ((a - b + 0x8000) & 0xFFFF) - 0x8000


def seq_newer(a: int, b: int) -> bool:
    """Whether 16-bit sequence number `a` comes after `b`; at half the range neither does."""
    return 0 < ((a - b) & 0xFFFF) < 0x8000


def ts_diff(a: int, b: int) -> int:
    """How far 32-bit timestamp `a` is ahead of `b`: -2^31 to 2^31 - 1."""
    return ((a - b + 0x80000000) & 0xFFFFFFFF) - 0x80000000


def is_rtcp(second_byte: int) -> bool:
    """Tell RTCP from RTP on a shared port by the second byte (RFC 5761 clause 4)."""
    return 192 <= second_byte <= 223


def header_length(buf: Buffer, offset: int, size: int) -> int:
    """Bytes before the payload, CSRCs and header extension included; -1 when malformed."""
    if size < 12:
        return -1
    first = buf[offset]
    if first & 0xC0 != 0x80:
        return -1
    length = 12 + ((first & 0x0F) << 2)
    if first & 0x10:
        if size < length + 4:
            return -1
        words = offset + length + 2
        length += 4 + ((buf[words] << 8 | buf[words + 1]) << 2)
    return length if length <= size else -1


def padding_length(buf: Buffer, offset: int, size: int) -> int:
    """Bytes of padding at the end, its own count included (RFC 3550 clause 5.1).

    0 without padding; -1 when the count is 0 or reaches into the header.
    """
    if size < 12:
        return -1
    if not buf[offset] & 0x20:
        return 0
    header = header_length(buf, offset, size)
    count = buf[offset + size - 1]
    if header < 0 or count == 0 or header + count > size:
        return -1
    return count


def _elements(buf: Buffer, offset: int, header_len: int) -> Iterator[tuple[int, int, int]]:
    """Yield id, position and length of each header extension element."""
    if header_len < 16 or not buf[offset] & 0x10:
        return
    pos = offset + 12 + ((buf[offset] & 0x0F) << 2)
    end = min(offset + header_len, len(buf))
    if pos + 4 > end:
        return
    profile = buf[pos] << 8 | buf[pos + 1]
    one_byte = profile == ONE_BYTE_PROFILE
    if not one_byte and profile & 0xFFF0 != TWO_BYTE_PROFILE:
        return
    pos += 4
    while pos < end:
        first = buf[pos]
        pos += 1
        if one_byte:
            if first == 0:
                continue
            ext_id, length = first >> 4, (first & 0x0F) + 1
            # 15 is reserved and 0 is padding, which has no length: RFC 8285 clause 4.2 says stop.
            if ext_id in (0, 15):
                return
        else:
            if first == 0:
                continue
            if pos == end:
                return
            ext_id, length = first, buf[pos]
            pos += 1
        if pos + length > end:
            return
        yield ext_id, pos, length
        pos += length


def one_byte_element(ext_id: int, length: int) -> int:
    """The byte that leads an element in the one-byte form; -1 for an id that it cannot carry.

    Ids 0 and 15 are reserved there (RFC 8285 clause 4.2).
    """
    return ext_id << 4 | length - 1 if 1 <= ext_id <= 14 else -1


def extension(buf: Buffer, offset: int, header_len: int, ext_id: int) -> bytes | None:
    """The value of one header extension, or None; `header_len` is that of `header_length`."""
    for found, pos, length in _elements(buf, offset, header_len):
        if found == ext_id:
            return bytes(buf[pos : pos + length])
    return None


def extensions(buf: Buffer, offset: int, header_len: int) -> dict[int, bytes]:
    """All header extensions by id, in one-byte or two-byte form (RFC 8285).

    An element that reaches past the header ends the list; of a repeated id the first counts.
    """
    found: dict[int, bytes] = {}
    for ext_id, pos, length in _elements(buf, offset, header_len):
        if ext_id not in found:
            found[ext_id] = bytes(buf[pos : pos + length])
    return found


def _extension_block(values: dict[int, bytes]) -> bytes:
    if all(1 <= ext_id <= 14 and 1 <= len(value) <= 16 for ext_id, value in values.items()):
        profile = ONE_BYTE_PROFILE
        body = b"".join(bytes((i << 4 | len(v) - 1,)) + v for i, v in values.items())
    else:
        profile = TWO_BYTE_PROFILE
        body = b"".join(bytes((i, len(v))) + v for i, v in values.items())
    body += bytes(-len(body) % 4)
    return struct.pack("!HH", profile, len(body) // 4) + body


def build(
    payload_type: int,
    seq: int,
    timestamp: int,
    ssrc: int,
    payload: bytes,
    marker: bool = False,
    extensions: dict[int, bytes] | None = None,
) -> bytes:
    """A whole packet, for senders that have time.

    Extensions take the one-byte form where they fit it (ids 1-14, 1-16 bytes each), else the
    two-byte form (ids 1-255, up to 255 bytes each).
    """
    first = VERSION_BITS | (EXTENSION_BIT if extensions else 0)
    second = payload_type | (MARKER_BIT if marker else 0)
    header = HEADER.pack(first, second, seq, timestamp, ssrc)
    if extensions:
        header += _extension_block(extensions)
    return header + payload
