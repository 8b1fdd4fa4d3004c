"""The media connection over which a participant sends, and its tracks. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from signaling import messages
from signaling.conference.media_connection import MediaConnection


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
class Publication(MediaConnection):
    """State of one publish connection."""

    direction: ClassVar[messages.MediaConnection] = "publish"

    tracks: dict[str, Track] = field(default_factory=dict)
    """By id; none once it has ended."""
    layers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Track -> rids that somebody receives, of the videos of which the worker has reported any."""
    last_offer: tuple[int, str] = (-1, "")
    """(id, SDP) of the latest offer answered."""
    last_reply: messages.Published | None = None

    def end(self, failure: str = "") -> None:
        """Its tracks end with it."""
        MediaConnection.end(self, failure)
        self.tracks, self.layers = {}, {}

    def replace_tracks(self, tracks: dict[str, Track]) -> None:
        """Publish these from now on; layers stay known of those that were there before."""
        self.tracks = tracks
        self.layers = {track: rids for track, rids in self.layers.items() if track in tracks}
