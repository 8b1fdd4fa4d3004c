"""What the meter needs to know of rooms and people, beside what the workers count. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from signaling.meter.browser_digest import Digest


class Received(NamedTuple):
    """State of a track that somebody receives, as the worker last reported it."""

    state: str
    """`sfu.control.DownState`."""
    layer: int
    """0 the lowest, -1 none."""
    limited: bool


@dataclass(frozen=True, slots=True)
class TrackState:
    """A published track."""

    id: str
    kind: Literal["audio", "video"]
    source: str
    muted: bool
    wanted: tuple[str, ...] | None = None
    """Rids that somebody wants, the lowest first; None before the worker's first report."""
    codec: str = ""
    """By its name in the worker (`sfu.codecs.registry`)."""


@dataclass(frozen=True, slots=True)
class PersonState:
    """One participant."""

    id: str
    name: str
    joined: float
    """Unix time."""
    connected: bool
    """Its WebSocket is there."""
    level: str = ""
    """`signaling.conference.quality` of its connection; empty while not known."""
    speaking: bool = False
    tracks: tuple[TrackState, ...] = ()
    publish: str = ""
    """Id of its transport in the worker; empty without one."""
    subscribe: str = ""
    receiving: Mapping[str, Received] = field(default_factory=dict)
    """By track."""
    digest: Digest | None = None
    """Its browser's latest report."""


@dataclass(frozen=True, slots=True)
class RoomState:
    """One room while somebody is in it."""

    call: str
    """Names this use of the room."""
    room: str
    started: float
    """Unix time."""
    capacity: int
    worker: int
    """Index; -1 while it has none."""
    worker_pid: int
    """0 while it has none."""
    people: tuple[PersonState, ...]


class ServerSummary(Protocol):
    """Where the rooms are; `signaling.meter.server_summary` outside tests."""

    def rooms(self) -> Sequence[RoomState]:
        """All there are now."""
