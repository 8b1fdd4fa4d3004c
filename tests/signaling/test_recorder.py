"""A recorder on a voice in the worker: what aiortc publishes becomes a file that plays."""

from __future__ import annotations

import asyncio
import fractions
import os
import socket
import sys
from pathlib import Path
from typing import Any

import aiohttp
import av
import numpy as np
from aiortc.mediastreams import AudioStreamTrack

from signaling.config import Config
from signaling.machine.addresses import machine_addresses
from signaling.server import Server
from tests.sfu.recording_worker import FOLDER
from tests.signaling.aiortc_call import Call
from tests.signaling.fakes import Client

RATE = 48000
FRAME = 960
TONE = 440.0
"""Hz."""
FRAMES = 150
"""Three seconds of 20 ms."""
ROOT = Path(__file__).parents[2]


class Tone(AudioStreamTrack):
    """A steady tone, 20 ms at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.enough = asyncio.Event()
        self._began: float | None = None

    async def recv(self) -> av.AudioFrame:
        loop = asyncio.get_running_loop()
        self._began = loop.time() if self._began is None else self._began
        await asyncio.sleep(self._began + self.count * FRAME / RATE - loop.time())
        at = (np.arange(FRAME) + self.count * FRAME) / RATE
        wave = (8000 * np.sin(2 * np.pi * TONE * at)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(wave.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE, self.count * FRAME
        frame.time_base = fractions.Fraction(1, RATE)
        self.count += 1
        if self.count == FRAMES:
            self.enough.set()
        return frame


class RecordingProcess:
    """A worker process that records into a folder."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process, self.pid = process, process.pid

    def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()

    async def wait(self) -> int:
        return await self._process.wait()


async def test_a_recorder_writes_a_published_voice_into_a_file_that_plays(tmp_path: Path) -> None:
    recordings = tmp_path / "recordings"
    recordings.mkdir()

    async def launch(index: int, channel: socket.socket) -> Any:
        command = ["-m", "tests.sfu.recording_worker", "--channel-fd", str(channel.fileno())]
        return RecordingProcess(
            await asyncio.create_subprocess_exec(
                sys.executable,
                *command,
                cwd=ROOT,
                env={**os.environ, FOLDER: str(recordings)},
                pass_fds=(channel.fileno(),),
            )
        )

    config = Config(host="127.0.0.1", port=0, tls=False, workers=1, data_dir=str(tmp_path))
    server = Server(config, machine_addresses(), launch, "an admin token for tests")
    url = f"http://127.0.0.1:{await server.start(None)}"
    tone = Tone()
    async with aiohttp.ClientSession() as http:
        client = Client(await http.ws_connect(url + "/ws"))
        assert (await client.join("room", "Ada"))["type"] == "welcome"
        call = Call(client, audio=lambda: tone)
        call.start()
        try:
            await tone.enough.wait()
        finally:
            await call.close()
            # Drains the worker, so the file is whole.
            await server.close()
    (path,) = recordings.iterdir()
    assert path.suffix == ".opus"
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
        assert container.streams.audio[0].codec_context.name == "opus"
    samples = np.concatenate(frames, axis=1)[0]
    seconds = len(samples) / RATE
    sent = FRAMES * FRAME / RATE
    assert sent - 0.5 < seconds < tone.count * FRAME / RATE + 0.1
    middle = samples[RATE // 2 : -RATE // 2]
    # 8000 of 32768, as a sine: 0.17.
    assert np.sqrt(np.mean(middle**2)) > 0.05
    spectrum = np.abs(np.fft.rfft(middle))
    assert abs(np.argmax(spectrum) * RATE / len(middle) - TONE) < 2
