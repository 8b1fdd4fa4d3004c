"""Every figure that is measured of a track, declared once: name, unit, places, source. Pure.

Theory of operation. A figure comes from where it is measured (a worker, the meter, a browser) and
leaves as a column of the live WebSocket, a column of the history, a field of a report's JSON, a
heading of its CSV, sometimes a Prometheus metric, and a line of a page. All of these are made from
the lines below. In Python a figure is called `name`, everywhere outside `camel(name)`; its label on
the pages is the phrase `figure.<camelCase name>`.

A counter (`COUNTERS`) is a number that only grows. Whoever counts it gives its total to `counts`;
from there on all counters travel together as one tuple (`Counts`) in the order of the table, and
are subtracted, added up and written without being named again. So a new one is a line at the end
of `COUNTERS`, the place that counts it, and a label in each language.

A mean (`MEANS`, `BROWSER`) is computed by its own rule, so its name also stands where that is done.
The history keeps those with `parts` at fixed places: to keep one more, its file must be migrated.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

Unit = Literal["count", "s", "bit/s", "%", "MOS", "1/s", "linear"]
Counts = tuple[int, ...]
"""One number for each of `COUNTERS`."""


class Metric(NamedTuple):
    """A family of /metrics that is made of a figure, one series a room."""

    name: str
    text: str
    """Its HELP line."""


class Counter(NamedTuple):
    """A count of events of one track. It adds up over streams, seconds and tracks."""

    name: str
    source: str
    """What defines it."""
    shown: Literal["", "audio", "video", "both"] = "both"
    """Of tracks of which kind the dashboard shows it; empty: of none."""
    metric: Metric | None = None
    """Its total over all tracks of a room."""


class Figure(NamedTuple):
    """A quantity that is averaged over seconds and over tracks."""

    name: str
    unit: Unit
    digits: int
    """Decimal places that a screen can show."""
    source: str
    """What defines it."""
    parts: int = 0
    """The history counts one of so many parts of the unit (1,000,000: microseconds); 0: it does not
    keep the figure."""
    worst: Literal["", "most", "least"] = ""
    """Which of several values is the worst; empty: neither."""
    metric: Metric | None = None
    """The worst value of a room."""


COUNTERS: tuple[Counter, ...] = (
    Counter("nack_count", "W3C webrtc-stats nackCount: requests of RFC 4585 clause 6.2.1"),
    Counter(
        "pli_count",
        "W3C webrtc-stats pliCount and firCount: RFC 4585 clause 6.3.1, RFC 5104 clause 4.3.1",
        shown="",
    ),
    Counter("retransmitted", "W3C webrtc-stats retransmittedPacketsReceived and -Sent"),
    Counter("key_frames", "W3C webrtc-stats keyFramesDecoded, counted on arrival", shown="video"),
)
"""New ones at the end: the history keeps them in this order (`signaling.records.points`)."""

LOSS = Figure("loss", "%", 2, "RFC 3550 clause 6.4.1, cumulative packets lost", 1_000, "most")
BITRATE = Figure("bitrate", "bit/s", 0, "W3C webrtc-stats bytesReceived, of payload", 1)
JITTER = Figure(
    "jitter",
    "s",
    5,
    "RFC 3550 appendix A.8",
    1_000_000,
    "most",
    Metric("sfu_room_jitter_max_seconds", "RFC 3550 jitter of whom it is worst for."),
)
ROUND_TRIP_TIME = Figure(
    "round_trip_time",
    "s",
    4,
    "RFC 3550 clause 6.4.1, LSR and DLSR",
    1_000_000,
    "most",
    Metric("sfu_room_round_trip_time_max_seconds", "To the one furthest away."),
)
FRAMES_PER_SECOND = Figure("frames_per_second", "1/s", 1, "W3C webrtc-stats framesPerSecond", 100)

MEANS: tuple[Figure, ...] = (
    LOSS,
    BITRATE,
    JITTER,
    ROUND_TRIP_TIME,
    Figure(
        "delay",
        "s",
        4,
        "RFC 7679 one-way delay, modelled: half of each round trip and the time in the server",
        1_000_000,
        "most",
        Metric("sfu_room_delay_max_seconds", "One way, modelled, of whom it is worst for."),
    ),
    Figure("mean_inter_arrival", "s", 5, "time by packets, as `qos.spacing` has it", 1_000_000),
    Figure(
        "mos",
        "MOS",
        2,
        "ITU-T P.800.1 MOS-CQE, by G.107.2 or G.1070",
        1_000,
        "least",
        Metric("sfu_room_mos_min", "Estimated opinion score of whom it is worst for."),
    ),
    FRAMES_PER_SECOND,
    Figure("estimate_bps", "bit/s", 0, "available bandwidth, draft-ietf-rmcat-gcc-02", 1),
    Figure("target_bps", "bit/s", 0, "sum of the layers that are allotted", 1),
    Figure("nominal_bps", "bit/s", 0, "what such tracks usually take", 1),
)
"""What the server measures of a track, a direction or a person."""

BROWSER: tuple[Figure, ...] = (
    BITRATE,
    LOSS,
    JITTER,
    ROUND_TRIP_TIME,
    Figure("jitter_buffer_delay", "s", 4, "W3C webrtc-stats jitterBufferDelay, mean", 1_000_000),
    Figure("concealed", "%", 2, "W3C webrtc-stats concealedSamples of totalSamplesReceived", 1_000),
    FRAMES_PER_SECOND,
)
"""What the receiving browser reports of a track."""

OTHERS: tuple[Figure, ...] = (
    Figure("packets", "count", 0, "RFC 3550 appendix A.3, expected"),
    Figure("packets_lost", "count", 0, "RFC 3550 clause 6.4.1, without those repaired"),
    Figure("packets_per_second", "1/s", 1, "W3C webrtc-stats packetsReceived, by the second"),
    Figure("freeze_count", "count", 0, "W3C webrtc-stats freezeCount"),
    Figure("audio_level", "linear", 3, "RFC 6464, as W3C webrtc-stats audioLevel has it"),
    Figure("age", "s", 1, "since the browser reported"),
    Figure("freezes_duration", "s", 2, "W3C webrtc-stats totalFreezesDuration, since the last"),
)
"""What adds up by a rule of its own, or is shown for the moment only."""

BY_NAME = {figure.name: figure for figure in (*MEANS, *BROWSER, *OTHERS)}
_PLACES = {counter.name: place for place, counter in enumerate(COUNTERS)}
NO_COUNTS: Counts = (0,) * len(COUNTERS)


def camel(name: str) -> str:
    """The name of a figure outside Python."""
    first, *more = name.split("_")
    return first + "".join(word.title() for word in more)


def units() -> dict[str, Unit]:
    """The unit of each figure, by its name outside."""
    return {camel(name): figure.unit for name, figure in BY_NAME.items()}


def counts(**known: int) -> Counts:
    """Some counters by name, the others 0. An unknown name is a `KeyError`."""
    values = list(NO_COUNTS)
    for name, value in known.items():
        values[_PLACES[name]] = value
    return tuple(values)


def count(values: Counts, name: str) -> int:
    """One of them, for who computes with it."""
    return values[_PLACES[name]]


def since(now: Counts, was: Counts) -> Counts:
    """What was counted between two totals."""
    return tuple([after - before for after, before in zip(now, was, strict=True)])


def added_up(parts: Iterable[Counts]) -> Counts:
    """Counts of several tracks or streams together."""
    return tuple([sum(values) for values in zip(NO_COUNTS, *parts, strict=True)])
