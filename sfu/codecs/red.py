"""Redundant audio (RFC 2198): a packet that carries earlier packets' frames beside its own.

Theory of operation. Redundancy ends where it arrives and is made anew where it leaves. On
arrival `primary` leaves the newest block, which is what a packet without redundancy would have
carried, and `recover` gives what was lost just before it: cache and receivers then see one plain
Opus stream, whatever the publisher's browser does. Where it leaves, `encode` adds the frames sent
before, one (what browsers send themselves) or two deep, once for all receivers alike; so a
publisher without redundancy (Firefox) has it too, and block headers name the receiver's own
payload type without being patched.

A block's header is F (more headers follow), payload type 7 bits, timestamp offset 14, length 10;
the primary's is F = 0 and payload type, one byte. Anything malformed is None or an empty list.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import Final

from sfu.codecs import opus
from sfu.wire.rtp import ts_diff

MAX_OFFSET: Final = (1 << 14) - 1
"""Timestamp units that a block may lie behind: 341 ms of Opus."""
MAX_BLOCK: Final = (1 << 10) - 1
"""Bytes of a redundant block; the primary has no such limit."""
MAX_PAYLOAD: Final = 1100
"""Bytes that `encode` makes at most: a datagram of 1200 holds it with its headers."""

_pack_header: Final = struct.Struct("!I").pack


def primary(payload: bytes, payload_type: int) -> bytes | None:
    """The newest block: the packet as it would be without redundancy.

    None when the payload is malformed, when that block is empty or not of `payload_type`.
    """
    size = len(payload)
    at = behind = 0
    while at < size:
        first = payload[at]
        if first < 0x80:
            start = at + 1 + behind
            return payload[start:] if first == payload_type and start < size else None
        if at + 4 >= size:
            return None
        behind += (payload[at + 2] & 0x03) << 8 | payload[at + 3]
        at += 4
    return None


def blocks(payload: bytes, payload_type: int) -> list[tuple[int, bytes]]:
    """All blocks of `payload_type` that are not empty, oldest first as sent, the primary last.

    Each with its timestamp offset: how far it lies behind the packet's own timestamp. An empty
    list when the payload is malformed.
    """
    size = len(payload)
    at = 0
    headers: list[tuple[int, int, int]] = []
    while at < size and payload[at] & 0x80:
        if at + 4 >= size:
            return []
        word = int.from_bytes(payload[at : at + 4], "big")
        headers.append((word >> 24 & 0x7F, word >> 10 & MAX_OFFSET, word & MAX_BLOCK))
        at += 4
    if at >= size:
        return []
    last = payload[at]
    at += 1
    if sum([length for _, _, length in headers]) > size - at:
        return []
    found = []
    for kind, offset, length in headers:
        if length and kind == payload_type:
            found.append((offset, payload[at : at + length]))
        at += length
    if at < size and last == payload_type:
        found.append((0, payload[at:]))
    return found


def recover(
    payload: bytes,
    payload_type: int,
    seq: int,
    timestamp: int,
    last_seq: int,
    last_timestamp: int,
) -> list[tuple[int, int, bytes]]:
    """What a packet with redundancy gives back of the gap just before it, oldest first.

    `seq` and `timestamp` are the packet's, `last_seq` and `last_timestamp` those of the newest
    packet before the gap; sequence numbers are extended. Each entry is extended sequence number,
    timestamp and payload. RFC 2198 names a block by its timestamp only, so a number is given
    where the timestamps leave no doubt: throughout when the gap is exactly filled by frames of
    the block's duration, else (transmission paused in it) to a lone missing packet.
    """
    missing = seq - last_seq - 1
    span = ts_diff(timestamp, last_timestamp)
    if missing < 1 or span <= 0:
        return []
    found = []
    for offset, block in blocks(payload, payload_type):
        duration = opus.duration(block)
        if not 0 < offset < span or not duration:
            continue
        if span == (missing + 1) * duration:
            behind, rest = divmod(offset, duration)
            if rest:
                continue
        elif missing == 1:
            behind = 1
        else:
            continue
        found.append((seq - behind, timestamp - offset & 0xFFFFFFFF, block))
    return found


def wrap(newest: bytes, redundant: Sequence[tuple[int, bytes]], payload_type: int) -> bytes:
    """A payload with `redundant` blocks, (timestamp offset, block) oldest first, and `newest`.

    Raises `ValueError` for an offset or a block that its header has no room for.
    """
    parts = []
    for offset, block in redundant:
        if not 0 <= offset <= MAX_OFFSET or len(block) > MAX_BLOCK:
            raise ValueError(f"a block of {len(block)} bytes, {offset} behind")
        parts.append(_pack_header((0x80 | payload_type) << 24 | offset << 10 | len(block)))
    parts.append(bytes((payload_type,)))
    parts += [block for _, block in redundant]
    parts.append(newest)
    return b"".join(parts)


def encode(
    newest: bytes, timestamp: int, earlier: Iterable[tuple[int, bytes]], payload_type: int
) -> bytes:
    """`newest` with as much of `earlier` as there is room for.

    `earlier` are (timestamp, payload) of the packets sent before, newest first, as many as there
    shall be blocks; `payload_type` is the receiver's of Opus. What is too old, too large or not
    older (a stream that began anew) is left out, with all before it.
    """
    room = MAX_PAYLOAD - len(newest) - 1
    redundant: list[tuple[int, bytes]] = []
    behind = 0
    for earlier_timestamp, block in earlier:
        offset = timestamp - earlier_timestamp & 0xFFFFFFFF
        room -= 4 + len(block)
        if not behind < offset <= MAX_OFFSET or len(block) > MAX_BLOCK or room < 0:
            break
        behind = offset
        redundant.append((offset, block))
    redundant.reverse()
    return wrap(newest, redundant, payload_type)
