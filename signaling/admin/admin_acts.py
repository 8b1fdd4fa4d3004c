"""What the admin may do, done to the rooms of this server: satisfies `actions.Actions`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from signaling.admin.actions import ActionError
from signaling.conference.rooms import Rooms
from signaling.meter.capture import Capture
from signaling.meter.captures import CaptureRefusedError, Captures


class AdminActs:
    """Acts on rooms and captures."""

    def __init__(self, rooms: Rooms, captures: Captures) -> None:
        self._rooms, self._captures = rooms, captures

    async def remove(self, participant: str) -> None:
        """Put somebody out of their room; their page says so and does not come back by itself."""
        found = self._rooms.find(participant)
        if found is None:
            raise ActionError("notFound")
        self._rooms.dismiss(*found)

    async def close_room(self, room: str) -> None:
        """Put everybody out, which ends the room."""
        found = self._rooms.rooms.get(room)
        if found is None:
            raise ActionError("notFound")
        for person in list(found.participants.values()):
            self._rooms.dismiss(found, person)

    async def start_capture(
        self, participant: str, headers_only: bool, seconds: float, limit_bytes: int
    ) -> str:
        """Record this participant's packets."""
        try:
            made = self._captures.start(
                participant, headers_only=headers_only, seconds=seconds, limit_bytes=limit_bytes
            )
        except CaptureRefusedError as error:
            raise ActionError(error.code) from None
        return made.id

    async def stop_capture(self, capture: str) -> None:
        """End it."""
        self._captures.stop(capture)

    def captures(self) -> Sequence[Capture]:
        """Running and done, the newest first."""
        return [msgspec.convert(one, Capture, from_attributes=True) for one in self._captures.all]

    def capture_file(self, capture: str) -> Path:
        """Of one that is done."""
        path = self._captures.file(capture)
        if path is None:
            raise ActionError("notFound")
        return path
