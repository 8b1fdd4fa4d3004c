"""What a participant is reached by: a WebSocket, or whatever else brings somebody into a room.

Theory of operation. A participant holds at most one connection and outlives it. The owner of the
connection (a WebSocket's session) sets `Participant.connection` when somebody joins or resumes,
and reports its end with `Room.away`. Who takes a participant over calls `replaced` of the
connection before it, who puts a participant out calls `dismissed`; after either the connection
belongs to nobody, sends nothing more and must not report that participant away. None of these
methods may wait, none may raise.
"""

from __future__ import annotations

from typing import Protocol

from signaling import messages


class Connection(Protocol):
    """See the module's text."""

    @property
    def present(self) -> bool:
        """Whether what is sent now may still arrive."""
        ...

    def send(self, message: messages.FromServer) -> None:
        """Queue a message; one that cannot arrive any more is dropped."""
        ...

    def replaced(self) -> None:
        """Another connection has taken the participant over: end this one."""
        ...

    def dismissed(self) -> None:
        """The participant was put out: end this one once all that waits is sent."""
        ...
