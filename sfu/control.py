"""The control channel between signaling and one media worker.

Theory of operation. The two processes share a Unix stream socket pair. Each message is a
tagged msgspec struct in MessagePack, preceded by its length as a 32-bit big-endian integer.
Commands go from signaling to the worker, events come back. Commands are declarative wherever
a list may change: `SetUpTracks` and `SetDownTracks` carry the whole list, the worker finds the
difference, so a repeated or late command does no harm. A command that names something which is
gone is ignored: the two sides race by nature (a transport may fail before a command arrives).

This module holds the messages and the framing only; it does no I/O.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Literal

import msgspec

from sfu.codecs.codec import Kind
from sfu.measured import DownTotals, Family, Protocol, UpTotals

MAX_MESSAGE = 4 * 1024 * 1024
"""A longer message means the channel is broken (bytes)."""

_LENGTH = struct.Struct("!I")


class Fingerprint(msgspec.Struct, frozen=True):
    """A certificate fingerprint, RFC 8122 clause 5."""

    algorithm: str
    """Hash name in lower case, `sha-256`."""
    value: str
    """Upper-case hexadecimal pairs joined by colons."""


class Extensions(msgspec.Struct, frozen=True, kw_only=True):
    """Header extension ids of one transport (RFC 8285); 0 where not negotiated.

    With BUNDLE an id means the same on every m-line (RFC 8843 clause 10), so one set will do.
    """

    mid: int = 0
    rid: int = 0
    repaired_rid: int = 0
    transport_cc: int = 0
    audio_level: int = 0
    abs_send_time: int = 0


class StreamSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One stream of an up track, as far as the SDP names it."""

    rid: str = ""
    """RFC 8851 restriction id; empty without simulcast."""
    ssrc: int = 0
    """0 when it is to be learned from mid and rid (Chromium's simulcast)."""
    rtx_ssrc: int = 0


class UpTrackSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A track that a participant publishes."""

    track: str
    mid: str
    kind: Kind
    codec: str
    """Name of the codec (`sfu.codecs.registry`)."""
    payload_type: int
    rtx_payload_type: int = 0
    """0 without RTX (RFC 4588)."""
    red_payload_type: int = 0
    """Of audio with redundancy (RFC 2198); 0 where it was not negotiated."""
    streams: tuple[StreamSpec, ...]
    """Low to high; one without simulcast."""
    nack: bool = False
    pli: bool = False
    fir: bool = False
    remb: bool = False
    transport_cc: bool = False
    max_bitrate_bps: int = 0
    """What the publisher may send at most; reported by REMB where that is the feedback in use."""


class DownTrackSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A track that a participant receives."""

    up_track: str
    mid: str
    kind: Kind
    codec: str
    """As the up track's: nothing is transcoded."""
    ssrc: int
    rtx_ssrc: int = 0
    payload_type: int
    rtx_payload_type: int = 0
    red_payload_type: int = 0
    """The receiver takes redundant audio (RFC 2198) under this type; 0: it does not."""
    nack: bool = False
    """The receiver asks for what it misses (RFC 4585)."""
    copies: bool = False
    """Of voice: sent twice while the receiver loses, since it takes no redundancy and asks for
    nothing again."""
    cname: str
    """Of the publisher: the same for its audio and video, so that they are played in step."""


# Commands: signaling -> worker.


class OpenRouter(msgspec.Struct, frozen=True, tag=True):
    """A room's media begins. `room` is for the log only."""

    router: str
    room: str
    loudest: int = 0
    """How many voices at most are sent on at the same time; 0: all."""


class CloseRouter(msgspec.Struct, frozen=True, tag=True):
    """Closes the room's transports too."""

    router: str


