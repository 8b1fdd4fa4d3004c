"""Connections in memory: a participant's alone, and one with a whole session behind it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, TypeVar

from signaling import messages
from signaling.access.guesses import Guesses
from signaling.connection.message_table import MessageTable
from signaling.connection.session import End, Session

M = TypeVar("M")


class MemoryConnection:
    """Satisfies `signaling.conference.connection.Connection`; keeps what it is sent."""

    def __init__(self, inbox: list[Any] | None = None) -> None:
        """`inbox`: where messages go; a list of its own without one."""
        self.inbox: list[Any] = [] if inbox is None else inbox
        self.ended = ""
        """`replaced` or `dismissed`, once it is."""

    @property
    def present(self) -> bool:
        return not self.ended

    def send(self, message: messages.FromServer) -> None:
        if not self.ended:
            self.inbox.append(message)

    def replaced(self) -> None:
        self.ended = "replaced"

    def dismissed(self) -> None:
        self.ended = "dismissed"


class MemoryOutlet:
    """Satisfies `signaling.connection.session.Outlet`; keeps what it is sent, and how it ended."""

    def __init__(self) -> None:
        self.inbox: list[Any] = []
        self.news = asyncio.Event()
        """Something was sent."""
        self.end: End | None = None

    @property
    def open(self) -> bool:
        return self.end is None

    def send(self, message: messages.FromServer) -> None:
        if self.open:
            self.inbox.append(message)
            self.news.set()

    def finish(self, end: End) -> None:
        self.end = self.end or end


class MemoryClient:
    """A client whose session has no socket. `send` and `next` are those of `fakes.Client`."""

    def __init__(
        self,
        table: MessageTable,
        guesses: Guesses,
        address: str = "10.0.0.1",
        clock: Callable[[], float] | None = None,
    ) -> None:
        """`clock`: by default `now`, which stands still."""
        self.outlet = MemoryOutlet()
        self.now = 0.0
        clock = clock or (lambda: self.now)
        self.session = Session(table, self.outlet, address, guesses.of_socket(), clock)
        self._read = 0

    async def send(self, kind: str, **fields: Any) -> None:
        await self.session.receive(json.dumps({"type": kind, **fields}))

    async def next(self) -> dict[str, Any]:
        """The message after the one that this gave last, as a client reads it."""
        while self._read == len(self.outlet.inbox):
            self.outlet.news.clear()
            await self.outlet.news.wait()
        self._read += 1
        message: dict[str, Any] = json.loads(messages.encode(self.outlet.inbox[self._read - 1]))
        return message

    async def say(self, kind: str, **fields: Any) -> Any:
        """Send a message; the last one that came by then."""
        await self.send(kind, **fields)
        return self.outlet.inbox[-1] if self.outlet.inbox else None

    async def join(self, room: str = "room", name: str = "Ada", **more: Any) -> Any:
        return await self.say("join", version=1, room=room, name=name, **more)

    def got(self, kind: type[M]) -> list[M]:
        return [message for message in self.outlet.inbox if isinstance(message, kind)]
