"""Recorded media as tracks of aiortc: it gets encoded frames when they are due, and packs them.

Theory of operation. aiortc takes `av.Packet` from a track, cuts it into RTP and sends it, so
sending costs no encoder. A track learns of no keyframe request, so the recording has one
each second. Frames are due on the monotonic clock; how late each is handed over is noted, because
a load generator that cannot keep up measures itself and not the server.
"""

from __future__ import annotations

import asyncio
import time
from fractions import Fraction
from typing import Any

import av
from aiortc.mediastreams import MediaStreamTrack

from bench.lateness import Lateness
from bench.light.talk import Dtx
from bench.recordings.recording import Frame, Recording, depacketize_vp8


class RecordedTrack(MediaStreamTrack):
    """A recording in a loop."""

    def __init__(
        self, recording: Recording, source: str, late: Lateness, levels: bytes = b""
    ) -> None:
        """`levels` as `light.talk.levels` gives them: in silence one packet each 400 ms is sent.
        Without them everything is."""
        super().__init__()
        self.kind = recording.kind
        self.source = source
        self._recording, self._late, self._levels = recording, late, levels
        self._step = recording.duration // len(recording.frames)
        self._frames = [_data(recording, frame) for frame in recording.frames]
        self._base = Fraction(1, recording.clock_rate)
        self._began: float | None = None
        self._next = 0
        self._dtx = Dtx()

    async def recv(self) -> Any:
        """The next frame, when it is due."""
        now = time.monotonic()
        if self._began is None:
            self._began = now
        while True:
            number, self._next = self._next, self._next + 1
            due = self._began + number * self._step / self._recording.clock_rate
            if not self._left_out(due):
                break
        await asyncio.sleep(max(0.0, due - now))
        self._late.note(max(0.0, time.monotonic() - due))
        packet = av.Packet(self._frames[number % len(self._frames)])
        packet.pts = number * self._step
        packet.time_base = self._base
        return packet

    def _left_out(self, due: float) -> bool:
        """Whether DTX sends nothing for this frame."""
        if not self._levels:
            return False
        # The plan of who talks is the same in all processes: by the clock.
        return self._dtx.leaves_out(self._levels[int(due * 50) % len(self._levels)])


def _data(recording: Recording, frame: Frame) -> bytes:
    if recording.kind == "video":
        return depacketize_vp8(frame.payloads, recording.descriptor_bytes)
    return frame.payloads[0]
