"""Received video, decoded: does every decoded frame show the number that was sent?

Theory of operation. A receiver has compared each packet with the recording byte by byte; what it
hands over of a sampled video is which packets came, in order. The frames of which all packets came
are decoded as a browser would, and the number drawn into each frame is read. The decoder begins
with what the receiver had before the window, from the last keyframe on; after a frame that is not
whole it waits for a keyframe. A decoded frame counts as right when it shows its own number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from bench.light.channel import Measured, Sample
from bench.recordings.library import Library
from bench.recordings.media import read_counter
from bench.recordings.recording import Recording, depacketize_vp8

MAX_FRAMES = 500
"""Decoded of a sample at most: it takes time, after the window."""


class Checked(NamedTuple):
    """Of one sampled video."""

    frames: int
    """Of which any packet came, but for those between a loss and the next keyframe."""
    incomplete: int
    decoded: int
    right: int


def check(library: Library, results: Sequence[Measured]) -> list[dict[str, Any]]:
    """One row a sample, JSON-ready."""
    return [
        {
            "from": sample.publisher,
            "to": sample.participant,
            "kind": sample.kind,
            **decode(_recordings(library, sample), sample.packets)._asdict(),
        }
        for result in results
        for sample in result.samples
        if sample.packets
    ]


def problems(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the rows of `check` say against a run: complete frames that show another
    number. A frame of which packets are lost counts as loss."""
    return [
        f"participant {row['to']} decoded {row['decoded']} of {row['frames'] - row['incomplete']}"
        f" whole frames of {row['from']}, and {row['right']} showed the right number"
        for row in rows
        if row["right"] != row["decoded"] or row["decoded"] < row["frames"] - row["incomplete"]
    ]


def _recordings(library: Library, sample: Sample) -> list[Recording]:
    if sample.kind == "screen" and library.screen is not None:
        return [library.screen]
    return [recording for _, recording in library.videos()]


def decode(recordings: Sequence[Recording], packets: Sequence[int]) -> Checked:
    """Decode what came; `packets` are numbered through all `recordings` (simulcast layers)."""
    import av

    decoder: Any = av.CodecContext.create("vp8", "r")
    frames = incomplete = decoded = right = 0
    running, begun = False, False
    for recording, number, whole in _frames(recordings, packets):
        frame = recording.frames[number]
        if not begun:
            begun = running = True
            for earlier in _since_keyframe(recording, number):
                decoder.decode(av.Packet(earlier))
        running = running or (frame.keyframe and whole)
        if not running or frames >= MAX_FRAMES:
            continue
        frames += 1
        if not whole:
            incomplete += 1
            # What follows refers to it: on with the next keyframe.
            running = False
            continue
        data = depacketize_vp8(frame.payloads, recording.descriptor_bytes)
        for shown in decoder.decode(av.Packet(data)):
            decoded += 1
            right += _shows(shown, number)
    return Checked(frames, incomplete, decoded, right)


def _since_keyframe(recording: Recording, number: int) -> list[bytes]:
    """The frames before this one that it may refer to."""
    start = number
    while not recording.frames[start].keyframe:
        start -= 1
    return [
        depacketize_vp8(frame.payloads, recording.descriptor_bytes)
        for frame in recording.frames[start:number]
    ]


def _shows(frame: Any, number: int) -> bool:
    luma = frame.to_ndarray(format="gray")
    bits = min(16, luma.shape[1] // 16)
    return bool(read_counter(luma) == number & (1 << bits) - 1)


def _frames(
    recordings: Sequence[Recording], packets: Sequence[int]
) -> Iterator[tuple[Recording, int, bool]]:
    """Recording, number of the frame, and whether all its packets came; in order of arrival.

    The frames at both ends may be cut by the window and are left out.
    """
    places = [
        (recording, number)
        for recording in recordings
        for number, frame in enumerate(recording.frames)
        for _ in frame.payloads
    ]
    found: list[tuple[Recording, int, set[int]]] = []
    for packet in packets:
        recording, number = places[packet]
        # A resend or a late packet belongs to a frame just before.
        for known in reversed(found[-3:]):
            if known[0] is recording and known[1] == number:
                known[2].add(packet)
                break
        else:
            found.append((recording, number, {packet}))
    for recording, number, came in found[1:-1]:
        yield recording, number, len(came) == len(recording.frames[number].payloads)
