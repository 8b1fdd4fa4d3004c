"""Stand-ins: a media worker at the other end of the channel, and a client's side of an SDP."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import socket
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from sfu.control import (
    Command,
    Drain,
    Event,
    Fingerprint,
    Unframer,
    WorkerReady,
    WorkerStats,
    decode_command,
    frame,
)
from signaling.negotiation import sdp

OFFERS = Path(__file__).parent.parent / "fixtures" / "offers"
FINGERPRINT = Fingerprint("sha-256", ":".join(["AB"] * 32))
C = TypeVar("C", bound=Command)


def offer(name: str) -> str:
    """The text of a recorded offer."""
    (path,) = OFFERS.glob(f"{name}*.sdp")
    return path.read_bytes().decode()


def answer(offer_sdp: str, ufrag: str = "peer") -> str:
    """How a browser answers a subscribe offer."""
    description = sdp.parse(offer_sdp)
    description.ice_lite = False
    for media in description.media:
        media.direction = "recvonly" if media.direction == "sendonly" else "inactive"
        media.setup, media.ice_ufrag, media.ice_pwd = "active", ufrag, "p" * 22
        media.fingerprints = [("sha-256", ":".join(["CD"] * 32))]
        media.ssrcs, media.fid_groups, media.msid = {}, [], None
    return sdp.write(description)


def stats(**changed: Any) -> WorkerStats:
    """A sign of life."""
    zeros: dict[str, Any] = {
        "cpu_seconds": 0.0,
        "rss_bytes": 0,
        "packets_received": 0,
        "packets_forwarded": 0,
        "bytes_received": 0,
        "bytes_sent": 0,
        "routers": 0,
        "transports": 0,
        "gather_ms": 0.0,
        "drops": {},
        "per_transport": (),
    }
    return WorkerStats(**(zeros | changed))


class FakeWorker:
    """Satisfies `worker_pool.Process`; keeps every command."""

    _pids = itertools.count(1_000_000_000)

    def __init__(self, channel: socket.socket) -> None:
        self.pid = next(self._pids)
        self.commands: list[Command] = []
        self.killed = False
        self._channel = channel.dup()
        self._writer: asyncio.StreamWriter | None = None
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._news = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        reader, self._writer = await asyncio.open_connection(sock=self._channel)
        with contextlib.suppress(ConnectionError):
            await self._live(reader)
        self.die(0)

    async def _live(self, reader: asyncio.StreamReader) -> None:
        self.send(
            WorkerReady(
                pid=self.pid,
                port=5000,
                tcp_port=5001,
                fingerprint=FINGERPRINT,
                srtp_profiles=(),
                features=(),
            )
        )
        unframer = Unframer()
        while data := await reader.read(65536):
            for body in unframer.feed(data):
                self.commands.append(decode_command(body))
                self._news.set()
            if any(isinstance(command, Drain) for command in self.commands):
                break

    def send(self, event: Event) -> None:
        self.send_raw(frame(event))

    def send_raw(self, data: bytes) -> None:
        assert self._writer is not None
        self._writer.write(data)

    def die(self, code: int = -9) -> None:
        if self._writer is not None:
            self._writer.close()
        if not self._ended.done():
            self._ended.set_result(code)

    def kill(self) -> None:
        self.killed = True
        self.die()

    async def wait(self) -> int:
        return await asyncio.shield(self._ended)

    def all(self, kind: type[C]) -> list[C]:
        return [command for command in self.commands if isinstance(command, kind)]

    async def expect(self, kind: type[C], count: int = 1) -> C:
        """The `count`-th command of a kind, when it has come."""
        while len(self.all(kind)) < count:
            self._news.clear()
            await self._news.wait()
        return self.all(kind)[count - 1]


class FakeLaunch:
    """Satisfies `worker_pool.Launch`."""

    def __init__(self) -> None:
        self.started: list[FakeWorker] = []
        self._news = asyncio.Event()

    async def __call__(self, index: int, channel: socket.socket) -> FakeWorker:
        worker = FakeWorker(channel)
        self.started.append(worker)
        self._news.set()
        return worker

    async def nth(self, count: int) -> FakeWorker:
        """The `count`-th worker, when it was started."""
        while len(self.started) < count:
            self._news.clear()
            await self._news.wait()
        return self.started[count - 1]


class Client:
    """A WebSocket that waits for messages by type."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.seen: list[dict[str, Any]] = []
        self.me = ""
        self.token = ""

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send_str(json.dumps({"type": kind, **fields}))

    async def get(self, kind: str) -> dict[str, Any]:
        """The next message of a type; those before it are kept in `seen`."""
        while True:
            message = await self.next()
            if message["type"] == kind:
                return message

    async def next(self) -> dict[str, Any]:
        frame = await self.socket.receive(timeout=20)
        assert frame.type is aiohttp.WSMsgType.TEXT, frame
        message: dict[str, Any] = json.loads(frame.data)
        self.seen.append(message)
        return message

    async def closed(self) -> int | None:
        """Read to the end; the close code."""
        while True:
            frame = await self.socket.receive(timeout=20)
            if frame.type is not aiohttp.WSMsgType.TEXT:
                return self.socket.close_code
            self.seen.append(json.loads(frame.data))

    async def join(self, room: str = "room", name: str = "Ada", **more: Any) -> dict[str, Any]:
        await self.send("join", version=1, room=room, name=name, **more)
        message = await self.next()
        if message["type"] == "welcome":
            self.me, self.token = message["participant"], message["token"]
        return message

    async def publish(self, number: int = 1, name: str = "chromium", **more: Any) -> dict[str, Any]:
        tracks = [{"mid": "0", "source": "microphone"}, {"mid": "1", "source": "camera"}]
        await self.send("publish", id=number, sdp=offer(name), tracks=tracks, **more)
        return await self.get("published")

    async def take_offer(self) -> dict[str, Any]:
        message = await self.get("offer")
        await self.send("answer", id=message["id"], sdp=answer(message["sdp"]))
        return message
