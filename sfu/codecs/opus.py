"""Duration and silence of an Opus packet, from its first bytes (RFC 6716 clause 3.1).

Times are in RTP units: 48,000 a second whatever the audio bandwidth (RFC 7587 clause 4.1).
"""

from __future__ import annotations

from typing import Final

from sfu.codecs.codec import Codec
from sfu.wire.rtp import Buffer

MAX_BITRATE_BPS: Final = 510_000
"""RFC 6716 clause 2.1.1."""
MAX_DURATION: Final = 5760
"""A packet holds at most 120 ms (RFC 6716 clause 3.4, R5)."""
MAX_DTX: Final = 2
"""Bytes: a packet this short is silence or the slow update of background noise between pauses of
transmission; libopus names the limit in its description of `opus_encode`."""

SILENCE: Final = b"\xf8\xff\xfe"
"""20 ms of digital silence: CELT, full band, mono, one frame with its silence flag set. A decoder
fades to it within 5 ms and begins the next voice softly."""
PAUSE: Final = (SILENCE, b"\xf8")
"""What to send, a packet each, when a voice is left out, before sending nothing: silence, and the
start of a pause in transmission. A jitter buffer that is just sent nothing takes it for loss:
Chromium 156 then droned on for half a second; after silence alone it counted up to 0.1 s as
concealed, after both nothing."""
FRAME_DURATION: Final = 960
"""Of each packet of `PAUSE`, samples."""


def _frame_durations() -> tuple[int, ...]:
    """Samples of one frame for each of the 32 configurations (RFC 6716 table 2)."""
    silk = (480, 960, 1920, 2880)
    hybrid = (480, 960)
    celt = (120, 240, 480, 960)
    return silk * 3 + hybrid * 2 + celt * 4


_FRAME_DURATIONS: Final = _frame_durations()


def duration(payload: Buffer) -> int:
    """Samples at 48 kHz that the packet decodes to; 0 when it is malformed."""
    if not payload:
        return 0
    first = payload[0]
    code = first & 0x03
    count = 1 if code == 0 else 2
    if code == 3:
        if len(payload) < 2:
            return 0
        count = payload[1] & 0x3F
    samples = count * _FRAME_DURATIONS[first >> 3]
    return samples if samples <= MAX_DURATION else 0


def announces_pause(payload: Buffer) -> bool:
    """Whether the packet is the start of a pause in transmission: nothing may follow it for long.

    Encoders send such a packet once, and one frame of noise with another each 400 ms.
    """
    return 0 < len(payload) <= MAX_DTX


def is_silent(payload: Buffer) -> bool:
    """Whether the packet stands for a pause in speech (RFC 7587 clause 3.1.3) or is silence.

    Sequence numbers go on through such a pause, timestamps leap: a gap in time alone is no loss.
    """
    return len(payload) <= MAX_DTX or payload == SILENCE


CODEC: Final = Codec(
    name="opus",
    kind="audio",
    clock_rate=48000,
    channels=2,
    max_bitrate_bps=MAX_BITRATE_BPS,
    pause=PAUSE,
    pause_step=FRAME_DURATION,
    announces_pause=announces_pause,
    is_silent=is_silent,
)
