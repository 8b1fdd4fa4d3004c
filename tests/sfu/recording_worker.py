"""A media worker that records every voice into a file of its own: a sink as a recorder has it.

It writes where it runs, in the worker's thread, which a real one must not: a disk may be slow.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av

from sfu.control import SetUpTracks
from sfu.process import worker
from sfu.receive.publisher import Publisher
from sfu.receive.rtp_stream import RtpStream
from sfu.room import worker_rooms
from sfu.room.router import Router
from sfu.wire.packet import PAYLOAD, TIMESTAMP, Packet
from sfu.wire.rtp import ts_diff

FOLDER = "RECORD_TO"
"""Environment variable: where the files go, `TRACK.opus` when they are whole."""


class OpusRecorder:
    """Opus packets as they are, in an Ogg file (RFC 7845)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_suffix(".part")
        self._file = av.open(str(self._part), "w", format="ogg")
        self._stream = self._file.add_stream("libopus", rate=48000)
        self._stream.codec_context.layout = "stereo"
        self._file.start_encoding()
        self._at = 0
        """Timestamp units since the first packet."""
        self._newest: int | None = None
        """Timestamp of the packet written last."""

    def packets(self, stream: RtpStream, packets: Sequence[Packet], now: float) -> None:
        for packet in packets:
            step = 0 if self._newest is None else ts_diff(packet[TIMESTAMP], self._newest)
            if self._newest is not None and step <= 0:
                # It is late: its place is written.
                continue
            self._newest = packet[TIMESTAMP]
            self._at += step
            written = av.Packet(packet[PAYLOAD])
            written.stream = self._stream
            written.time_base = Fraction(1, stream.clock_rate)
            written.pts = written.dts = self._at
            self._file.mux(written)

    def closed(self) -> None:
        self._file.close()
        self._part.rename(self._path)


class RecordingRouter(Router):
    """Puts a recorder on each voice when it is published."""

    def set_up_tracks(self, publisher: Publisher, command: SetUpTracks, now: float) -> None:
        super().set_up_tracks(publisher, command, now)
        for track in publisher.tracks.values():
            if track.is_voice and not track.sinks:
                track.add_sink(OpusRecorder(Path(os.environ[FOLDER]) / f"{track.track}.opus"))


if __name__ == "__main__":
    worker_rooms.Router = RecordingRouter  # type: ignore[misc]
    sys.exit(worker.main())
