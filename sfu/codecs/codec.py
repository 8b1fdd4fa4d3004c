"""What the media plane must know of a codec: one interface, filled in by one module a codec.

Theory of operation. The server never decodes. What it reads in a payload and what it changes in
one are the functions of a `Codec`, looked up by name once a track (`sfu.codecs.registry`): no code
elsewhere asks which codec a packet is of. A capability that a codec lacks keeps its default here,
which is right for its callers: without temporal layers no frame is ever left out, without frame
numbers nothing is patched and no gap is taken for padding.

Functions take an RTP payload, without header and padding, that is not empty; they come from
strangers, so a function answers for malformed bytes too and never raises.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

Kind = Literal["audio", "video"]

Shift = tuple[int, int]
"""What is added to the two numbers of a frame (`FrameNumbers`), each modulo its own size."""
NO_SHIFT: Final[Shift] = (0, 0)


class FrameNumbers(NamedTuple):
    """Numbers by which a codec's decoder sees that a frame is missing; -1: it has none."""

    frame: int
    """Counts all frames: the picture id of VP8."""
    base: int
    """Counts those of the base layer: TL0PICIDX of VP8."""


NO_NUMBERS: Final = FrameNumbers(-1, -1)

USABLE: Final = 1
"""A frame begins here that needs nothing of what is missing."""
BASE_LOST: Final = -1
"""What is missing is needed by all that follows: only a keyframe helps."""
UNDECIDED: Final = 0
"""A later packet may begin such a frame."""


def _no(payload: bytes) -> bool:
    return False


def _no_frames(payloads: Sequence[bytes]) -> tuple[int, list[int]]:
    return 0, []


def _no_dimensions(payload: bytes) -> tuple[int, int] | None:
    return None


def _no_numbers(payload: bytes, shift: Shift) -> FrameNumbers:
    return NO_NUMBERS


def _no_shift(last: FrameNumbers, payload: bytes, before: Shift | None) -> Shift:
    return NO_SHIFT


def _no_patch(data: bytearray, at: int, payload: bytes, shift: Shift) -> None:
    pass


def _unknown_order(sent: bytes, payload: bytes) -> bool:
    return False


def _no_temporal_id(payload: bytes) -> int:
    return -1


def _needs_all(sent: bytes, ended: bool, payload: bytes) -> int:
    return BASE_LOST


@dataclass(frozen=True, kw_only=True, slots=True)
class Codec:
    """One codec as RTP carries it; each function is stateless."""

    name: str
    """As in its media type (RFC 4855), and in messages to the worker."""
    kind: Kind
    clock_rate: int
    """Timestamp units a second."""
    channels: int = 1
    """As in its rtpmap."""
    max_bitrate_bps: int = 0
    """More than this no stream of it can take; 0: there is no such bound."""

    # Frames, of video.

    is_keyframe: Callable[[bytes], bool] = _no
    """Whether a keyframe begins with this packet."""
    begins_frame: Callable[[bytes], bool] = _no
    """Whether any frame does."""
    scan: Callable[[Sequence[bytes]], tuple[int, list[int]]] = _no_frames
    """Of packets in order: how many frames begin, and the places of those that begin a keyframe.
    One call a batch on the packet path, so a codec has a loop of its own; else `scan_by`."""
    dimensions: Callable[[bytes], tuple[int, int] | None] = _no_dimensions
    """Width and height in pixels, from the first packet of a keyframe; None where not to be had."""

    # Frame numbers, of codecs whose decoder sees by them that a frame is missing.

    numbers: Callable[[bytes, Shift], FrameNumbers] = _no_numbers
    """Those that a receiver saw in a packet sent under a shift."""
    continued: Callable[[FrameNumbers, bytes, Shift | None], Shift] = _no_shift
    """The shift with which a stretch that begins with this packet goes on from the numbers sent
    last. The third is the shift of an earlier stretch of the same stream, None after another
    stream: where it still fits it is the answer, for it needs no patching more."""
    patch: Callable[[bytearray, int, bytes, Shift], None] = _no_patch
    """Shift the numbers of a payload of which a copy stands at a place in memory."""
    follows: Callable[[bytes, bytes], bool] = _unknown_order
    """Whether the second packet begins the very next frame after the one that the first is of."""

    # Temporal layers, of codecs whose packets name them: frames above a layer may be left out.

    temporal_id: Callable[[bytes], int] = _no_temporal_id
    """Temporal layer * 2, and 1 more if the frame refers to the base layer only; -1: none."""
    resumes: Callable[[bytes, bool, bytes], int] = _needs_all
    """Whether a stream can go on with this packet behind a gap: `USABLE`, `BASE_LOST` or
    `UNDECIDED`. The first two arguments are the last packet before the gap, and whether it was
    the last of its frame."""

    # Pauses, of voices.

    pause: tuple[bytes, ...] = ()
    """Packets that let a voice end which is left out from now on."""
    pause_step: int = 0
    """Timestamp units of each."""
    announces_pause: Callable[[bytes], bool] = _no
    """Whether nothing may follow this packet for long, since nobody speaks."""
    is_silent: Callable[[bytes], bool] = _no
    """Whether it stands for silence or a pause."""


def scan_by(
    begins_frame: Callable[[bytes], bool], is_keyframe: Callable[[bytes], bool]
) -> Callable[[Sequence[bytes]], tuple[int, list[int]]]:
    """`Codec.scan` made of the two, for a codec without a faster one."""

    def scan(payloads: Sequence[bytes]) -> tuple[int, list[int]]:
        begins = [place for place, payload in enumerate(payloads) if begins_frame(payload)]
        return len(begins), [place for place in begins if is_keyframe(payloads[place])]

    return scan
