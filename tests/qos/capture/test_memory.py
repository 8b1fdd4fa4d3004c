"""However large or hostile a capture is, what is kept of it stays small."""

from __future__ import annotations

import random
import struct
import tracemalloc
from collections.abc import Callable, Iterator
from io import RawIOBase

import pytest

from qos.capture.analysis import Analysis
from qos.capture.files import CaptureFile
from tests.qos.capture.captures import EPOCH, ethernet, pcap, rtp, udp4, voice

MEGABYTE = 1 << 20


class Made(RawIOBase):
    """A capture that is made while it is read."""

    def __init__(self, frames: Iterator[bytes]) -> None:
        self._frames = frames
        self._left = pcap([])
        self._number = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while len(self._left) < size:
            frame = next(self._frames, None)
            if frame is None:
                break
            second, fraction = divmod(self._number, 1000)
            head = struct.pack(
                "<IIII", EPOCH + second, fraction * 1_000_000, len(frame), len(frame)
            )
            self._left += head + frame
            self._number += 1
        given, self._left = self._left[:size], self._left[size:]
        return given


def peak(frames: Iterator[bytes]) -> int:
    """Bytes that an analysis holds at most."""
    analysis = Analysis("rfc3550")
    tracemalloc.start()
    try:
        analysis.run(CaptureFile(Made(frames)))  # type: ignore[arg-type]
        analysis.finish()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def long_call() -> Iterator[bytes]:
    template = voice(1)[0]
    for number in range(12_000):
        packet = template._replace(seq=number & 0xFFFF, timestamp=number * 48, size=1200)
        yield ethernet(udp4(rtp(packet)))


def scattered() -> Iterator[bytes]:
    """Every packet from somewhere else: no stream at all."""
    rng = random.Random(3)
    for _ in range(15_000):
        yield ethernet(udp4(b"\x80\x60" + rng.randbytes(30), ("10.0.0.1", rng.randrange(65536))))


def hidden() -> Iterator[bytes]:
    """Many streams that go on without a clock rate that could be known."""
    for number in range(24_000):
        stream, index = number % 600, number // 600
        packet = voice(1)[0]._replace(seq=index, timestamp=0, ssrc=stream, size=0)
        yield ethernet(udp4(rtp(packet)))


def reports() -> Iterator[bytes]:
    """Sender reports of ever new senders."""
    for number in range(10_000):
        report = struct.pack(">BBHIQIII", 0x80, 200, 6, number, number << 16, 0, 1, 2)
        yield ethernet(udp4(report))


@pytest.mark.parametrize("frames", [long_call, scattered, hidden, reports])
def test_memory_is_bounded(frames: Callable[[], Iterator[bytes]]) -> None:
    assert peak(frames()) < 40 * MEGABYTE
