"""A process of aiortc for each participant: started, sent commands, and ended."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Sequence

from bench.child import Child, resolve, start
from bench.real import aiortc_channel as channel
from bench.real.crew import (
    CONNECT_SECONDS,
    RECEIVE_SECONDS,
    SNAPSHOT_SECONDS,
    CrewError,
    KindOfClient,
    Part,
    Snapshot,
)
from bench.recordings.library import Library, shared

KIND = KindOfClient(
    "aiortc",
    not_known=(
        "one-way delay: aiortc hands over decoded frames and does not report when a packet came",
        "bytes of each track: aiortc counts them for a whole connection, RTCP included",
    ),
    shares_cores=False,
    settings={
        "video": "single stream, a keyframe each second: aiortc has no simulcast, and a"
        " track learns of no request",
        "repair": "lost packets are sent again as they were, without RTX",
    },
)
_END_SECONDS = 8.0


class _Process(Child[channel.Event]):
    """One of them, and what is awaited of it."""

    events = channel.events

    def __init__(self, process: asyncio.subprocess.Process, connection: socket.socket) -> None:
        super().__init__(process, connection)
        self.joined: asyncio.Future[None] = self.expect()
        self.receives: asyncio.Future[None] = self.expect()
        self.reported: asyncio.Future[Snapshot] = self.expect()

    async def look(self) -> Snapshot:
        if self.reported.done():
            self.reported = self.expect()
        await self.send(channel.Report())
        return await asyncio.shield(self.reported)

    def received(self, event: channel.Event) -> None:
        if isinstance(event, channel.Reported):
            resolve(self.reported, event.look)
        elif isinstance(event, channel.Lost):
            # How it is can still be asked.
            self.fail(CrewError(event.reason), but=self.reported)
        else:
            resolve(self.joined if isinstance(event, channel.Joined) else self.receives, None)

    def ended(self) -> None:
        self.fail(CrewError("an aiortc process ended"))

    async def leave(self) -> None:
        """It ends by itself after it has left."""
        with contextlib.suppress(OSError):
            await self.send(channel.Leave())
        await self.end(_END_SECONDS)


class AiortcCrew:
    """See `real.crew.Crew`."""

    kind = KIND

    def __init__(self, library: Library, participants: int) -> None:
        self._library, self._count = library, participants
        self._processes: list[_Process] = []

    async def __aenter__(self) -> AiortcCrew:
        try:
            with shared(self._library) as recordings:
                for _ in range(self._count):
                    self._processes.append(
                        _Process(*await start("bench.real.aiortc_peer", recordings))
                    )
        except BaseException:
            await self.leave()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.leave()

    async def join(self, part: Part) -> None:
        one = self._processes[part.participant]
        await one.send(
            channel.Join(
                participant=part.participant,
                url=part.url,
                room=part.room,
                kinds=part.kinds,
                tracks=part.tracks,
            )
        )
        await self._within(CONNECT_SECONDS, one.joined, part, "is not in the call")

    async def receive(self, part: Part) -> None:
        if part.tracks:
            receives = self._processes[part.participant].receives
            await self._within(RECEIVE_SECONDS, receives, part, "does not receive all tracks")

    @staticmethod
    async def _within(seconds: float, work: asyncio.Future[None], part: Part, what: str) -> None:
        try:
            async with asyncio.timeout(seconds):
                await asyncio.shield(work)
        except TimeoutError:
            raise CrewError(f"participant {part.participant} {what} after {seconds:g} s") from None

    async def begin(self) -> None:
        for one in self._processes:
            await one.send(channel.Begin())

    async def snapshots(self) -> list[Snapshot]:
        try:
            async with asyncio.timeout(SNAPSHOT_SECONDS):
                return list(await asyncio.gather(*(one.look() for one in self._processes)))
        except (TimeoutError, OSError):
            raise CrewError(
                f"an aiortc process gave no answer for {SNAPSHOT_SECONDS:g} s"
            ) from None

    async def leave(self) -> None:
        processes, self._processes = self._processes, []
        await asyncio.gather(*(one.leave() for one in processes), return_exceptions=True)

    def processes(self) -> Sequence[Sequence[int]]:
        return [[one.process.pid] for one in self._processes]
