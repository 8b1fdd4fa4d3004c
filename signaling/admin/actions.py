"""What the admin may do, as the server offers it. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

from signaling.meter.capture import Capture


class ActionError(Exception):
    """It cannot be done. The code has a sentence in the pages' languages."""

    def __init__(
        self, code: Literal["notFound", "busy", "failed", "tooMany", "unsupported"]
    ) -> None:
        super().__init__(code)
        self.code = code


class Actions(Protocol):
    """Done by who runs rooms and workers. Each may raise `ActionError`."""

    async def remove(self, participant: str) -> None:
        """Put somebody out of their room; their page gets `participantLeft` (`removed`)."""

    async def close_room(self, room: str) -> None:
        """Put everybody out."""

    async def start_capture(
        self, participant: str, headers_only: bool, seconds: float, limit_bytes: int
    ) -> str:
        """Record this participant's packets, at most so long and so much. Gives the id."""

    async def stop_capture(self, capture: str) -> None:
        """End it; one that has ended already is no trouble."""

    def captures(self) -> Sequence[Capture]:
        """Running and done, the newest first; a few at most."""

    def capture_file(self, capture: str) -> Path:
        """Where the pcapng of one that is done lies."""
