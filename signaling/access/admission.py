"""Whether somebody whose identity and password are right comes in at once, or waits first. Pure."""

from __future__ import annotations

from typing import Protocol

from signaling.access.identity import Identity


class Admission(Protocol):
    """Asked for everybody who wants to join; `room` is a room's name, whether it runs or not."""

    def admits(self, identity: Identity, room: str) -> bool:
        """Whether they come in at once."""
        ...

    async def wait(self, identity: Identity, room: str) -> None:
        """Called after `admits` was false; returns once they are let in.

        Raises `RefusedError` when they are not. Is cancelled when they leave or have waited too
        long: nothing of them may stay behind then.
        """
        ...


class AdmitAll:
    """Satisfies `Admission`: everybody comes in at once."""

    def admits(self, identity: Identity, room: str) -> bool:
        """Always."""
        return True

    async def wait(self, identity: Identity, room: str) -> None:
        """Nobody does."""
