"""Real VP8 and Opus, made once with PyAV and kept in the user's cache folder.

The scene has texture, motion and sensor noise, because a test pattern compresses to a
fraction of what a camera needs; a frame number is drawn into it as black and white squares.
The sound is voice-like: a pitched pulse train through formants, in syllables, with breath.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.recordings.recording import (
    Frame,
    Recording,
    RecordingError,
    index_payloads,
    packetize_apart,
)

VIDEO_CLOCK = 90_000
AUDIO_CLOCK = 48_000
OPUS_FRAME_SECONDS = 0.02
COUNTER_BITS = 16
COUNTER_SQUARE = 16
"""Side of one square of the frame number (pixels)."""

_FORMAT = 1
"""Counts up when what is recorded changes, so that old cache files are left alone."""


@dataclass(frozen=True)
class VideoSpec:
    """What to record. Sizes in pixels; one keyframe every `keyframe_seconds`."""

    bitrate_kbps: int = 1000
    width: int = 640
    height: int = 360
    frame_rate: int = 25
    seconds: int = 20
    keyframe_seconds: int = 4
    screen: bool = False
    """Slides with a pointer instead of a camera's scene."""
    temporal_layers: int = 1
    """1 to 3."""

    @property
    def name(self) -> str:
        return (
            f"{'screen' if self.screen else 'vp8'}-{self.width}x{self.height}"
            f"-{self.frame_rate}fps-{self.bitrate_kbps}kbps-{self.seconds}s-key{self.keyframe_seconds}s-v{_FORMAT}"
            + (f"-t{self.temporal_layers}" if self.temporal_layers > 1 else "")
        )


@dataclass(frozen=True)
class AudioSpec:
    """What to record: mono voice in packets of 20 ms."""

    bitrate_kbps: int = 32
    seconds: int = 20

    @property
    def name(self) -> str:
        return f"opus-{self.bitrate_kbps}kbps-{self.seconds}s-v{_FORMAT}"