class OpenTransport(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A transport waits for its peer's checks, under this ICE user name (unique in the worker)."""

    transport: str
    router: str
    participant: str
    direction: Literal["publish", "subscribe"]
    ice_ufrag: str
    ice_pwd: str


class ConnectTransport(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """What the peer's SDP contains: may come before or after its first packets."""

    transport: str
    remote_ufrag: str
    remote_pwd: str = ""
    """With which we check where the peer is; without it only the handshake shows."""
    fingerprints: tuple[Fingerprint, ...]
    dtls_role: Literal["server", "client"]
    """Ours."""


class SetUpTracks(msgspec.Struct, frozen=True, tag=True):
    """All tracks of a publish transport."""

    transport: str
    extensions: Extensions
    tracks: tuple[UpTrackSpec, ...]


class SetDownTracks(msgspec.Struct, frozen=True, tag=True):
    """All tracks of a subscribe transport; send at once what is new."""

    transport: str
    extensions: Extensions
    tracks: tuple[DownTrackSpec, ...]


class RestartIce(msgspec.Struct, frozen=True, tag=True):
    """New ICE credentials of ours for a transport that stands (RFC 8445 clause 9).

    The earlier ones stay good until the first check under the new ones; DTLS and media go on. The
    peer's new user name follows with `ConnectTransport`.
    """

    transport: str
    ice_ufrag: str
    ice_pwd: str


Importance = Literal["screen", "main", "tile"]
"""Of a video to its viewer: a shared screen, the speaker or pinned tile, any other."""


class TrackView(msgspec.Struct, frozen=True, kw_only=True):
    """How a participant looks at a video track."""

    up_track: str
    width: int
    height: int
    """Size on its screen, in device pixels; either 0: it is not seen, send nothing."""
    importance: Importance = "tile"
    quality: Literal["auto", "low", "high"] = "auto"
    """`low`: the lowest layer; `high`: the highest that the network carries, whatever the size."""


class SetView(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """What a subscribe transport's owner looks at; a video not named counts as seen in full."""

    transport: str
    views: tuple[TrackView, ...]
    max_bitrate_bps: int = 0
    """Of all video together, at the viewer's wish; 0: as much as the network carries."""


class CloseTransport(msgspec.Struct, frozen=True, tag=True):
    transport: str


class StartCapture(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Write the packets of these transports to a new file; answered by `CaptureState`s."""

    capture: str
    path: str
    transports: tuple[str, ...]
    headers_only: bool = True
    max_bytes: int
    max_seconds: float


class StopCapture(msgspec.Struct, frozen=True, tag=True):
    capture: str


class Drain(msgspec.Struct, frozen=True, tag=True):
    """Close every transport (BYE, DTLS close_notify) and exit with 0."""


Command = (
    OpenRouter
    | CloseRouter
    | OpenTransport
    | ConnectTransport
    | SetUpTracks
    | SetDownTracks
    | SetView
    | RestartIce
    | CloseTransport
    | StartCapture
    | StopCapture
    | Drain
)

# Events: worker -> signaling.


class WorkerReady(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The first event: the worker listens."""

    pid: int
    port: int
    """UDP."""
    tcp_port: int = 0
    """Of passive ICE-TCP candidates (RFC 6544); 0: none."""
    fingerprint: Fingerprint
    srtp_profiles: tuple[str, ...]
    """In order of preference, the fastest on this machine first."""
    features: tuple[str, ...]
    """Of `recvmmsg`, `sendmmsg`, `udp-segment`, `dual-stack`: what this kernel lets it use."""


TransportState = Literal["checked", "connected", "failed", "closed"]


class TransportChanged(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """`checked`: a first ICE check came through, DTLS goes on. `failed` and `closed` are
    final: the worker has forgotten the transport."""

    transport: str
    state: TransportState
    reason: Literal[
        "", "fingerprintMismatch", "dtlsFailed", "dtlsTimeout", "iceTimeout", "consentExpired"
    ] = ""


class AudioLevels(msgspec.Struct, frozen=True, tag=True):
    """Loudest level of each participant who spoke since the last one, at most 5 a second.

    Values are 0 (loudest) to 127 (silence) in -dBov, RFC 6464; who is not named is silent.
    """

    router: str
    levels: dict[str, int]


class LayersWanted(msgspec.Struct, frozen=True, tag=True):
    """Which streams of a video track somebody receives, or soon will: the others may rest."""

    transport: str
    """The publisher's."""
    track: str
    rids: tuple[str, ...]
    """Low to high; the lone stream of a track without simulcast has the rid ''."""


DownState = Literal[
    "flowing", "noPackets", "noKeyframe", "hidden", "pausedByBandwidth", "shed", "notLoudest"
]
"""`noPackets`: nothing comes from the publisher; `noKeyframe`: packets come, and the video waits
for a keyframe; `shed`: the server has too much to do; `notLoudest`: others speak louder."""


class DownTrackState(msgspec.Struct, frozen=True, kw_only=True):
    """What a participant is sent of one track, and why not more."""

    up_track: str
    state: DownState
    spatial: int = -1
    """Layer that flows, 0 the lowest; -1: none."""
    temporal: int = -1
    """Highest temporal layer that flows; -1: none, or the stream has none."""
    limited: bool = False
    """The network carries less than the view asks for."""


class DownTrackStates(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """All tracks of a subscribe transport, on change, at most twice a second."""

    transport: str
    tracks: tuple[DownTrackState, ...]
    estimate_bps: int
    """Available bandwidth to the participant; 0: not known."""


class CaptureState(msgspec.Struct, frozen=True, tag=True):
    """How a capture stands, once a second, and when it has ended and its file is whole."""

    capture: str
    packets: int
    bytes: int
    ended: Literal["", "stopped", "full", "gone", "failed"]
    """Empty while it runs; `gone`: its transports are. What is `failed` may have a file too."""


class TransportStats(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Totals of RTP since the transport opened; bytes are of payload, as in W3C webrtc-stats."""

    transport: str
    packets_received: int
    bytes_received: int
    packets_sent: int
    bytes_sent: int
    rtt_ms: float
    """Smoothed, from receiver reports (subscribe) or their extensions (publish, RFC 3611 clause
    4.5); 0 when not known."""
    loss_percent: float = 0.0
    """In the last second or two: what came in with gaps that nothing filled (publish), or what the
    receiver reported (subscribe)."""
    jitter_ms: float = 0.0
    """The worst of its tracks, RFC 3550 clause 6.4.1 (publish: measured, subscribe: reported)."""
    estimate_bps: int = 0
    """Subscribe: available bandwidth; 0 when not known."""
    target_bps: int = 0
    """Subscribe: what the allotted layers come to."""
    send_delay: float = 0.0
    """Subscribe: seconds that the first in line has waited in the pacer."""
    protocol: Protocol = ""
    """Empty while no address is selected."""
    family: Family = ""
    moves: int = 0
    """Times that the peer chose its address, the first included."""
    up: tuple[UpTotals, ...] = ()
    down: tuple[DownTotals, ...] = ()


class WorkerStats(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Once a second, and so the sign of life: a worker silent for 5 s is replaced.

    Counters are totals since the worker's start; bytes are of whole datagrams in, of RTP payload
    out.
    """

    at: float = 0.0
    """When this was counted: seconds on the monotonic clock, which all processes share."""
    cpu_seconds: float
    """User + system."""
    rss_bytes: int
    packets_received: int
    packets_forwarded: int
    bytes_received: int
    bytes_sent: int
    routers: int
    transports: int
    gather_ms: float
    """How long the loop now waits for more packets before it sends."""
    drops: dict[str, int]
    """By `DropReason`."""
    shedding: int = 0
    """Steps of load shedding in force; 0: everything is sent."""
    forwarding_delay: tuple[int, ...] = ()
    """Packets by the bounds of `qos.histogram`, from their arrival at the kernel to their hand-over
    to it; what a pacer holds back is not in it (see `send_delay`)."""
    per_transport: tuple[TransportStats, ...]


Event = (
    WorkerReady
    | TransportChanged
    | AudioLevels
    | LayersWanted
    | DownTrackStates
    | CaptureState
    | WorkerStats
)

_encoder = msgspec.msgpack.Encoder()


def frame(message: msgspec.Struct) -> bytes:
    """One message as it goes on a channel between processes."""
    body = _encoder.encode(message)
    return _LENGTH.pack(len(body)) + body


class ChannelError(Exception):
    """The other side sent what is no message; the channel is of no more use."""


class Unframer:
    """Bytes in, whole message bodies out."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield each message body that `data` completes. Raises `ChannelError`."""
        self._buffer += data
        while len(self._buffer) >= 4:
            (size,) = _LENGTH.unpack_from(self._buffer)
            if size > MAX_MESSAGE:
                raise ChannelError(f"a message of {size} bytes")
            if len(self._buffer) < 4 + size:
                return
            body = bytes(self._buffer[4 : 4 + size])
            del self._buffer[: 4 + size]
            yield body


_command_decoder = msgspec.msgpack.Decoder(Command)
_event_decoder = msgspec.msgpack.Decoder(Event)


def decode_command(body: bytes) -> Command:
    """Raises `ChannelError`."""
    try:
        command: Command = _command_decoder.decode(body)
    except msgspec.DecodeError as error:
        raise ChannelError(str(error)) from error
    return command


def decode_event(body: bytes) -> Event:
    """Raises `ChannelError`."""
    try:
        event: Event = _event_decoder.decode(body)
    except msgspec.DecodeError as error:
        raise ChannelError(str(error)) from error
    return event
