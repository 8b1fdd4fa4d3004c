"""Audio level: from what RTP carries to what W3C webrtc-stats shows. No I/O."""

from __future__ import annotations

SILENCE = 127
"""-dBov: digital silence, and what is quieter than -126 dBov (RFC 6464 clause 3)."""


def linear(level: int) -> float:
    """`audioLevel` of webrtc-stats, 0 (silence) to 1 (0 dBov), of -dBov 0 to 127 (RFC 6464).

    Held at the ends of that range.
    """
    if level >= SILENCE:
        return 0.0
    result: float = 10.0 ** (-max(0, level) / 20.0)
    return result
