"""What the browsers' fake cameras and microphones play, made once and kept in the cache folder.

The video is the bench's moving scene (texture, motion, sensor noise, frame number), played forth
and back so that its loop has no cut, which would cost a burst of bits that no camera has. The
voices take turns as people do: seat 0 speaks most of the time, the others put in a few words.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import wave
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.recordings.media import AUDIO_CLOCK, MovingScene, cache_folder, draw_counter, voice

CLIP_RATE = 25
CLIP_FRAMES = 160
"""Of one loop, forth and back; a frame of 640x360 takes 345 kB."""
VOICE_SECONDS = 20
HUSH = 0.0006
"""Sound of the room between two utterances, of full scale: about -64 dBFS."""
_FORMAT = 1


def clip(width: int, height: int, folder: Path | None = None) -> Path:
    """A YUV4MPEG2 file of that size (pixels)."""
    name = f"camera-{width}x{height}-{CLIP_RATE}fps-{CLIP_FRAMES}-v{_FORMAT}.y4m"
    return _kept(name, folder, lambda path: _write_clip(path, width, height))


def speech(seat: int, folder: Path | None = None) -> Path:
    """A WAV file, mono, of the voice on that seat (0 speaks most)."""
    name = f"voice-{seat}-{VOICE_SECONDS}s-v{_FORMAT}.wav"
    return _kept(name, folder, lambda path: _write_speech(path, seat))


def _kept(name: str, folder: Path | None, write: Callable[[Path], None]) -> Path:
    path = (folder or cache_folder()) / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{name}")
        os.close(handle)
        try:
            write(Path(scratch))
            Path(scratch).replace(path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                Path(scratch).unlink()
    return path


def jpegs(width: int, height: int, folder: Path | None = None) -> list[bytes]:
    """The camera's frames in forward order, for a player that reverses by itself."""
    import av

    encoder: Any = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj420p"
    encoder.time_base = Fraction(1, CLIP_RATE)
    encoder.options = {"qmin": "2", "qmax": "2"}
    size = width * height * 3 // 2
    found: list[bytes] = []
    with clip(width, height, folder).open("rb") as file:
        file.readline()
        for _ in range(CLIP_FRAMES // 2):
            file.readline()
            planes = np.frombuffer(file.read(size), np.uint8).reshape(height * 3 // 2, width)
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p").reformat(format="yuvj420p")
            found += [bytes(packet) for packet in encoder.encode(frame)]
    return found + [bytes(packet) for packet in encoder.encode(None)]


def source_frame(number: int) -> int:
    """The frame of the moving scene at place `number` of the loop."""
    return min(number, CLIP_FRAMES - 1 - number)


def _write_clip(path: Path, width: int, height: int) -> None:
    scene = MovingScene(width, height)
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F{CLIP_RATE}:1 Ip A1:1 C420\n".encode())
        for number in range(CLIP_FRAMES):
            planes = scene.frame(source_frame(number)).astype(np.float64)
            draw_counter(planes, number)
            file.write(b"FRAME\n" + planes.astype(np.uint8).tobytes())


def utterances(seat: int) -> NDArray[np.bool_]:
    """Where in the loop the seat speaks: one value a sample."""
    time = np.arange(VOICE_SECONDS * AUDIO_CLOCK) / AUDIO_CLOCK
    if seat == 0:
        speaks: NDArray[np.bool_] = (time % 5) < 4.4
        return speaks
    begin = (3 + 5 * (seat - 1)) % VOICE_SECONDS
    return (time >= begin) & (time < begin + 3)


def _write_speech(path: Path, seat: int) -> None:
    signal = voice(VOICE_SECONDS).astype(np.float64) * utterances(seat)
    signal += np.random.default_rng(seat).normal(0, HUSH * 32_767, len(signal))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(AUDIO_CLOCK)
        file.writeframes(np.clip(signal, -32_768, 32_767).astype("<i2").tobytes())
