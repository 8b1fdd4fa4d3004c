"""A participant without a WebSocket in a call with a browser; its media takes the usual path."""

from __future__ import annotations

import asyncio
import math
import time
from array import array
from collections.abc import AsyncIterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiortc.mediastreams import MediaStreamTrack
from av import AudioFrame

from signaling.access.authenticator import GuestByName
from signaling.conference.requests import Requests
from signaling.config import Config
from signaling.connection.message_table import MessageTable
from signaling.machine.addresses import machine_addresses
from signaling.server import Server
from signaling.worker_pool import launcher
from tests.browser.conftest import Opens
from tests.signaling.aiortc_call import Call
from tests.signaling.memory_connection import MemoryClient

pytestmark = pytest.mark.browser

RATE, FRAME = 48_000, 960
"""Samples a second, and in the 20 ms of one frame."""
TONE_HZ = 400


class Tone(MediaStreamTrack):
    """A sine, a frame each 20 ms."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._began: float | None = None
        self._number = 0
        wave = (math.sin(2 * math.pi * TONE_HZ * n / RATE) for n in range(FRAME))
        self._samples = array("h", (int(8000 * value) for value in wave)).tobytes()

    async def recv(self) -> Any:
        """The next frame, when it is due."""
        now = time.monotonic()
        self._began = self._began or now
        await asyncio.sleep(max(0.0, self._began + self._number * FRAME / RATE - now))
        frame = AudioFrame(format="s16", layout="mono", samples=FRAME)
        frame.planes[0].update(self._samples)
        frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
        frame.pts, self._number = self._number * FRAME, self._number + 1
        return frame


@pytest_asyncio.fixture(loop_scope="session")
async def here(tmp_path: Path) -> AsyncIterator[tuple[Server, str]]:
    """A server in this process, so that a participant needs no socket; and its address."""
    config = Config(host="127.0.0.1", port=0, tls=False, workers=1, data_dir=str(tmp_path))
    server = Server(config, machine_addresses(), launcher(0, "WARNING"), "a token for tests")
    port = await server.start(None)
    yield server, f"http://127.0.0.1:{port}"
    await server.close()


async def test_a_participant_without_a_websocket_and_a_browser_see_and_hear_each_other(
    on_chromium: Opens, here: tuple[Server, str]
) -> None:
    server, url = here
    table = MessageTable(Requests(server.rooms, GuestByName()).part())
    client = MemoryClient(table, server.rooms.entrance.guesses, "", time.monotonic)
    await client.join("room", "Rekaman")
    assert client.session.stage == "joined"
    recording = Call(client, Tone)
    recording.start()
    ada = await on_chromium("Ada")
    try:
        async with asyncio.timeout(60):
            await recording.has_got("transport", connection="publish", state="connected")
        await ada.join(f"{url}/r/room")
        await ada.sees("Rekaman")
        await ada.hears("Rekaman")
        async with asyncio.timeout(60):
            await recording.more_frames()
            await recording.has_got("participantJoined")
    finally:
        await recording.close()
    await client.send("leave")
    assert client.outlet.end == "left"
    await ada.alone_with()
