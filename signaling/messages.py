"""Every message of the conference's protocol (docs/protocol.md), as tagged structs.

Names are snake_case here and camelCase on the wire. Known fields have types and bounds; a field
that is not known is skipped, because a newer client may send it.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from sfu.control import DownState, Importance
from signaling.negotiation.description import MAX_BYTES

VERSION = 1
MAX_MESSAGE = 256 * 1024
"""Bytes of one message from a client."""
MAX_FEATURES, MAX_FEATURE = 32, 32
"""Features that a client may name, and characters of each."""
FEATURES: tuple[str, ...] = ()
"""What this server offers beyond the base of version 1: a client uses what both sides name."""
CHAT_KEPT = 100
"""Messages that a newcomer is shown."""

MAX_VIEWED = 64
"""Tracks that one view may name."""
MAX_DIGESTED = 64
"""Tracks that one digest may name."""

Kind = Literal["audio", "video"]
Source = Literal["microphone", "camera", "screen", "screenAudio"]
MediaConnection = Literal["publish", "subscribe"]
"""A peer connection of a participant, by what the participant does over it."""
SOURCE_KINDS: dict[Source, Kind] = {
    "microphone": "audio",
    "camera": "video",
    "screen": "video",
    "screenAudio": "audio",
}

Level = Literal["good", "fair", "poor", "lost"]
Step = Literal["signaling", "notPublished", "ice", "dtls", "muted", "negotiation"] | DownState
"""What keeps one participant from seeing or hearing another, or `flowing`."""
Side = Literal["theirs", "yours"]

ErrorCode = Literal[
    "badMessage",
    "badVersion",
    "notJoined",
    "alreadyJoined",
    "badRoomName",
    "badName",
    "passwordRequired",
    "wrongPassword",
    "roomFull",
    "createNotAllowed",
    "notAllowed",
    "tooMany",
    "sessionExpired",
    "removed",
    "badSdp",
    "noOpus",
    "noVp8",
    "unknownTrack",
    "notNegotiating",
    "serverBusy",
    "internal",
]

_Name = Annotated[str, msgspec.Meta(max_length=256)]
_Id = Annotated[str, msgspec.Meta(max_length=64)]
_Mid = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
_Sdp = Annotated[str, msgspec.Meta(max_length=MAX_BYTES)]
_Sequence = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
_Natural = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


_Feature = Annotated[str, msgspec.Meta(max_length=MAX_FEATURE)]


class _Part(msgspec.Struct, rename="camel"):
    """A part of messages."""


class FromClient(
    msgspec.Struct,
    rename="camel",
    tag_field="type",
    tag=lambda name: name[0].lower() + name[1:],
):
    """A message of a client; its type on the wire is the class's name unless `tag` says else."""


class Join(FromClient):
    version: int
    room: _Name
    name: _Name
    password: Annotated[str, msgspec.Meta(max_length=256)] | None = None
    features: Annotated[tuple[_Feature, ...], msgspec.Meta(max_length=MAX_FEATURES)] = ()
    """What the client can do beyond the base of version 1; those not in `FEATURES` are ignored."""


class Resume(FromClient):
    version: int
    token: Annotated[str, msgspec.Meta(max_length=128)]


class SourceOf(_Part):
    """What an m-line of the offer carries."""

    mid: _Mid
    source: Source
    muted: bool = False


class Publish(FromClient):
    id: _Sequence
    sdp: _Sdp
    tracks: Annotated[tuple[SourceOf, ...], msgspec.Meta(max_length=64)]
    restart: bool = False


class Mute(FromClient):
    track: _Id
    muted: bool


class Answer(FromClient):
    id: _Sequence
    sdp: _Sdp


class Resubscribe(FromClient):
    pass


class Viewed(_Part):
    """How large a video is shown, in device pixels; either 0: not at all."""

    track: _Id
    width: _Natural
    height: _Natural
    importance: Importance = "tile"


class View(FromClient):
    """What the participant looks at and listens to; the default is everything, in full."""

    tracks: Annotated[tuple[Viewed, ...], msgspec.Meta(max_length=MAX_VIEWED)] = ()
    quality: Literal["auto", "low", "high"] = "auto"
    video: bool = True
    audio: bool = True
    max_bitrate: _Natural | None = None
    """Of all video, bit/s."""


class DigestTrack(_Part):
    """What came of a track since the last digest, as the browser counts it (W3C webrtc-stats).

    Any number is accepted; `signaling.meter.browser_digest` judges whether it can be.
    """

    track: _Id
    packets: float | None = None
    """That should have come."""
    lost: float | None = None
    """Of them."""
    bytes: float | None = None
    """Of payload."""
    jitter: float | None = None
    """Seconds."""
    buffer: float | None = None
    """Seconds that media stayed in the jitter buffer, on average."""
    samples: float | None = None
    """Of sound, played."""
    concealed: float | None = None
    """Of them."""
    frames: float | None = None
    """Decoded."""
    width: float | None = None
    height: float | None = None
    freezes: float | None = None
    frozen: float | None = None
    """Seconds."""


