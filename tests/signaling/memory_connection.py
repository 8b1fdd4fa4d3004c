"""A connection in memory: satisfies `signaling.conference.connection.Connection`."""

from __future__ import annotations

from typing import Any

from signaling import messages


class MemoryConnection:
    """Keeps what it is sent."""

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
