"""An aiortc participant that rebuilds its connections when the server asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack


class Speaks(Protocol):
    """A client that has joined: `fakes.Client`, or one in memory."""

    async def send(self, kind: str, **fields: Any) -> None: ...
    async def next(self) -> dict[str, Any]: ...


class Call:
    """Publishes sound and video, and decodes what it is offered."""

    def __init__(self, client: Speaks, audio: Callable[[], Any] = AudioStreamTrack) -> None:
        """`audio` makes the track that it publishes; silence by default."""
        self.client = client
        self._audio = audio
        self.up: RTCPeerConnection | None = None
        self.down: RTCPeerConnection | None = None
        self.frames = {"audio": 0, "video": 0}
        self.seen: list[dict[str, Any]] = []
        self.news = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self._spawn(self._read())

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)

    async def _read(self) -> None:
        await self._publish()
        while True:
            message = await self.client.next()
            self.seen.append(message)
            if message["type"] == "published":
                assert self.up is not None
                await self.up.setRemoteDescription(RTCSessionDescription(message["sdp"], "answer"))
            elif message["type"] == "offer":
                await self._answer(message)
            elif message["type"] == "reset":
                await self._publish()
            self.news.set()

    async def _publish(self) -> None:
        if self.up is not None:
            await self.up.close()
        self.up = RTCPeerConnection()
        self.up.addTransceiver(self._audio(), "sendonly")
        self.up.addTransceiver(VideoStreamTrack(), "sendonly")
        await self.up.setLocalDescription(await self.up.createOffer())
        audio, video = (transceiver.mid for transceiver in self.up.getTransceivers())
        tracks = [{"mid": audio, "source": "microphone"}, {"mid": video, "source": "camera"}]
        sdp = self.up.localDescription.sdp
        await self.client.send("publish", id=1, sdp=sdp, tracks=tracks, restart=True)

    async def _answer(self, message: dict[str, Any]) -> None:
        if message["restart"] or self.down is None:
            if self.down is not None:
                await self.down.close()
            self.down = RTCPeerConnection()
            self.down.on("track", lambda track: self._spawn(self._count(track)))
        await self.down.setRemoteDescription(RTCSessionDescription(message["sdp"], "offer"))
        await self.down.setLocalDescription(await self.down.createAnswer())
        sdp = self.down.localDescription.sdp
        await self.client.send("answer", id=message["id"], sdp=sdp)

    async def _count(self, track: Any) -> None:
        while True:
            await track.recv()
            self.frames[track.kind] += 1
            self.news.set()

    async def more_frames(self) -> None:
        """Until a further frame of each kind was decoded."""
        before = dict(self.frames)
        while any(self.frames[kind] <= before[kind] for kind in before):
            self.news.clear()
            await self.news.wait()

    async def hear(self, count: int) -> None:
        """Until so many further frames of audio were decoded; 50 are a second."""
        until = self.frames["audio"] + count
        while self.frames["audio"] < until:
            self.news.clear()
            await self.news.wait()

    async def has_got(self, kind: str, **fields: Any) -> None:
        """Until a message with these fields has come."""
        wanted = {"type": kind, **fields}
        while not any(wanted.items() <= message.items() for message in self.seen):
            self.news.clear()
            await self.news.wait()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in (self.up, self.down):
            if connection is not None:
                await connection.close()
