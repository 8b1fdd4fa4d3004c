"""Real participants, whoever they are: what a run asks of them, and what they report.

A crew holds all of one kind: processes of aiortc (`real.aiortc_crew`) or a Chromium with a page
for each (`real.browser_crew`). Unlike light participants they decode, and count by themselves:
what one reports at any time is a `Snapshot`, counted since its connections began, so that two
give what came between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

CONNECT_SECONDS = 40.0
"""To load a page or a process, join and publish: several browsers start on a slow core."""
RECEIVE_SECONDS = 60.0
"""Until media of everybody is decoded."""
SNAPSHOT_SECONDS = 20.0
"""Until all have answered how they are."""


class CrewError(Exception):
    """A participant's process or page failed; the text says whose and why."""


class InboundTrack(msgspec.Struct, frozen=True, kw_only=True):
    """One received track so far. What a kind of participant does not count is None."""

    publisher: int
    kind: str
    """`audio`, `video` or `screen`."""
    packets: int
    lost: int
    """RFC 3550: expected less received."""
    jitter_ms: float
    """RFC 3550 A.8, as it stands now."""
    bytes: int | None = None
    """RTP, headers included."""
    frames: int = 0
    """Decoded."""
    recovered: int | None = None
    """Packets that came as resends."""
    height: int | None = None
    """Of the last frame, pixels."""
    freezes: int | None = None
    """As webrtc-stats counts them."""
    frozen_seconds: float | None = None
    samples: int | None = None
    """Of sound, played."""
    concealed: int | None = None
    """Of them made up by the decoder, silence apart."""


class OutboundTrack(msgspec.Struct, frozen=True, kw_only=True):
    """One published stream so far."""

    kind: str
    rid: str = ""
    packets: int
    bytes: int
    """RTP payload."""
    frames: int | None = None
    limited: str = ""
    """What keeps the encoder back at the moment: `cpu`, `bandwidth` or nothing."""
    keyframe_requests: int | None = None
    resent: int | None = None


class FrameCheck(msgspec.Struct, frozen=True):
    """Of one received video, whose frames show their numbers."""

    publisher: int
    decoded: int
    right: int
    """Show the frame that their time says."""
    missing: int
    """Frames between the first and the last that were never decoded."""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """One participant at one moment."""

    participant: int
    at: float
    """Seconds of the participant's own clock."""
    bytes: int
    """Received."""
    received: tuple[InboundTrack, ...]
    sent: tuple[OutboundTrack, ...]
    problem: str = ""
    """Why its call is lost."""
    late_p99_ms: float | None = None
    """How late it sent what was due, since the window began."""
    late_max_ms: float | None = None
    checked: FrameCheck | None = None


@dataclass(frozen=True)
class Part:
    """What one participant is to do."""

    participant: int
    url: str
    room: str
    kinds: tuple[str, ...]
    """Published."""
    tracks: int
    """To be received."""


@dataclass(frozen=True)
class KindOfClient:
    """What is true of all participants of one kind."""

    name: str
    not_known: tuple[str, ...]
    """What it cannot announce, each with the reason, for people."""
    shares_cores: bool
    """Whether one of them spreads over the cores, so that all together are held against them; if
    not, each is held against one core."""
    camera_rate: float | None = None
    """Frames a second that each camera gives to an encoder; None where nothing is encoded."""
    settings: dict[str, str] = field(default_factory=dict)
    """For the report: how it sends."""


class Crew(Protocol):
    """All participants of a run; `async with` it. Everything may raise `CrewError`."""

    kind: KindOfClient

    async def __aenter__(self) -> Crew: ...
    async def __aexit__(self, *_: object) -> None: ...

    async def join(self, part: Part) -> None:
        """Join and publish; returns when that is connected."""

    async def receive(self, part: Part) -> None:
        """Wait until media of all `part.tracks` is decoded."""

    async def begin(self) -> None:
        """The window begins: what counts since then counts from now on."""

    async def snapshots(self) -> list[Snapshot]:
        """How all are now, by participant."""

    async def leave(self) -> None:
        """All leave as people do."""

    def processes(self) -> Sequence[Sequence[int]]:
        """Process ids: a list for each of the load generator's parts."""


def named(participant: int) -> str:
    """The name under which a participant joins, by which the others know its number."""
    return f"bench {participant}"


def number_of(name: str) -> int | None:
    """The participant of this name; None of a stranger's."""
    word, _, number = name.partition(" ")
    return int(number) if word == "bench" and number.isdecimal() else None
