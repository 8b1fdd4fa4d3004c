"""Whether somebody whose identity and password are right comes in at once, or waits first. Pure."""

from __future__ import annotations

from typing import Protocol

from signaling.access.identity import Identity
from signaling.conference.room_description import RoomDescription
from signaling.refusals import RefusedError


class Admission(Protocol):
    """Asked for everybody who wants to join; `room` may not run yet."""

    def admits(self, identity: Identity, room: RoomDescription) -> bool:
        """Whether they come in at once."""
        ...

    async def wait(self, identity: Identity, room: RoomDescription) -> None:
        """Called after `admits` was false; returns once they are let in.

        Raises `RefusedError` when they are not. Is cancelled when they leave or have waited too
        long: nothing of them may stay behind then.
        """
        ...


class NobodyLetsIn:
    """Satisfies `Admission` where there is nobody who could let people in: a room without a lobby
    is open to all, one with a lobby to none."""

    def admits(self, identity: Identity, room: RoomDescription) -> bool:
        """Into rooms without a lobby."""
        return not room.lobby

    async def wait(self, identity: Identity, room: RoomDescription) -> None:
        """Raises `RefusedError`."""
        raise RefusedError("notAllowed", "nobody can let you in")
