"""A waiting room for tests."""

from __future__ import annotations

import asyncio

from signaling.access.identity import Identity
from signaling.conference.room_description import RoomDescription


class Lobby:
    """Satisfies `Admission`: everybody waits but those who are named."""

    def __init__(self, *known: str) -> None:
        self.known = known
        self.waiting: dict[str, asyncio.Future[None]] = {}

    def admits(self, identity: Identity, room: RoomDescription) -> bool:
        return identity.name in self.known

    async def wait(self, identity: Identity, room: RoomDescription) -> None:
        decision = self.waiting[identity.name] = asyncio.get_running_loop().create_future()
        try:
            await decision
        finally:
            del self.waiting[identity.name]
