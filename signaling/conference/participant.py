"""A participant: identity, tracks, and the state of both connections. No I/O.

Theory of operation. A participant outlives its connection: `connection` is None while it is away,
and what would have been sent is not kept, because `welcome` and `Room.resume` send a resumed
client the whole state. Whether an absent one is still with us is judged by `gone_at`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from signaling import messages
from signaling.access.identity import Identity
from signaling.conference.connection import Connection
from signaling.conference.publication import Publication, Track
from signaling.conference.quality import NetworkQuality
from signaling.conference.subscription import Subscription
from signaling.conference.view import PacedView
from signaling.limits import Budgets
from signaling.meter.browser_digest import Digest

log = logging.getLogger(__name__)

AWAY = 5.0
"""Seconds until one whose WebSocket and media are both gone is removed."""
RESUME = 30.0
"""Seconds until one whose WebSocket is gone is removed although media still arrives."""
SILENT = 4.0
"""Seconds without a packet after which media no longer counts as alive."""


@dataclass(slots=True, eq=False)
class Participant:
    """One person in one room."""

    id: str
    identity: Identity
    token: str
    cname: str
    connection: Connection | None = None
    """What it is reached by; None while it is away."""
    features: frozenset[str] = frozenset()
    """What it can do beyond the base of the protocol, of what this server knows."""
    budgets: Budgets | None = None
    """Of its requests; it keeps them when another connection takes over."""
    latest_publication: Publication | None = None
    """Open, or ended and kept for the reason; `publication` is the open one."""
    latest_subscription: Subscription | None = None
    view: PacedView = field(default_factory=PacedView)
    """What it looks at and listens to."""
    network: NetworkQuality = field(default_factory=NetworkQuality)
    """Between it and the server, as the worker measures it."""
    missed: dict[str, messages.FromServer] = field(default_factory=dict)
    """Ends of media connections that happened while it was away."""
    joined: float = 0.0
    """Unix time."""
    digest: Digest | None = None
    """What its browser reported last of what it receives."""
    away_since: float | None = None
    left_cleanly: bool = False
    received_at: float = 0.0
    """When the worker last counted packets from it."""

    @property
    def name(self) -> str:
        """As others see it."""
        return self.identity.name

    @property
    def present(self) -> bool:
        """Whether it can be reached now."""
        return self.connection is not None and self.connection.present

    def send(self, message: messages.FromServer) -> None:
        """To its connection; while it is away only the end of a media connection is kept for it.

        Never raises: whatever is wrong with one connection must not keep a message from others.
        """
        if self.connection is not None and self.connection.present:
            try:
                self.connection.send(message)
            except Exception:
                log.exception("sending to %s failed", self.id)
        elif isinstance(message, messages.Reset):
            self.missed = {"reset": message}
        elif isinstance(message, messages.Transport) and message.state != "connected":
            self.missed[message.connection] = message

    def info(self) -> messages.ParticipantInfo:
        """As the protocol shows it."""
        tracks = tuple(track.info() for track in self.tracks.values())
        return messages.ParticipantInfo(self.id, self.name, tracks)

    @property
    def publication(self) -> Publication | None:
        """The open one."""
        latest = self.latest_publication
        return latest if latest is not None and latest.open else None

    @property
    def subscription(self) -> Subscription | None:
        """The open one."""
        latest = self.latest_subscription
        return latest if latest is not None and latest.open else None

    @property
    def tracks(self) -> Mapping[str, Track]:
        """That it publishes, by id."""
        return self.publication.tracks if self.publication is not None else {}

    def media_connections(self) -> list[Publication | Subscription]:
        """Those that are open in the worker."""
        return [one for one in (self.publication, self.subscription) if one is not None]

    def sends_nothing(self, now: float) -> bool:
        """Whether media that should come does not, or nothing is connected for it."""
        if not self.present or all(one.state == "new" for one in self.media_connections()):
            return True
        publication = self.publication
        due = publication is not None and any(
            not track.muted and (track.kind == "audio" or publication.layers.get(track.id) != ())
            for track in publication.tracks.values()
        )
        return due and now > self.received_at + SILENT

    def gone_at(self) -> float | None:
        """When it counts as gone if nothing happens; None while it is connected."""
        if self.away_since is None:
            return None
        soonest = self.away_since + AWAY
        connected = any(connection.state == "connected" for connection in self.media_connections())
        if self.left_cleanly or not connected:
            return soonest
        return min(max(soonest, self.received_at + SILENT), self.away_since + RESUME)
