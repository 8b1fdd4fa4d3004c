"""The recordings of one run, and where their packets stand in the send table."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import msgspec

from bench.recordings.recording import Recording


class Library(msgspec.Struct, frozen=True):
    """The recordings of one run; a row of the send table holds audio, video, then the screen.

    With simulcast `layers` has the video's layers, and `video` the highest of them.
    """

    audio: Recording
    video: Recording
    layers: dict[str, Recording] = {}
    """By rid, low to high."""
    talkers: int = 0
    """How many people talk in turns (`light.talk`); 0: everybody, all the time."""
    screen: Recording | None = None
    """Of a shared screen, where somebody shares one."""
    pattern: str = "meeting"
    """How they talk in turns: one of `light.talk.PATTERNS`."""
    seed: int = 1
    """Of the talk."""
    dtx: bool = False
    """Whether a silent microphone sends a packet each 400 ms only, as Opus does with DTX."""

    @property
    def row(self) -> int:
        """Entries of one participant in the send table."""
        screen = self.screen.packets if self.screen is not None else 0
        return self.audio.packets + sum(r.packets for _, r in self.videos()) + screen

    def videos(self) -> list[tuple[str, Recording]]:
        """What a participant's video consists of: rid and recording, low to high."""
        return list(self.layers.items()) or [("", self.video)]

    def base(self, participant: int, kind: str, rid: str = "") -> int:
        """Where a participant's packets of this kind start in the send table, or those of a layer
        of it."""
        start = participant * self.row
        if kind == "audio":
            return start
        if kind == "screen" and self.screen is not None:
            return start + self.row - self.screen.packets
        start += self.audio.packets
        for name, recording in self.videos() if rid else ():
            if name == rid:
                break
            start += recording.packets
        return start

    def of(self, kind: str, rid: str = "") -> Recording:
        if rid:
            return self.layers[rid]
        if kind == "screen" and self.screen is not None:
            return self.screen
        return self.audio if kind == "audio" else self.video


@contextlib.contextmanager
def shared(library: Library) -> Iterator[int]:
    """The descriptor of a memory file with the recordings, for child processes (`received`)."""
    descriptor = os.memfd_create("bench-recordings")
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(msgspec.msgpack.encode(library))
        yield descriptor
    finally:
        os.close(descriptor)


def received(descriptor: int) -> Library:
    """The recordings that the bench has shared; closes the descriptor."""
    with os.fdopen(descriptor, "rb") as file:
        file.seek(0)
        return msgspec.msgpack.decode(file.read(), type=Library)
