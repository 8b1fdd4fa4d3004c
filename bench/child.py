"""Processes of the load generator: a module of the bench, a channel to it, and the recordings.

Theory of operation. `start` runs a module with descriptors as its arguments: the channel, the
recordings, and whatever else it needs. Both sides send MessagePack behind its length
(`sfu.control.frame`). The child ends by itself when the channel does; whoever waits for something
of it then (`expect`) gets the error instead.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, TypeVar

import msgspec

from sfu.control import Unframer, frame

T = TypeVar("T")
Event = TypeVar("Event")

_READ_BYTES = 1 << 20


async def start(
    module: str, recordings: int, *more: int
) -> tuple[asyncio.subprocess.Process, socket.socket]:
    """A child and our end of its channel; `recordings` and `more` are descriptors."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    # The children would share one file offset otherwise.
    library = os.open(f"/proc/self/fd/{recordings}", os.O_RDONLY)
    descriptors = (theirs.fileno(), library, *more)
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            *map(str, descriptors),
            pass_fds=descriptors,
            # Ctrl-C is for the bench, which then ends the children itself.
            start_new_session=True,
        )
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
        os.close(library)
    return process, ours


class Child(ABC, Generic[Event]):
    """The bench's side of one such process."""

    events: ClassVar[msgspec.msgpack.Decoder[Any]]
    """Of what it sends."""

    def __init__(self, process: asyncio.subprocess.Process, connection: socket.socket) -> None:
        self.process = process
        self._connection = connection
        self._writing = asyncio.Lock()
        self._expected: set[asyncio.Future[Any]] = set()
        self._listening = asyncio.create_task(self._listen())

    @abstractmethod
    def received(self, event: Event) -> None:
        """An event of the child."""

    @abstractmethod
    def ended(self) -> None:
        """It is gone: fail whoever waits (`fail`)."""

    async def send(self, command: msgspec.Struct) -> None:
        """Raises `OSError` when the child is gone."""
        # Two that write at once could mix their halves.
        async with self._writing:
            await asyncio.get_running_loop().sock_sendall(self._connection, frame(command))

    def expect(self) -> asyncio.Future[Any]:
        """A future that `received` is to resolve and `fail` may fail."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._expected.add(future)
        future.add_done_callback(self._expected.discard)
        # Whoever awaits it gets the error; nobody needs to.
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        return future

    def fail(self, error: Exception, but: asyncio.Future[Any] | None = None) -> None:
        """Whoever waits gets this error, except for who waits for `but`."""
        for future in list(self._expected):
            if future is not but and not future.done():
                future.set_exception(error)

    def hang_up(self) -> None:
        """End the channel, and with it the child."""
        self._connection.close()

    async def end(self, seconds: float) -> None:
        """Wait for its end, kill it when that takes longer, and close."""
        try:
            await asyncio.wait_for(self.process.wait(), seconds)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
        self._listening.cancel()
        self.hang_up()

    async def _listen(self) -> None:
        loop, unframer = asyncio.get_running_loop(), Unframer()
        with contextlib.suppress(OSError):
            while data := await loop.sock_recv(self._connection, _READ_BYTES):
                for body in unframer.feed(data):
                    self.received(self.events.decode(body))
        self.ended()


def resolve(future: asyncio.Future[T] | None, value: T) -> None:
    """Give it this value, if somebody waits for it."""
    if future is not None and not future.done():
        future.set_result(value)
