"""A participant: identity, tracks, and the state of both connections. No I/O.

Theory of operation. A participant outlives its connection: `connection` is None while it is away,
and what would have been sent is not kept, because `welcome` and `Room.resume` send a resumed
client the whole state. Whether an absent one is still with us is judged by `gone_at`.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, field

from sfu.control import TransportStats
from signaling import messages
from signaling.access.identity import Identity
from signaling.conference.connection import Connection
from signaling.conference.quality import Way
from signaling.conference.subscription import Subscription
from signaling.limits import Budgets
from signaling.meter.browser_digest import Digest
from signaling.negotiation.parameters import Progress, Remote

log = logging.getLogger(__name__)

AWAY = 5.0
"""Seconds until one whose WebSocket and media are both gone is removed."""
RESUME = 30.0
"""Seconds until one whose WebSocket is gone is removed although media still arrives."""
SILENT = 4.0
"""Seconds without a packet after which media no longer counts as alive."""


@dataclass(slots=True)
class Track:
    """A published track."""

    id: str
    kind: messages.Kind
    source: messages.Source
    mid: str
    muted: bool
    codec: str = ""
    """By its name in the worker; '' before the first answer."""

    def info(self) -> messages.TrackInfo:
        """As the protocol shows it."""
        return messages.TrackInfo(self.id, self.kind, self.source, self.muted)


@dataclass(slots=True)
class Publication:
    """The connection over which a participant sends."""

    transport: str
    ice_ufrag: str
    ice_pwd: str
    session_id: int
    remote: Remote | None = None
    """None until an offer with an open m-line."""
    state: Progress = "new"
    stats: TransportStats | None = None
    """The latest count."""
    version: int = 0
    last_offer: tuple[int, str] = (-1, "")
    """(id, SDP) of the latest offer answered."""
    last_reply: messages.Published | None = None


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
    tracks: dict[str, Track] = field(default_factory=dict)
    """By track id."""
    publication: Publication | None = None
    subscription: Subscription | None = None
    may_be_offered: bool = True
    """No offer was opened since `Room.renew_offers`."""
    offer_waits: bool = False
    """Something may have changed since its latest offer, which was opened too short a while ago."""
    must_resubscribe: bool = False
    """The subscription failed, and the client has not asked for a new one yet."""
    publish_failure: str = ""
    """Why the latest publication ended by itself; '' when there is a new one, or none failed."""
    subscribe_failure: str = ""
    view: messages.View | None = None
    """The latest; None: everything in full."""
    view_told_at: float = -math.inf
    """When the worker was last told of a new view."""
    view_waits: bool = False
    """A view came too soon after the one before, and is told a little later."""
    layers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Rids that are wanted of its own video tracks, as far as the worker has said."""
    receiving: messages.Receiving | None = None
    """The latest that the worker has said of its subscription."""
    way: Way = field(default_factory=Way)
    """Its way to the server, as the worker measures it."""
    missed: dict[str, messages.FromServer] = field(default_factory=dict)
    """Ends of connections that it could not be told while away."""
    joined: float = 0.0
    """Unix time."""
    digest: Digest | None = None
    """What its browser said last of what it receives."""
    away_since: float | None = None
    left_cleanly: bool = False
    heard_at: float = 0.0
    """When packets of its transports were last counted."""

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

    def connections(self) -> list[Publication | Subscription]:
        """Those that are open in the worker."""
        return [one for one in (self.publication, self.subscription) if one is not None]

    def sends_nothing(self, now: float) -> bool:
        """Whether media that should come does not, or there is no way for it."""
        if not self.present or all(one.state == "new" for one in self.connections()):
            return True
        due = any(
            not track.muted and (track.kind == "audio" or self.layers.get(track.id) != ())
            for track in self.tracks.values()
        )
        return due and now > self.heard_at + SILENT

    def gone_at(self) -> float | None:
        """When it counts as gone if nothing happens; None while it is connected."""
        if self.away_since is None:
            return None
        soonest = self.away_since + AWAY
        connected = any(connection.state == "connected" for connection in self.connections())
        if self.left_cleanly or not connected:
            return soonest
        return min(max(soonest, self.heard_at + SILENT), self.away_since + RESUME)
