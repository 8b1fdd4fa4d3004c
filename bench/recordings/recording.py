"""Recorded media as the simulated participants send it: frames cut into RTP payloads.

Theory of operation. A recording is made once (`recordings.media`) and then only replayed, so that
nothing encodes or decodes while something is measured. Every packet of a recording ends in
eight bytes that no other packet of it ends in (compressed media is close to random, and
`index_payloads` refuses a recording where it is not so). These eight bytes are the packet's
key: they survive whatever a server does to RTP headers and VP8 descriptors, so a receiver
knows by them which recorded packet it holds, and from the sender's table when that was sent.
The payload stays exactly what the encoder made, no time stamp is written into it, and the
receiver compares all of it with the recording.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

KEY_BYTES = 8
"""How many bytes at the end of a payload identify it."""

VP8_DESCRIPTOR_BYTES = 4
"""I bit set and a 15-bit picture id, as libwebrtc sends it without temporal layers."""
TEMPORAL_DESCRIPTOR_BYTES = 6
"""With TL0PICIDX, and TID behind it (RFC 7741 clause 4.2), as libwebrtc sends it with them."""

MAX_VP8_PAYLOAD = 1100
"""Descriptor included (bytes)."""


class Frame(msgspec.Struct, frozen=True, array_like=True):
    """One encoded frame."""

    timestamp: int
    """RTP clock units since the start of the recording."""
    keyframe: bool
    payloads: tuple[bytes, ...]
    """RTP payloads, for VP8 with a descriptor whose picture id and TL0PICIDX are still 0."""
    temporal: int = 0
    """Temporal layer; 0 is the base."""


class Recording(msgspec.Struct, frozen=True):
    """A loop of media. Starts with a keyframe."""

    kind: str
    """`audio` or `video`."""
    clock_rate: int
    duration: int
    """RTP clock units; the loop starts again after this."""
    frames: tuple[Frame, ...]
    temporal_layers: int = 1

    @property
    def descriptor_bytes(self) -> int:
        """At the start of each payload."""
        if self.kind != "video":
            return 0
        return VP8_DESCRIPTOR_BYTES if self.temporal_layers == 1 else TEMPORAL_DESCRIPTOR_BYTES

    @property
    def seconds(self) -> float:
        return self.duration / self.clock_rate

    @property
    def packets(self) -> int:
        return sum(len(frame.payloads) for frame in self.frames)

    @property
    def bits_per_second(self) -> float:
        """Of RTP payload."""
        return 8 * sum(len(p) for f in self.frames for p in f.payloads) / self.seconds


class RecordingError(Exception):
    """The recording cannot be used to measure."""


def packetize_vp8(
    frame: bytes, limit: int = MAX_VP8_PAYLOAD, temporal: int | None = None, sync: bool = False
) -> tuple[bytes, ...]:
    """Cut a VP8 frame into RTP payloads of almost equal size (RFC 7741 clause 4.2).

    The sizes differ by at most one byte, as libwebrtc cuts them. `limit` is the size of the
    largest payload with its descriptor. `temporal` is the layer, None where there is one only;
    `sync` says that it refers to the base layer only.
    """
    descriptor = bytes((0x80, 0x80, 0))
    if temporal is not None:
        # I, L and T: picture id, TL0PICIDX, then TID and Y.
        descriptor = bytes((0xE0, 0x80, 0, 0, temporal << 6 | sync << 5))
    room = limit - 1 - len(descriptor)
    count = -(-len(frame) // room)
    small, larger = divmod(len(frame), count)
    payloads = []
    start = 0
    for number in range(count):
        # The larger ones come last, so that a run of equal size starts the frame.
        size = small + (1 if number >= count - larger else 0)
        # X, and S on the first packet of the partition.
        first = 0x90 if number == 0 else 0x80
        payloads.append(bytes((first,)) + descriptor + frame[start : start + size])
        start += size
    return tuple(payloads)


def packetize_apart(frame: bytes, taken: set[bytes], **layer: Any) -> tuple[bytes, ...]:
    """As `packetize_vp8`, with a key of its own for each payload; the keys join `taken`.

    Frames that hardly differ (a page that stands, a small thing that moves on it) are now and
    then equal for eight bytes, in places that the encoder chooses: then the frame is cut in more
    pieces, and so elsewhere. Raises `RecordingError` when no cut of it helps.
    """
    for limit in range(MAX_VP8_PAYLOAD, MAX_VP8_PAYLOAD // 4, -MAX_VP8_PAYLOAD // 8):
        payloads = packetize_vp8(frame, limit, **layer)
        keys = {payload[-KEY_BYTES:] for payload in payloads}
        if len(keys) == len(payloads) and keys.isdisjoint(taken):
            taken |= keys
            return payloads
    raise RecordingError("a frame has no keys of its own, however it is cut")


def depacketize_vp8(
    payloads: tuple[bytes, ...] | list[bytes], descriptor: int = VP8_DESCRIPTOR_BYTES
) -> bytes:
    """The frame that `packetize_vp8` cut; `descriptor` is its bytes in each payload."""
    return b"".join(payload[descriptor:] for payload in payloads)


Index = dict[bytes, tuple[int, bytes, str]]
"""Key -> number of the packet, its media (without descriptor), and the rid of its layer."""


def index_layers(layers: Iterable[tuple[str, Recording]]) -> Index:
    """One index of all layers of a track; numbers go on from each to the next.

    Raises `RecordingError` when keys repeat.
    """
    index: Index = {}
    for rid, recording in layers:
        part = index_payloads(recording, rid, len(index))
        if not index.keys().isdisjoint(part):
            raise RecordingError(f"a packet of layer {rid} has the key of another layer's")
        index |= part
    return index


def index_payloads(recording: Recording, rid: str = "", first: int = 0) -> Index:
    """Numbers begin at `first`. Raises `RecordingError` when keys repeat."""
    index: Index = {}
    skip = recording.descriptor_bytes
    for frame in recording.frames:
        for payload in frame.payloads:
            media = payload[skip:]
            key = media[-KEY_BYTES:]
            if len(key) < KEY_BYTES or key in index:
                raise RecordingError(f"packet {len(index)} of the {recording.kind} has no own key")
            index[key] = (first + len(index), media, rid)
    return index
