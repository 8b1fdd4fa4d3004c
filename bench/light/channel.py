"""Messages between the bench and its driver processes, which do the media.

The bench does the signaling and sends a driver what came of it (`OpenTransport`, `SetTracks`);
the driver does ICE, DTLS, SRTP and the media, and reports. `bench.child` has the channel.
"""

from __future__ import annotations

import msgspec

from sfu.control import Extensions, Fingerprint


class Stream(msgspec.Struct, frozen=True):
    """One stream that a participant sends."""

    kind: str
    ssrc: int
    payload_type: int
    mid: str
    rid: str = ""
    """Of a simulcast layer (RFC 8851)."""
    rtx_ssrc: int = 0
    """Of its resends (RFC 4588); 0: none."""
    rtx_payload_type: int = 0


class Track(msgspec.Struct, frozen=True):
    """One stream that a participant receives."""

    ssrc: int
    kind: str
    publisher: int
    """Number of the participant who sends it."""
    repair_ssrc: int = 0
    """Of its resends and probes (RFC 4588); 0: none."""
    awaited: bool = True
    """Whether `Receiving` waits for it; a voice that is not among the loudest may never come."""
    opaque: bool = False
    """The server encoded it anew: counted when it arrives, neither compared nor timed."""


# Commands: bench -> driver.


class OpenTransport(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Connect to the server and, on a publish transport, send until it is closed."""

    transport: int
    participant: int
    """Number of the participant over all drivers; the row of the send table."""
    address: tuple[str, int]
    local_ufrag: str
    local_pwd: str
    remote_ufrag: str
    remote_pwd: str
    fingerprint: Fingerprint
    dtls_role: str
    """`client` or `server`: ours."""
    extensions: Extensions
    streams: tuple[Stream, ...] = ()


class SetTracks(msgspec.Struct, frozen=True, tag=True):
    """All tracks that a transport receives."""

    transport: int
    tracks: tuple[Track, ...]


class SetLayers(msgspec.Struct, frozen=True, tag=True):
    """The layers of the track with this mid that are sent from now on; the others rest."""

    transport: int
    mid: str
    rids: tuple[str, ...]


class CloseTransport(msgspec.Struct, frozen=True, tag=True):
    transport: int


class Measure(msgspec.Struct, frozen=True, tag=True):
    """Count what is sent in this window (monotonic nanoseconds), wherever it arrives later."""

    start: int
    stop: int


class Stop(msgspec.Struct, frozen=True, tag=True):
    """End the window here, earlier than `Measure` set it."""

    stop: int


class Collect(msgspec.Struct, frozen=True, tag=True):
    """Answer with a `Measured`."""


Command = OpenTransport | SetTracks | SetLayers | CloseTransport | Measure | Stop | Collect

# Events: driver -> bench.


class Ready(msgspec.Struct, frozen=True, tag=True):
    """First event of a driver. The fingerprint is of all its participants."""

    fingerprint: Fingerprint


class Connected(msgspec.Struct, frozen=True, tag=True):
    transport: int
    profile: str
    """SRTP profile."""


class Failed(msgspec.Struct, frozen=True, tag=True):
    transport: int
    reason: str


class Receiving(msgspec.Struct, frozen=True, tag=True):
    """Every track of the transport has arrived since the last `SetTracks`."""

    transport: int


class SentStream(msgspec.Struct, frozen=True):
    """What one stream sent in the window."""

    participant: int
    kind: str
    packets: int
    bytes: int
    """Datagram payload, SRTP included."""
    keyframe_requests: int
    """PLI and FIR since the transport opened."""
    rid: str = ""
    resent: int = 0
    """Packets sent again on request since the transport opened."""


class ReceivedTrack(msgspec.Struct, frozen=True, kw_only=True):
    """What one track brought of the window."""

    participant: int
    """Who received."""
    publisher: int
    kind: str
    packets: int
    bytes: int
    first: int
    """Arrival of the first packet (monotonic nanoseconds)."""
    last: int
    delay_sum: int
    """Nanoseconds."""
    delay_max: int
    jitter_ms: float
    """RFC 3550 A.8, mean over all packets."""
    reordered: int
    duplicates: int
    missing: int = 0
    """Sequence numbers that never came, resends apart, from the window's announcement on."""
    recovered: int = 0
    """Of the missing, those that came as resends."""
    layers: dict[str, int] = {}
    """Packets of each simulcast layer, by rid; empty without simulcast."""


class Sample(msgspec.Struct, frozen=True):
    """One received video, packet by packet."""

    participant: int
    publisher: int
    kind: str
    packets: tuple[int, ...]
    """Numbers in the recording (all layers in one count), in the order of arrival."""


class Measured(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """One driver's part of the measurement."""

    sent: tuple[SentStream, ...]
    received: tuple[ReceivedTrack, ...]
    delays: dict[int, dict[int, int]]
    """Participant -> bucket (`light.receiver`) -> packets."""
    unknown: int
    """Packets with an SSRC or content that was not announced."""
    refused: int
    """Packets that SRTP did not accept."""
    extra: int = 0
    """Packets that arrived in the window and are no recorded media: resends, probes, and the
    silence that a server ends a voice with."""
    gone: int = 0
    """Packets of the window on tracks that ended before its end."""
    samples: tuple[Sample, ...] = ()
    """To be decoded: one video of each driver."""
    cpu_seconds: float
    wall_seconds: float
    late_p99_ms: float
    """How late the driver was to send what was due."""
    late_max_ms: float


class Progress(msgspec.Struct, frozen=True, tag=True):
    """Once a second in the window: what came since its start, on tracks that are still there."""

    at: int
    """Monotonic nanoseconds."""
    packets: int
    bytes: int
    """Datagram payload, SRTP included."""
    delay_sum: int | None
    """Nanoseconds; None where it is not known."""


Event = Ready | Connected | Failed | Receiving | Progress | Measured

commands: msgspec.msgpack.Decoder[Command] = msgspec.msgpack.Decoder(Command)
events: msgspec.msgpack.Decoder[Event] = msgspec.msgpack.Decoder(Event)
