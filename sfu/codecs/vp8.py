"""The VP8 payload descriptor (RFC 7741 clause 4.2) and the frame header.

The descriptor stands before the VP8 data of every RTP packet; a forwarder patches its picture
id and TL0PICIDX in place, so the parser notes where they stand. `CODEC` is what the rest of the
server sees of this module.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

from sfu.codecs.codec import (
    BASE_LOST,
    NO_NUMBERS,
    NO_SHIFT,
    UNDECIDED,
    USABLE,
    Codec,
    FrameNumbers,
    Shift,
)
from sfu.wire.rtp import Buffer

FIRST_MASK: Final = 0x17
FIRST: Final = 0x10
"""S = 1 and PID = 0 in the first byte of the descriptor: the first packet of a frame."""
LONGEST_JUMP: Final = 0x1000
"""Picture ids, of 15 bits, that a pause may leave out: two minutes at 30 frames a second."""

_pack_both: Final = struct.Struct("!HB").pack_into
_pack_picture: Final = struct.Struct("!H").pack_into


class Descriptor:
    """One payload descriptor. A field that is absent is -1; offsets count from the payload."""

    __slots__ = (
        "keyidx",
        "non_reference",
        "partition",
        "picture_id",
        "picture_id_bits",
        "picture_id_offset",
        "size",
        "start",
        "tid",
        "tl0picidx",
        "tl0picidx_offset",
        "y",
    )

    def __init__(self) -> None:
        self.size = 1
        """Bytes of the descriptor: where the VP8 data begins."""
        self.start = False
        """S: a partition starts here."""
        self.partition = 0
        """PID, 0 to 7: with `start` and 0 this is the first packet of a frame."""
        self.non_reference = False
        """N: no other frame refers to this one."""
        self.picture_id = -1
        self.picture_id_bits = 0
        """0, 7 or 15."""
        self.picture_id_offset = -1
        self.tl0picidx = -1
        self.tl0picidx_offset = -1
        self.tid = -1
        """Temporal layer, 0 to 3."""
        self.y = False
        """This frame depends on the base layer only."""
        self.keyidx = -1


def parse(payload: Buffer, offset: int = 0, size: int = -1) -> Descriptor | None:
    """Read the descriptor of `size` bytes at `offset` (all of `payload` without them).

    None when the packet is truncated before its VP8 data: a descriptor with nothing behind it
    is malformed too.
    """
    end = len(payload) if size < 0 else offset + size
    if offset >= end:
        return None
    found = Descriptor()
    first = payload[offset]
    found.start = first & 0x10 != 0
    found.partition = first & 0x07
    found.non_reference = first & 0x20 != 0
    pos = offset + 1
    if first & 0x80:
        pos = _parse_extension(found, payload, offset, end)
    if pos < 0 or pos >= end:
        return None
    found.size = pos - offset
    return found


def _parse_extension(found: Descriptor, payload: Buffer, offset: int, end: int) -> int:
    """Fill in the optional fields; the position after them, or -1 when they are cut off."""
    pos = offset + 1
    if pos >= end:
        return -1
    present = payload[pos]
    pos += 1
    if present & 0x80:
        if pos + 1 >= end:
            return -1
        found.picture_id_offset = pos - offset
        if payload[pos] & 0x80:
            found.picture_id_bits = 15
            found.picture_id = (payload[pos] & 0x7F) << 8 | payload[pos + 1]
            pos += 2
        else:
            found.picture_id_bits = 7
            found.picture_id = payload[pos]
            pos += 1
    if present & 0x40:
        if pos >= end:
            return -1
        found.tl0picidx_offset = pos - offset
        found.tl0picidx = payload[pos]
        pos += 1
    if present & 0x30:
        if pos >= end:
            return -1
        if present & 0x20:
            found.tid = payload[pos] >> 6
            found.y = payload[pos] & 0x20 != 0
        if present & 0x10:
            found.keyidx = payload[pos] & 0x1F
        pos += 1
    return pos


def patch(data: bytearray, at: int, payload: Buffer, shift: Shift) -> None:
    """Shift picture id and TL0PICIDX of `payload`, of which a copy stands at `data[at]`.

    Each wraps in its own size; what is absent or malformed stays as it is.
    """
    picture_delta, tl0_delta = shift
    if len(payload) > 5 and payload[0] & 0x80 and payload[1] & 0x80 and payload[2] & 0x80:
        # What browsers send: a picture id of 15 bits, and mostly TL0PICIDX behind it.
        picture = ((payload[2] << 8 | payload[3]) + picture_delta | 0x8000) & 0xFFFF
        if payload[1] & 0x40:
            _pack_both(data, at + 2, picture, payload[4] + tl0_delta & 0xFF)
        else:
            _pack_picture(data, at + 2, picture)
        return
    found = parse(payload)
    if found is None:
        return
    if found.picture_id_bits == 15:
        picture = found.picture_id + picture_delta & 0x7FFF
        _pack_picture(data, at + found.picture_id_offset, 0x8000 | picture)
    elif found.picture_id_bits == 7:
        data[at + found.picture_id_offset] = found.picture_id + picture_delta & 0x7F
    if found.tl0picidx >= 0:
        data[at + found.tl0picidx_offset] = found.tl0picidx + tl0_delta & 0xFF


def numbers(payload: bytes, shift: Shift) -> FrameNumbers:
    """Picture id and TL0PICIDX of a packet that was sent under `shift`."""
    found = parse(payload)
    if found is None:
        return NO_NUMBERS
    picture_id, tl0picidx = found.picture_id, found.tl0picidx
    if picture_id >= 0:
        picture_id = picture_id + shift[0] & (1 << found.picture_id_bits) - 1
    if tl0picidx >= 0:
        tl0picidx = tl0picidx + shift[1] & 0xFF
    return FrameNumbers(picture_id, tl0picidx)


def continued(last: FrameNumbers, payload: bytes, before: Shift | None) -> Shift:
    """See `Codec.continued`; 0 for a number that one of the two has not.

    After a pause of one and the same stream its frames may go on as they are numbered. Not so
    after a pause so long that the numbers may look older.
    """
    found = parse(payload)
    if found is None:
        return NO_SHIFT
    picture_id = found.picture_id
    if before is not None and last.frame >= 0 and picture_id >= 0:
        new = picture_id + before[0] & (1 << found.picture_id_bits) - 1
        if 0 < (new - last.frame) & 0x7FFF < LONGEST_JUMP:
            return before
    picture = last.frame + 1 - picture_id
    tl0 = last.base + 1 - found.tl0picidx
    return (
        picture if last.frame >= 0 and picture_id >= 0 else 0,
        tl0 if last.base >= 0 and found.tl0picidx >= 0 else 0,
    )


def follows(sent: bytes, payload: bytes) -> bool:
    """Whether `payload` begins the picture right after the one that `sent` is of."""
    if payload[0] & FIRST_MASK != FIRST:
        return False
    before, found = parse(sent), parse(payload)
    if before is None or found is None or before.picture_id < 0 or found.picture_id < 0:
        return False
    largest = (1 << found.picture_id_bits) - 1
    return found.picture_id - before.picture_id & largest == 1


def temporal_id(payload: bytes) -> int:
    """TID and Y as one number, TID * 2 + Y; -1 where there is none.

    Reads no more of the descriptor than it must; what is cut off has none.
    """
    try:
        if not payload[0] & 0x80:
            return -1
        present = payload[1]
        if not present & 0x20:
            return -1
        at = 2
        if present & 0x80:
            at = 4 if payload[2] & 0x80 else 3
        if present & 0x40:
            at += 1
        return payload[at] >> 5
    except IndexError:
        return -1


def resumes(sent: bytes, ended: bool, payload: bytes) -> int:
    """See `Codec.resumes`.

    With temporal layers a stream can go on at the next frame of the base layer, or at one that
    refers to the base layer only, where no frame of that is missing in between. Without them,
    everything behind a gap needs what is missing.
    """
    before, found = parse(sent), parse(payload)
    if before is None or before.tid < 0 or before.tl0picidx < 0:
        return BASE_LOST
    if found is None or found.tid < 0 or (before.tid == 0 and not ended):
        return BASE_LOST
    is_base = found.tid == 0
    ahead = found.tl0picidx - before.tl0picidx & 0xFF
    if ahead > 1 or (ahead == 1 and not is_base):
        return BASE_LOST
    starts = found.start and found.partition == 0
    return USABLE if starts and (is_base or found.y) and ahead == is_base else UNDECIDED


def begins_frame(payload: bytes) -> bool:
    """Whether the payload is the first packet of a frame."""
    return payload[0] & FIRST_MASK == FIRST


def scan(payloads: Sequence[bytes]) -> tuple[int, list[int]]:
    """See `Codec.scan`; on the packet path, so without a call a packet."""
    begun = 0
    keyframes = []
    for place, payload in enumerate(payloads):
        if payload[0] & FIRST_MASK == FIRST:
            begun += 1
            if is_keyframe(payload):
                keyframes.append(place)
    return begun, keyframes


def is_keyframe(payload: Buffer) -> bool:
    """Whether the payload is the first packet of a keyframe.

    It starts partition 0 and the first bit of the VP8 frame header, P, is 0 (RFC 7741 clause
    4.3). Anything malformed is no keyframe.
    """
    size = len(payload)
    if size < 2:
        return False
    first = payload[0]
    if first & FIRST_MASK != FIRST:
        return False
    if first & 0x80:
        present = payload[1]
        skip = 2
        if present & 0x80:
            if size < 4:
                return False
            skip = 4 if payload[2] & 0x80 else 3
        if present & 0x40:
            skip += 1
        if present & 0x30:
            skip += 1
        return skip < size and not payload[skip] & 0x01
    return not payload[1] & 0x01


def dimensions(payload: Buffer) -> tuple[int, int] | None:
    """Width and height in pixels from the first packet of a keyframe (RFC 6386 clause 9.1).

    None for any other packet, or when it is cut off or lacks the start code.
    """
    if not is_keyframe(payload):
        return None
    found = parse(payload)
    if found is None:
        return None
    header = bytes(payload[found.size : found.size + 10])
    if len(header) < 10 or header[3:6] != b"\x9d\x01\x2a":
        return None
    # The two upper bits of each are a scaling hint for the player.
    width = (header[7] << 8 | header[6]) & 0x3FFF
    height = (header[9] << 8 | header[8]) & 0x3FFF
    return width, height


CODEC: Final = Codec(
    name="VP8",
    kind="video",
    clock_rate=90000,
    is_keyframe=is_keyframe,
    begins_frame=begins_frame,
    scan=scan,
    dimensions=dimensions,
    numbers=numbers,
    continued=continued,
    patch=patch,
    follows=follows,
    temporal_id=temporal_id,
    resumes=resumes,
)
