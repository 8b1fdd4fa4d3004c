"""Every message of the protocol (docs/protocol.md), as strict tagged structs.

Names are snake_case here and camelCase on the wire. `decode` refuses unknown types, unknown
fields, wrong types and anything out of bounds; it never raises anything but `MessageError`.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from sfu.control import DownState, Importance
from signaling.negotiation.description import MAX_BYTES

VERSION = 1
MAX_MESSAGE = 256 * 1024
"""Bytes of one message from a client."""
MAX_REFUSAL = 200
"""Characters of the text that says what is wrong with a message, which may quote it."""
CHAT_KEPT = 100
"""Messages that a newcomer is shown."""

MAX_VIEWED = 64
"""Tracks that one view may name."""
MAX_DIGESTED = 64
"""Tracks that one digest may name."""

Kind = Literal["audio", "video"]
Source = Literal["microphone", "camera", "screen", "screenAudio"]
Connection = Literal["publish", "subscribe"]
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


class MessageError(Exception):
    """The text is no message of the protocol."""


class _FromClient(
    msgspec.Struct,
    forbid_unknown_fields=True,
    rename="camel",
    tag_field="type",
    tag=lambda name: name[0].lower() + name[1:],
):
    pass


class Join(_FromClient):
    version: int
    room: _Name
    name: _Name
    password: Annotated[str, msgspec.Meta(max_length=256)] | None = None


class Resume(_FromClient):
    version: int
    token: Annotated[str, msgspec.Meta(max_length=128)]


class SourceOf(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """What an m-line of the offer carries."""

    mid: _Mid
    source: Source
    muted: bool = False


class Publish(_FromClient):
    id: _Sequence
    sdp: _Sdp
    tracks: Annotated[tuple[SourceOf, ...], msgspec.Meta(max_length=64)]
    restart: bool = False


class Mute(_FromClient):
    track: _Id
    muted: bool


class Answer(_FromClient):
    id: _Sequence
    sdp: _Sdp


class Resubscribe(_FromClient):
    pass


class Viewed(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """How large a video is shown, in device pixels; either 0: not at all."""

    track: _Id
    width: _Natural
    height: _Natural
    importance: Importance = "tile"


class View(_FromClient):
    """What the participant looks at and listens to; the default is everything, in full."""

    tracks: Annotated[tuple[Viewed, ...], msgspec.Meta(max_length=MAX_VIEWED)] = ()
    quality: Literal["auto", "low", "high"] = "auto"
    video: bool = True
    audio: bool = True
    max_bitrate: _Natural | None = None
    """Of all video, bit/s."""


class DigestTrack(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """What came of a track since the last digest, as the browser counts it (W3C webrtc-stats).

    Any number is taken; `signaling.meter.browser_digest` judges whether it can be.
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


class Digest(_FromClient):
    """The browser's own statistics of what it receives."""

    seconds: float
    """Since the last digest."""
    tracks: Annotated[tuple[DigestTrack, ...], msgspec.Meta(max_length=MAX_DIGESTED)]
    round_trip_time: float | None = None
    """Seconds."""


class RestartIce(_FromClient):
    pass


class Why(_FromClient):
    participant: _Id


class Candidate(_FromClient, forbid_unknown_fields=False):
    """Trickled candidates are not needed: the checks themselves tell the address."""


class Chat(_FromClient):
    text: Annotated[str, msgspec.Meta(max_length=2000)]
    id: _Sequence | None = None


class Leave(_FromClient):
    pass


class Ping(_FromClient):
    t: float


FromClient = (
    Join
    | Resume
    | Publish
    | Mute
    | Answer
    | Resubscribe
    | View
    | Digest
    | RestartIce
    | Why
    | Candidate
    | Chat
    | Leave
    | Ping
)


class _Part(msgspec.Struct, rename="camel"):
    pass


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


class _FromServer(
    msgspec.Struct,
    rename="camel",
    tag_field="type",
    tag=lambda name: name[0].lower() + name[1:],
):
    pass


class Welcome(_FromServer):
    version: int
    participant: str
    token: str
    resumed: bool
    room: RoomInfo
    participants: tuple[ParticipantInfo, ...]
    chat: tuple[ChatEntry, ...]


class Error(_FromServer):
    code: ErrorCode
    message: str
    fatal: bool
    id: int | msgspec.UnsetType = msgspec.UNSET
    retry_after: int | msgspec.UnsetType = msgspec.UNSET
    request: str | msgspec.UnsetType = msgspec.UNSET
    """The type of the message that is refused, where it is known."""


class Published(_FromServer):
    id: int
    sdp: str
    tracks: tuple[PublishedTrack, ...]
    rejected: tuple[RejectedTrack, ...] = ()


class Offer(_FromServer):
    id: int
    sdp: str
    tracks: tuple[OfferedTrack, ...]
    restart: bool


class ParticipantJoined(_FromServer):
    participant: ParticipantInfo


class ParticipantLeft(_FromServer):
    participant: str
    reason: Literal["left", "lost", "removed"]


class TrackPublished(_FromServer):
    participant: str
    track: TrackInfo


class TrackUnpublished(_FromServer):
    participant: str
    track: str


class TrackMuted(_FromServer):
    participant: str
    track: str
    muted: bool


class ChatMessage(_FromServer, tag="chat"):
    participant: str
    name: str
    text: str
    at: float


class Speaking(_FromServer):
    participants: tuple[SpeakingLevel, ...]


class Transport(_FromServer):
    connection: Connection
    state: Literal["connected", "failed", "closed"]
    reason: str = ""


class Layers(_FromServer):
    track: str
    rids: tuple[str, ...]


class Receiving(_FromServer):
    tracks: tuple[ReceivedTrack, ...]
    estimate: int


class Quality(_FromServer):
    participants: tuple[QualityOf, ...]


class Reasons(_FromServer, tag="because"):
    """Without tracks, `step` and `side` stand here."""

    participant: str
    tracks: tuple[TrackReason, ...] = ()
    step: Step | msgspec.UnsetType = msgspec.UNSET
    side: Side | msgspec.UnsetType = msgspec.UNSET


class Reset(_FromServer):
    reason: Literal["workerLost"] = "workerLost"


class Closing(_FromServer):
    reason: Literal["shutdown"] = "shutdown"


class Pong(_FromServer):
    t: float


FromServer = (
    Welcome
    | Error
    | Published
    | Offer
    | ParticipantJoined
    | ParticipantLeft
    | TrackPublished
    | TrackUnpublished
    | TrackMuted
    | ChatMessage
    | Speaking
    | Transport
    | Layers
    | Receiving
    | Quality
    | Reasons
    | Reset
    | Closing
    | Pong
)

_decoder = msgspec.json.Decoder(FromClient)
_encoder = msgspec.json.Encoder()


def decode(text: str | bytes) -> FromClient:
    """One message of a client. Raises `MessageError`."""
    try:
        message: FromClient = _decoder.decode(text)
    except msgspec.ValidationError as error:
        raise MessageError(str(error)[:MAX_REFUSAL]) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise MessageError("not JSON") from None
    return message


def type_of(message: FromClient) -> str:
    """The `type` that a client writes."""
    tag = message.__struct_config__.tag
    assert isinstance(tag, str)
    return tag


def encode(message: FromServer) -> str:
    """One message of the server, as text."""
    return _encoder.encode(message).decode()
