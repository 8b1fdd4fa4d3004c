"""What a publication and a subscription share: one transport in the media worker. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sfu.control import TransportStats
from signaling.negotiation.parameters import Remote

State = Literal["new", "checked", "connected", "ended"]
"""How far it has come: nothing yet; an authenticated ICE check; DTLS; over, and the worker has
forgotten the transport."""


@dataclass(slots=True)
class MediaConnection:
    """One media connection of one participant."""

    transport: str
    """Its id in the worker, which begins with the router's id and a dot."""
    ice_ufrag: str
    ice_pwd: str
    """Ours, as `ice_ufrag`."""
    session_id: int
    """Of our descriptions (RFC 8866 section 5.2)."""
    remote: Remote | None = None
    """The peer's parameters; None until it has sent some."""
    state: State = "new"
    failure: str = ""
    """Why it ended by itself, as the worker reports it; '' while it is open, or without reason."""
    stats: TransportStats | None = None
    """The latest."""
    version: int = 0
    """Of our latest description."""

    @property
    def open(self) -> bool:
        """Whether the worker has a transport of it."""
        return self.state != "ended"

    def end(self, failure: str = "") -> None:
        """It is over; what was known of its media holds no more."""
        self.state, self.failure = "ended", failure
