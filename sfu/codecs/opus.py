"""What the first bytes of an Opus packet tell (RFC 6716 clause 3.1)."""

from __future__ import annotations

from sfu.rtp import Buffer

CLOCK_RATE = 48000
"""Of the RTP timestamp, whatever the audio's own rate (RFC 7587 clause 4.1)."""
MAX_DURATION = 5760
"""120 ms in samples of `CLOCK_RATE`: no packet may be longer."""

_SILK = (480, 960, 1920, 2880)
_HYBRID = (480, 960)
_CELT = (120, 240, 480, 960)
FRAME_DURATIONS = _SILK * 3 + _HYBRID * 2 + _CELT * 4
"""Samples of one frame by the configuration number, 0 to 31 (RFC 6716 table 2)."""


def duration(buf: Buffer, offset: int, size: int) -> int:
    """Samples at 48 kHz of the packet of `size` bytes at `offset`; 0 when malformed."""
    if size < 1:
        return 0
    toc = buf[offset]
    code = toc & 0x03
    if code == 0:
        frames = 1
    elif code < 3:
        frames = 2
    elif size < 2:
        return 0
    else:
        frames = buf[offset + 1] & 0x3F
    samples = FRAME_DURATIONS[toc >> 3] * frames
    return samples if samples <= MAX_DURATION else 0


def is_stereo(toc: int) -> bool:
    """From the first byte of the packet."""
    return toc & 0x04 != 0


def is_dtx(size: int) -> bool:
    """Whether a payload of so many bytes carries no sound (discontinuous transmission).

    The encoder then has only the TOC byte to say, at most one more (RFC 6716 clause 2.1.9).
    """
    return size <= 2