class Digest(FromClient):
    """The browser's own statistics of what it receives."""

    seconds: float
    """Since the last digest."""
    tracks: Annotated[tuple[DigestTrack, ...], msgspec.Meta(max_length=MAX_DIGESTED)]
    round_trip_time: float | None = None
    """Seconds."""


class RestartIce(FromClient):
    pass


class Why(FromClient):
    participant: _Id


class Candidate(FromClient):
    """Trickled candidates are not needed: the connectivity checks show the address."""


class Chat(FromClient):
    text: Annotated[str, msgspec.Meta(max_length=2000)]
    id: _Sequence | None = None


class Leave(FromClient):
    pass


class Ping(FromClient):
    t: float


class TrackInfo(_Part):
    id: str
    kind: Kind
    source: Source
    muted: bool


class ParticipantInfo(_Part):
    id: str
    name: str
    tracks: tuple[TrackInfo, ...]


class RoomInfo(_Part):
    name: str
    capacity: int
    has_password: bool


class ChatEntry(_Part):
    participant: str
    name: str
    text: str
    at: float


class PublishedTrack(_Part):
    mid: str
    track: str


class RejectedTrack(_Part):
    """An m-line of the offer that would send and was answered with port 0."""

    mid: str
    code: ErrorCode


class OfferedTrack(_Part):
    mid: str
    track: str
    participant: str
    kind: Kind
    source: Source


class SpeakingLevel(_Part):
    id: str
    level: int


class ReceivedTrack(_Part):
    track: str
    state: DownState
    layer: int
    limited: bool


class QualityOf(_Part):
    id: str
    level: Level
    loss: int
    """Percent."""
    rtt: int
    """Milliseconds, as is `jitter`; 0 when not known."""
    jitter: int


class TrackReason(_Part):
    track: str
    source: Source
    step: Step
    side: Side


class FromServer(
    msgspec.Struct,
    rename="camel",
    tag_field="type",
    tag=lambda name: name[0].lower() + name[1:],
):
    """A message of the server; its type is formed as a client's."""


class Welcome(FromServer):
    version: int
    participant: str
    token: str
    resumed: bool
    room: RoomInfo
    participants: tuple[ParticipantInfo, ...]
    chat: tuple[ChatEntry, ...]
    features: tuple[str, ...] = FEATURES


class Error(FromServer):
    code: ErrorCode
    message: str
    fatal: bool
    id: int | msgspec.UnsetType = msgspec.UNSET
    retry_after: int | msgspec.UnsetType = msgspec.UNSET
    request: str | msgspec.UnsetType = msgspec.UNSET
    """The type of the message that is refused, where it is known."""


class Published(FromServer):
    id: int
    sdp: str
    tracks: tuple[PublishedTrack, ...]
    rejected: tuple[RejectedTrack, ...] = ()


class Offer(FromServer):
    id: int
    sdp: str
    tracks: tuple[OfferedTrack, ...]
    restart: bool


class ParticipantJoined(FromServer):
    participant: ParticipantInfo


class ParticipantLeft(FromServer):
    participant: str
    reason: Literal["left", "lost", "removed"]


class TrackPublished(FromServer):
    participant: str
    track: TrackInfo


class TrackUnpublished(FromServer):
    participant: str
    track: str


class TrackMuted(FromServer):
    participant: str
    track: str
    muted: bool


class ChatMessage(FromServer, tag="chat"):
    participant: str
    name: str
    text: str
    at: float


class Speaking(FromServer):
    participants: tuple[SpeakingLevel, ...]


class Transport(FromServer):
    connection: MediaConnection
    state: Literal["connected", "failed", "closed"]
    reason: str = ""


class Layers(FromServer):
    track: str
    rids: tuple[str, ...]


class Receiving(FromServer):
    tracks: tuple[ReceivedTrack, ...]
    estimate: int


class Quality(FromServer):
    participants: tuple[QualityOf, ...]


class Reasons(FromServer, tag="because"):
    """Without tracks, `step` and `side` stand here."""

    participant: str
    tracks: tuple[TrackReason, ...] = ()
    step: Step | msgspec.UnsetType = msgspec.UNSET
    side: Side | msgspec.UnsetType = msgspec.UNSET


class Reset(FromServer):
    reason: Literal["workerLost"] = "workerLost"


class Closing(FromServer):
    reason: Literal["shutdown"] = "shutdown"


class Pong(FromServer):
    t: float


_encoder = msgspec.json.Encoder()


def type_of(message: FromClient | type[FromClient]) -> str:
    """The `type` that a client writes."""
    tag = message.__struct_config__.tag
    assert isinstance(tag, str)
    return tag


def encode(message: FromServer) -> str:
    """One message of the server, as text."""
    return _encoder.encode(message).decode()
