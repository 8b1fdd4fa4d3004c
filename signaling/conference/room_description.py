"""What a room is, apart from the call that runs in it. Pure.

Theory of operation. `Rooms` has a description before it has a room: of the running room, or the
one that the room would be made with. The call (`Room`: people, media, chat, its start) ends with
its last participant; a description may outlive it, or come from elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from signaling import messages
from signaling.access.identity import Identity, Role


@dataclass(frozen=True, slots=True)
class RoomDescription:
    """One room; the defaults are those of a room that whoever comes first makes by joining."""

    name: str
    """Tidied (`naming.names`); no two rooms have the same."""
    capacity: int
    """People who may be in it at once."""
    password_hash: str = field(default="", repr=False)
    """Made by `access.passwords`; '' for none."""
    roles: Mapping[str, Role] = field(default_factory=dict)
    """Subject -> what they are in this room; others are what their identity says."""
    lobby: bool = False
    """Whether people wait until they are let in (`access.admission`)."""
    chat_kept: int = messages.CHAT_KEPT
    """Latest chat messages that those who come later are sent; they end with the call."""

    def in_this_room(self, identity: Identity) -> Identity:
        """`identity` with the role that it has in this room."""
        role = self.roles.get(identity.subject) if identity.subject else None
        return identity if role is None else replace(identity, role=role)
