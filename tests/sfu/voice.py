"""A voice-like sound, through libopus and back: what a listener would hear of our packets."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]

RATE = 48000
FRAME = 960


def _sound(seconds: float) -> NDArray[np.int16]:
    """Harmonics of 140 Hz that swell and fade three times a second."""
    t = np.arange(int(seconds * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 20))
    swell = 0.55 + 0.45 * np.sin(2 * np.pi * 3.3 * t)
    return np.asarray(tone * swell * 5000, dtype=np.int16)


def encode(seconds: float) -> list[bytes]:
    """Packets of 20 ms at 32 kbit/s, as a browser makes them."""
    encoder: Any = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = RATE, "mono", "s16"
    encoder.bit_rate, encoder.time_base = 32000, Fraction(1, RATE)
    encoder.options = {"application": "voip", "frame_duration": "20"}
    sound = _sound(seconds)
    packets = []
    for start in range(0, len(sound) - FRAME + 1, FRAME):
        part = sound[start : start + FRAME].reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(part, format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE, start
        packets += [bytes(packet) for packet in encoder.encode(frame)]
    return packets


class Decoder:
    """One listener's; it keeps its state from packet to packet."""

    def __init__(self) -> None:
        self._context: Any = av.CodecContext.create("libopus", "r")
        self._context.sample_rate, self._context.layout = RATE, "mono"

    def decode(self, packet: bytes) -> Samples:
        frames = self._context.decode(av.Packet(packet))
        return np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames]).astype(float)


def loudness(samples: Samples) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(samples**2)))


def steepest(frames: list[Samples]) -> float:
    """The largest difference of two neighbours."""
    return float(np.max(np.abs(np.diff(np.concatenate(frames)))))
