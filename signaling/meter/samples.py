"""One second of a call, as the dashboard, the history and the reports take it. No I/O.

Names and units follow W3C webrtc-stats where it has the quantity: seconds, bytes, bits a second.
Loss is in percent. A figure that is not known is None; it is never guessed and never NaN.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from qos.figures import NO_COUNTS, Counts

Direction = Literal["inbound", "outbound"]
"""`inbound`: publisher to server; `outbound`: server to subscriber (as the server sees it)."""
Protocol = Literal["udp", "tcp"]


class Grades(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Indices of one profile, 4 the best; None where it has no band or the figure is unknown."""

    profile: str
    overall: float | None
    throughput: int | None = None
    delay: int | None = None
    jitter: int | None = None
    loss: int | None = None


class Figures(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Of a track, a direction of a person, a person, or a room."""

    bitrate: float | None = None
    """Payload, bit/s over the second."""
    packets_per_second: float | None = None
    packets: int = 0
    """Expected in the second."""
    packets_lost: int = 0
    """Of them, and not repaired; negative when late ones came."""
    loss: float | None = None
    """Percent of what was expected in the second, 0 to 100."""
    jitter: float | None = None
    """Seconds, RFC 3550 clause 6.4.1; the worst of what is summed up."""
    round_trip_time: float | None = None
    """Seconds between the server and this person."""
    delay: float | None = None
    """Seconds, one way. Modelled as half of each round trip plus the server's own forwarding."""
    mean_inter_arrival: float | None = None
    """Seconds between packets, on average: what capture-based studies print as delay."""
    mos: float | None = None
    """1 to 4.5 (voice) or 1 to 5 (video), estimated."""
    mos_model: str = ""
    """What estimated it, with its codec table; empty without an estimate."""


class BrowserFigures(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What the receiving browser reports of the same track; bounded, and marked when absurd."""

    age: float
    """Seconds since the report."""
    seconds: float | None = None
    """That the report covers; None when it does not contain them."""
    bitrate: float | None = None
    loss: float | None = None
    jitter: float | None = None
    round_trip_time: float | None = None
    jitter_buffer_delay: float | None = None
    """Seconds, mean since its last report."""
    concealed: float | None = None
    """Percent of the samples played; audio."""
    frames_per_second: float | None = None
    width: int | None = None
    height: int | None = None
    freeze_count: int = 0
    """Since its last report."""
    freezes_duration: float = 0.0
    """Seconds, since its last report."""
    absurd: bool = False
    """The report held an impossible value, which was left out."""


class TrackSample(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One track of one person in one direction."""

    track: str
    """Id of the published track."""
    direction: Direction
    publisher: str
    """Participant id; with `outbound` the other one's."""
    kind: Literal["audio", "video"]
    source: str
    codec: str
    figures: Figures
    grades: Grades
    muted: bool = False
    state: str = "flowing"
    """`DownState`; inbound: `flowing` or `noPackets`."""
    limited: bool = False
    """Less than is wanted. Outbound: the receiver's network carries less than their view asks for;
    inbound: the highest layer that somebody wants does not arrive."""
    rid: str = ""
    """Simulcast layer: the highest that arrives, or the one that is sent."""
    temporal: int | None = None
    width: int | None = None
    height: int | None = None
    frames_per_second: float | None = None
    freeze_count: int = 0
    """In the second: pauses of more than 3 frame gaps and 150 ms, after W3C webrtc-stats."""
    counts: Counts = NO_COUNTS
    """In the second, of `qos.figures.COUNTERS`."""
    audio_level: float | None = None
    """0 to 1, linear."""
    browser: BrowserFigures | None = None


class Link(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One transport as the worker measures it now, all tracks together, before any repair ends."""

    loss: float = 0.0
    """Percent over the last second or two."""
    round_trip_time: float = 0.0
    """Seconds; 0 when not known."""
    jitter: float = 0.0
    """Seconds, of the worst track."""


class PersonSample(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One participant: both directions summed up, and their tracks."""

    participant: str
    name: str
    joined: float
    """Unix time."""
    connected: bool
    """False while the WebSocket is away."""
    up: Figures
    down: Figures
    grades: Grades
    """Of the worse direction."""
    level: str = ""
    """`quality` of their connection, as the call shows it; empty while not known."""
    up_link: Link | None = None
    """Their publish transport; None without one."""
    down_link: Link | None = None
    """Their subscribe transport."""
    protocol: Protocol | None = None
    estimate_bps: int | None = None
    """Available bandwidth from the server to the person."""
    target_bps: int | None = None
    """What the allotted layers come to."""
    speaking: bool = False
    tracks: tuple[TrackSample, ...] = ()


class RoomSample(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One room. `call` names this use of the room: it ends when the room is empty."""

    call: str
    room: str
    worker: int
    started: float
    """Unix time."""
    capacity: int
    people: tuple[PersonSample, ...]


class WorkerSample(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One media worker over the second."""

    worker: int
    pid: int
    cpu: float
    """Share of one core, 0 to 1."""
    rss_bytes: int
    packets_received_per_second: float
    packets_sent_per_second: float
    bitrate_received: float
    bitrate_sent: float
    transports: int
    routers: int
    gather_ms: float
    shedding: int
    drops: dict[str, int]
    """New in the second, by reason; only those that moved."""
    forwarding_delay: tuple[int, ...]
    """Packets in the second by the bounds of `qos.histogram`, arrival to send."""


class ServerSample(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """The machine and the signaling process."""

    cpu: float
    """Share of one core, 0 to 1, of the signaling process."""
    rss_bytes: int
    memory_used: float
    """Share of the machine's, 0 to 1."""
    machine_cpu: float
    """Share of all cores, 0 to 1."""
    uptime: float
    temperature: float | None = None
    """Degrees Celsius, the hottest zone that the kernel names."""
    throttled: tuple[str, ...] = ()
    """On a Raspberry Pi: `underVoltage`, `frequencyCapped`, `throttled`, `softTemperatureLimit`."""
    disk_free: int | None = None
    """Bytes where the history lives."""
    history: str = "ok"
    """`ok`, `off`, or why nothing is being written."""


class Sample(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Everything, once a second."""

    at: float
    """Unix time."""
    server: ServerSample
    workers: tuple[WorkerSample, ...]
    rooms: tuple[RoomSample, ...]


EventKind = Literal[
    "callStarted",
    "callEnded",
    "joined",
    "left",
    "published",
    "unpublished",
    "networkChanged",
    "layerDropped",
    "layerRaised",
    "qualityChanged",
    "shed",
    "workerLost",
    "removed",
]


class Event(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Something that happened in a call, for its time axis."""

    at: float
    """Unix time."""
    kind: EventKind
    call: str
    room: str
    participant: str = ""
    name: str = ""
    detail: str = ""
    """More in the kind's own words: a reason code, a source, an address family; no free text."""
