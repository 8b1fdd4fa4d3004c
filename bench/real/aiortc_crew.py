"""A process of aiortc for each participant: started, told what to do, and ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from bench.real import aiortc_channel as channel
from bench.real.crew import (
    CONNECT_SECONDS,
    LOOK_SECONDS,
    RECEIVE_SECONDS,
    CrewError,
    KindOfClient,
    Look,
    Part,
)
from bench.recordings.library import Library
from sfu.control import Unframer

T = TypeVar("T")

KIND = KindOfClient(
    "aiortc",
    not_known=(
        "one-way delay: aiortc hands over decoded frames and does not tell when a packet came",
        "bytes of each track: aiortc counts them for a whole connection, RTCP included",
    ),
    shares_cores=False,
    settings={
        "video": "single stream, a keyframe each second: aiortc has no simulcast, and tells a"
        " track of no request",
        "repair": "lost packets are sent again as they were, without RTX",
    },
)
_END_SECONDS = 8.0


class _Process:
    """One of them, and what is awaited of it."""

    def __init__(self, process: asyncio.subprocess.Process, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self.process = process
        self._connection = connection
        self.came: asyncio.Future[None] = loop.create_future()
        self.receives: asyncio.Future[None] = loop.create_future()
        self.told: asyncio.Future[Look] = loop.create_future()
        self.listening = asyncio.create_task(self._listen())

    async def tell(self, command: channel.Command) -> None:
        await asyncio.get_running_loop().sock_sendall(self._connection, channel.frame(command))

    async def look(self) -> Look:
        if self.told.done():
            self.told = asyncio.get_running_loop().create_future()
        await self.tell(channel.Tell())
        return await asyncio.shield(self.told)

    async def _listen(self) -> None:
        loop, unframer = asyncio.get_running_loop(), Unframer()
        with contextlib.suppress(OSError):
            while data := await loop.sock_recv(self._connection, 1 << 16):
                for body in unframer.feed(data):
                    self._event(channel.events.decode(body))
        self._fail("an aiortc process ended")

    def _event(self, event: channel.Event) -> None:
        if isinstance(event, channel.Told):
            _resolve(self.told, event.look)
        elif isinstance(event, channel.Lost):
            # How it is can still be asked.
            self._fail(event.reason, but=self.told)
        else:
            _resolve(self.came if isinstance(event, channel.Came) else self.receives, None)

    def _fail(self, why: str, but: asyncio.Future[Look] | None = None) -> None:
        for future in (self.came, self.receives, self.told):
            if future is not but and not future.done():
                future.set_exception(CrewError(why))
                future.exception()  # whoever awaits it gets it; nobody need

    async def end(self) -> None:
        """It ends by itself when the channel does, after it has left."""
        with contextlib.suppress(OSError):
            await self.tell(channel.Leave())
        try:
            await asyncio.wait_for(self.process.wait(), _END_SECONDS)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
        self.listening.cancel()
        self._connection.close()


def _resolve(future: asyncio.Future[T], value: T) -> None:
    if not future.done():
        future.set_result(value)


class AiortcCrew:
    """See `real.crew.Crew`."""

    kind = KIND

    def __init__(self, library: Library, participants: int) -> None:
        self._library, self._count = library, participants
        self._processes: list[_Process] = []

    async def __aenter__(self) -> AiortcCrew:
        recordings = os.memfd_create("bench-recordings")
        try:
            with os.fdopen(os.dup(recordings), "wb") as file:
                file.write(msgspec.msgpack.encode(self._library))
            for _ in range(self._count):
                await self._start(recordings)
        except BaseException:
            await self.leave()
            raise
        finally:
            os.close(recordings)
        return self

    async def _start(self, recordings: int) -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        # They would share one file offset otherwise.
        library = os.open(f"/proc/self/fd/{recordings}", os.O_RDONLY)
        try:
            process = await asyncio.create_subprocess_exec(
                *(
                    sys.executable,
                    "-m",
                    "bench.real.aiortc_peer",
                    str(theirs.fileno()),
                    str(library),
                ),
                pass_fds=(theirs.fileno(), library),
                # Ctrl-C is for the bench, which then ends them itself.
                start_new_session=True,
            )
        finally:
            theirs.close()
            os.close(library)
        self._processes.append(_Process(process, ours))

    async def __aexit__(self, *_: object) -> None:
        await self.leave()

    async def come(self, part: Part) -> None:
        one = self._processes[part.participant]
        await one.tell(
            channel.Come(
                participant=part.participant,
                url=part.url,
                room=part.room,
                kinds=part.kinds,
                tracks=part.tracks,
            )
        )
        await self._within(CONNECT_SECONDS, one.came, part, "is not in the call")

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
            await one.tell(channel.Begin())

    async def looks(self) -> list[Look]:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                return list(await asyncio.gather(*(one.look() for one in self._processes)))
        except (TimeoutError, OSError):
            raise CrewError(f"an aiortc process gave no answer for {LOOK_SECONDS:g} s") from None

    async def leave(self) -> None:
        processes, self._processes = self._processes, []
        await asyncio.gather(*(one.end() for one in processes), return_exceptions=True)

    def processes(self) -> Sequence[Sequence[int]]:
        return [[one.process.pid] for one in self._processes]
