"""A codec that the server does not offer, as far as the tests need it: H.264 (RFC 6184).

It has no descriptor, no frame numbers, no temporal layers and nothing to patch, unlike VP8. Run as
a program, this is a worker that can forward it.
"""

from __future__ import annotations

import sys
from typing import Final

from sfu.codecs.codec import Codec, scan_by
from sfu.codecs.registry import CODECS
from sfu.process import worker

SLICE, SPS, PPS, FU_A = 1, 7, 8, 28
"""Types of NAL units, the lower five bits of a payload's first byte (clause 5.2)."""
PARAMETERS: Final = (b"\x67\x42\xe0\x1f", b"\x68\xce\x3c\x80")
"""SPS and PPS, of which encoders put a pair before each keyframe."""


def is_keyframe(payload: bytes) -> bool:
    """By the first byte: the parameters come before an IDR picture and nowhere else."""
    return payload[0] & 0x1F == SPS


def begins_frame(payload: bytes) -> bool:
    return payload[0] & 0x1F in (SPS, SLICE)


CODEC: Final = Codec(
    name="H264",
    kind="video",
    clock_rate=90000,
    is_keyframe=is_keyframe,
    begins_frame=begins_frame,
    scan=scan_by(begins_frame, is_keyframe),
)


def fragment(number: int, size: int = 100) -> bytes:
    """A part of an IDR picture."""
    return bytes((0x60 | FU_A, 0x05)) + number.to_bytes(2, "big") + bytes(size)


def slice_of(number: int, size: int = 100) -> bytes:
    """A frame that refers to the one before. Its first byte would begin no frame of VP8."""
    return bytes((0x60 | SLICE, 0xE0)) + number.to_bytes(2, "big") + bytes(size)


if __name__ == "__main__":
    CODECS[CODEC.name] = CODEC
    sys.exit(worker.main())