def cache_folder() -> Path:
    """Where recordings are kept: `$XDG_CACHE_HOME/sfu-bench`, else `~/.cache/sfu-bench`."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "sfu-bench"


def video(spec: VideoSpec, folder: Path | None = None) -> Recording:
    """The recording of this specification, from the cache or made now (some seconds)."""
    return _cached(spec.name, folder, lambda: make_video(spec))


def audio(spec: AudioSpec, folder: Path | None = None) -> Recording:
    """The recording of this specification, from the cache or made now."""
    return _cached(spec.name, folder, lambda: make_audio(spec))


def _cached(name: str, folder: Path | None, make: Any) -> Recording:
    path = (folder or cache_folder()) / f"{name}.msgpack"
    with contextlib.suppress(OSError, msgspec.DecodeError, RecordingError):
        kept = msgspec.msgpack.decode(path.read_bytes(), type=Recording)
        index_payloads(kept)
        return kept
    recording: Recording = make()
    index_payloads(recording)
    # A full or read-only disk costs the next run some seconds and this one nothing.
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=name)
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.msgpack.encode(recording))
        Path(scratch).replace(path)
    return recording


def make_video(spec: VideoSpec) -> Recording:
    """Encode the moving scene as a real-time encoder does: no lookahead, constant bitrate."""
    import av

    codec: Any = av.CodecContext.create("libvpx", "w")
    codec.width, codec.height, codec.pix_fmt = spec.width, spec.height, "yuv420p"
    codec.time_base = Fraction(1, spec.frame_rate)
    codec.framerate = Fraction(spec.frame_rate, 1)
    codec.bit_rate = spec.bitrate_kbps * 1000
    rate = str(codec.bit_rate)
    codec.options = {
        "deadline": "realtime",
        "cpu-used": "-6",
        "lag-in-frames": "0",
        "error-resilient": "1",
        "minrate": rate,
        "maxrate": rate,
        "bufsize": str(codec.bit_rate // 2),
        "g": "100000",
    }
    if spec.temporal_layers > 1:
        codec.options |= {"ts-parameters": _temporal_options(spec)}
    scene = (Slides if spec.screen else MovingScene)(spec.width, spec.height)
    frames: list[Frame] = []
    taken: set[bytes] = set()
    for number in range(spec.seconds * spec.frame_rate):
        image = av.VideoFrame.from_ndarray(scene.frame(number), format="yuv420p")
        image.pts = number
        image.time_base = codec.time_base
        if number % (spec.keyframe_seconds * spec.frame_rate) == 0:
            image.pict_type = av.video.frame.PictureType.I
        frames += _vp8_frames(codec.encode(image), spec, taken)
    frames += _vp8_frames(codec.encode(None), spec, taken)
    return Recording(
        "video", VIDEO_CLOCK, spec.seconds * VIDEO_CLOCK, tuple(frames), spec.temporal_layers
    )


_TEMPORAL_PATTERNS = {1: (0,), 2: (0, 1), 3: (0, 2, 1, 2)}
"""Layer of each frame, over and over; a keyframe begins anew."""
_TEMPORAL_SHARES = {2: (60, 100), 3: (40, 60, 100)}
"""Percent of the bitrate up to each layer, as libwebrtc shares it out."""


def _temporal_options(spec: VideoSpec) -> str:
    """libvpx's own settings, as libavcodec takes them."""
    layers = spec.temporal_layers
    pattern = _TEMPORAL_PATTERNS[layers]
    rates = [spec.bitrate_kbps * share // 100 for share in _TEMPORAL_SHARES[layers]]
    settings = {
        "ts_number_layers": str(layers),
        "ts_target_bitrate": ",".join(map(str, rates)),
        "ts_rate_decimator": ",".join(str(2**n) for n in reversed(range(layers))),
        "ts_periodicity": str(len(pattern)),
        "ts_layer_id": ",".join(map(str, pattern)),
        "ts_layering_mode": str(layers),
    }
    return ":".join(f"{name}={value}" for name, value in settings.items())


def _vp8_frames(packets: list[Any], spec: VideoSpec, taken: set[bytes]) -> list[Frame]:
    ticks = VIDEO_CLOCK // spec.frame_rate
    pattern = _TEMPORAL_PATTERNS[spec.temporal_layers]
    interval = spec.keyframe_seconds * spec.frame_rate
    frames = []
    for packet in packets:
        layer = pattern[packet.pts % interval % len(pattern)]
        temporal = layer if spec.temporal_layers > 1 else None
        payloads = packetize_apart(bytes(packet), taken, temporal=temporal, sync=layer == 1)
        frames.append(Frame(packet.pts * ticks, packet.is_keyframe, payloads, layer))
    return frames


class MovingScene:
    """A textured scene that pans, a head that sways before it, noise, and the frame number.

    The same number always gives the same frame.
    """

    def __init__(self, width: int, height: int) -> None:
        self._width, self._height = width, height
        random = np.random.default_rng(1)
        y, x = np.mgrid[0:height, 0 : 2 * width]
        scene = 110 + 40 * np.sin(x / 23) * np.cos(y / 17) + 25 * np.sin((x + 2 * y) / 7)
        self._scene = scene + random.normal(0, 9, scene.shape)
        self._noise = random.normal(0, 2.5, (height + 64, width + 64))
        self._y, self._x = np.mgrid[0:height, 0:width]

    def frame(self, number: int) -> NDArray[np.uint8]:
        """Planar YUV 4:2:0 as PyAV takes it: shape (height * 3 / 2, width)."""
        width, height = self._width, self._height
        pan = int((width / 2) * (1 + np.sin(number / 40)))
        luma = self._scene[:, pan : pan + width].copy()
        x = width * (0.5 + 0.12 * np.sin(number / 11))
        y = height * (0.55 + 0.05 * np.sin(number / 7))
        head = ((self._x - x) / (width * 0.16)) ** 2 + ((self._y - y) / (height * 0.36)) ** 2 < 1
        luma[head] = 175 + 20 * np.sin(self._x[head] / 9 + number / 5)
        grain_y, grain_x = (number * 37) % 64, (number * 53) % 64
        luma += self._noise[grain_y : grain_y + height, grain_x : grain_x + width]
        draw_counter(luma, number)
        chroma = np.empty((height // 2, width))
        chroma[: height // 4] = 118 + 10 * np.sin(number / 30)
        chroma[height // 4 :] = 138
        planes: NDArray[np.uint8] = np.clip(np.vstack((luma, chroma)), 0, 255).astype(np.uint8)
        return planes


class Slides:
    """A shared screen: lines of text that stand for some seconds, a pointer, and the frame number.

    The same number always gives the same frame.
    """

    SLIDE_FRAMES = 60

    def __init__(self, width: int, height: int) -> None:
        self._width, self._height = width, height
        self._slide = -1
        self._page = np.empty(0)

    def _text(self, slide: int) -> NDArray[np.float64]:
        width, height = self._width, self._height
        random = np.random.default_rng(slide)
        luma = np.full((height, width), 230.0)
        for line in range(2 * COUNTER_SQUARE, height - 48, 48):
            letters = random.random((3, width // 16 - 12)) < 0.5
            text = np.repeat(np.repeat(letters, 6, axis=0), 12, axis=1)
            luma[line : line + 18, 40 : 40 + text.shape[1]][text] = 30.0
        return luma

    def frame(self, number: int) -> NDArray[np.uint8]:
        """Planar YUV 4:2:0 as PyAV takes it: shape (height * 3 / 2, width)."""
        width, height = self._width, self._height
        if number // self.SLIDE_FRAMES != self._slide:
            self._slide = number // self.SLIDE_FRAMES
            self._page = self._text(self._slide)
        luma = self._page.copy()
        x = int((width - 40) * (0.5 + 0.45 * np.sin(number / 13)))
        y = int((height - 80) * (0.5 + 0.4 * np.cos(number / 17))) + 40
        luma[y : y + 16, x : x + 16] = 90.0 + number * 7 % 100
        draw_counter(luma, number)
        planes: NDArray[np.uint8] = np.vstack((luma, np.full((height // 2, width), 128.0))).astype(
            np.uint8
        )
        return planes


def draw_counter(luma: NDArray[np.float64], number: int) -> None:
    """Draw the number's bits as squares into the top rows, the lowest bit first."""
    for bit in range(COUNTER_BITS):
        left = bit * COUNTER_SQUARE
        shade = 235.0 if number >> bit & 1 else 16.0
        luma[:COUNTER_SQUARE, left : left + COUNTER_SQUARE] = shade


def read_counter(luma: NDArray[np.uint8]) -> int:
    """The number that `draw_counter` drew, from a decoded frame."""
    number = 0
    middle = slice(COUNTER_SQUARE // 4, 3 * COUNTER_SQUARE // 4)
    # A narrow frame has room for the lower bits only.
    for bit in range(min(COUNTER_BITS, luma.shape[1] // COUNTER_SQUARE)):
        left = bit * COUNTER_SQUARE
        square = luma[:COUNTER_SQUARE, left : left + COUNTER_SQUARE]
        number |= int(square[middle, middle].mean() > 128) << bit
    return number


def make_audio(spec: AudioSpec) -> Recording:
    """Encode the voice with in-band error correction off and no silence suppression."""
    import av

    codec: Any = av.CodecContext.create("libopus", "w")
    codec.sample_rate, codec.layout, codec.format = AUDIO_CLOCK, "mono", "s16"
    codec.bit_rate = spec.bitrate_kbps * 1000
    codec.options = {"application": "voip", "frame_duration": "20"}
    samples = int(AUDIO_CLOCK * OPUS_FRAME_SECONDS)
    wave = voice(spec.seconds)
    packets: list[bytes] = []
    for start in range(0, len(wave), samples):
        block = av.AudioFrame.from_ndarray(
            wave[None, start : start + samples], format="s16", layout="mono"
        )
        block.sample_rate = AUDIO_CLOCK
        block.pts = start
        packets += [bytes(packet) for packet in codec.encode(block)]
    frames = tuple(
        Frame(number * samples, True, (packet,))
        for number, packet in enumerate(packets[: len(wave) // samples])
    )
    return Recording("audio", AUDIO_CLOCK, len(frames) * samples, frames)


def voice(seconds: int) -> NDArray[np.int16]:
    """A voice-like mono signal at 48 kHz."""
    random = np.random.default_rng(2)
    count = seconds * AUDIO_CLOCK
    time = np.arange(count) / AUDIO_CLOCK
    pitch = 120 + 15 * np.sin(2 * np.pi * 0.7 * time) + 8 * np.sin(2 * np.pi * 2.3 * time)
    phase = 2 * np.pi * np.cumsum(pitch) / AUDIO_CLOCK
    signal = np.zeros(count)
    for harmonic in range(1, 26):
        centre = harmonic * 120
        gain = sum(
            np.exp(-(((centre - f) / 180) ** 2)) * a
            for f, a in ((500, 1.0), (1500, 0.5), (2500, 0.3))
        )
        signal += (0.05 + gain) * np.sin(harmonic * phase)
    syllables = 0.25 + 0.75 * np.abs(np.sin(2 * np.pi * 2.1 * time + np.sin(time)))
    signal = signal * syllables / np.abs(signal).max()
    signal += random.normal(0, 0.02, count)
    samples: NDArray[np.int16] = (signal * 12_000).clip(-32_768, 32_767).astype(np.int16)
    return samples
