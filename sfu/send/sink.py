"""Packets in plaintext for whoever is no receiver: a recorder, a relay to another worker.

Theory of operation. A sink is put on an up track (`UpTrack.add_sink`) and gets the packets of all
its streams as they are forwarded: deciphered, without redundancy, video repaired and in order. It
counts as somebody who wants the track, so what is missing is asked for and no layer rests. It runs
in the worker's only thread: slow work belongs elsewhere.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol

from sfu.receive.rtp_stream import RtpStream
from sfu.wire.packet import Packet

log = logging.getLogger("sfu.sink")


class Sink(Protocol):
    """Gets the packets of one track; one that raises is removed."""

    def packets(self, stream: RtpStream, packets: Sequence[Packet], now: float) -> None:
        """A batch of one stream, to be read only: `stream` has SSRC, rid, codec and the last
        sender report, `now` (monotonic seconds) when the batch arrived.

        Numbers are extended. Those of video only rise; a packet of a voice that came late follows
        those that it should have preceded, and what never came is missing.
        """

    def closed(self) -> None:
        """The track is over: nothing follows."""


class Sinks:
    """All sinks of one up track; its streams share them."""

    __slots__ = ("_sinks",)

    def __init__(self) -> None:
        self._sinks: list[Sink] = []

    def __bool__(self) -> bool:
        return bool(self._sinks)

    def add(self, sink: Sink) -> None:
        """From the next packet on."""
        self._sinks.append(sink)

    def remove(self, sink: Sink) -> None:
        """No packet more; nothing happens where it is gone already."""
        if sink in self._sinks:
            self._sinks.remove(sink)

    def packets(self, stream: RtpStream, packets: Sequence[Packet], now: float) -> None:
        """A batch for each of them."""
        for sink in tuple(self._sinks):
            try:
                sink.packets(stream, packets, now)
            except Exception:
                self._failed(sink, stream.track.spec.track)

    def close(self, track: str) -> None:
        """The track of this name is over."""
        sinks, self._sinks = self._sinks, []
        for sink in sinks:
            try:
                sink.closed()
            except Exception:
                self._failed(sink, track)

    def _failed(self, sink: Sink, track: str) -> None:
        self.remove(sink)
        log.exception("a sink of track %s failed and is gone", track)
