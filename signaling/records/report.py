"""The JSON of reports, charts, lists and opinions, as structs. No I/O.

Names and units are those of `signaling.meter.samples`: seconds, bytes, bits a second, percent for
loss; camelCase on the wire; null where a figure is not known. Times are Unix time.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from qos.figures import BROWSER, COUNTERS
from signaling.meter.samples import Direction, Event
from signaling.records.experience import Experience, Finding, Span, Verdict

VERSION = 2
"""Of these structs; grows when a field changes its meaning or goes."""

Word = Literal["excellent", "good", "fair", "poor", "bad"]
"""Of the absolute category rating, ITU-T P.800 Annex B; asked in words, counted 5 to 1."""
Kind = Literal["audio", "video"]
Medium = Literal["audio", "video", "both"]
"""What a summary is of: `both` for a direction of a person, which sums up all tracks."""
Feature = Literal["loss", "delay", "jitter", "freezes", "vote"]
Level = Literal["muchLower", "lower", "usual", "higher", "muchHigher"]


class Spread(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A figure over a stretch of time."""

    mean: float | None = None
    """Over the seconds in which it was known."""
    worst: float | None = None
    """Of the single seconds: the most, or for MOS the least."""


class GradesOf(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What one profile of `qos.grades` makes of the means; 4 the best, null without a band."""

    profile: str
    overall: float | None
    words: str
    """Key of the category of `overall`: see `qos.grades.words_of`; empty without one, `tooShort`
    where too little was seen for a grade (`qos.grades.enough`)."""
    throughput: int | None = None
    delay: int | None = None
    jitter: int | None = None
    loss: int | None = None


class BrowserSummary(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What the receiving browser reported of the same: means over its reports, and sums."""

    reports: int
    # The means, a field each.
    __annotations__ |= {figure.name: "float | None" for figure in BROWSER}
    freeze_count: int
    freezes_duration: float
    """Seconds."""
    absurd: int
    """Reports of which something was left out because it could not be."""


class Summary(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A track or a direction of a person over the whole call."""

    seconds: int
    """In which there was a sample."""
    packets: int
    """Expected."""
    packets_lost: int
    """Net of those that came late, so it may be negative."""
    bitrate: float | None
    """bit/s, mean."""
    loss: Spread
    """Percent; from 10 s on the mean is `packets_lost` of `packets`, and 0 at least."""
    jitter: Spread
    """Seconds."""
    delay: Spread
    """Seconds, one way, modelled: see `Figures.delay`."""
    round_trip_time: Spread
    """Seconds."""
    mean_inter_arrival: float | None
    """Seconds between packets: what capture-based studies print as delay. It is not delay."""
    mos: Spread
    """Estimated, never voted; null where nothing was estimated."""
    mos_model: str
    """What estimated it."""
    frames_per_second: float | None
    width: int | None
    """Of the largest video."""
    height: int | None
    freezes: int
    """As the receiving browser counts them, else as the server computes from gaps."""
    # The counters, a field each.
    __annotations__ |= {counter.name: "int" for counter in COUNTERS}
    estimate_bps: float | None
    """Mean of the estimated available bandwidth; a person's outbound direction only."""
    target_bps: float | None
    """Mean of what the allotted layers came to; a person's outbound direction only."""
    nominal_bps: float | None
    """Mean of the usual bitrate of such voices and video."""
    browser: BrowserSummary | None
    """Null where no browser reported anything."""
    grades: tuple[GradesOf, ...]
    """One for each profile. `tiphon-percent` compares with `nominal_bps`."""


class TrackReport(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One track that a person published, or with `outbound` was sent."""

    track: str
    direction: Direction
    publisher: str
    """Participant id."""
    kind: Kind
    source: str
    codec: str
    summary: Summary


class Votes(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """How one person voted after the call; null without a vote."""

    audio: Word | None = None
    video: Word | None = None


class VisitReport(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One stay; reloading the page or coming back begins another."""

    participant: str
    joined: float
    left: float | None
    """Null while they are still there."""


class PersonReport(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One person, with all their visits (`signaling.records.visits`)."""

    participant: str
    """Of the first visit."""
    name: str
    joined: float
    left: float | None
    """Null while they are still there."""
    visits: tuple[VisitReport, ...]
    experience: Experience
    """What they experienced."""
    spells: tuple[Span, ...]
    """The stretches of it, in the order of time."""
    up: Summary
    """Participant to server."""
    down: Summary
    """Server to participant."""
    down_audio: Summary | None
    """The voices in `down` together; null where single tracks were not kept."""
    down_video: Summary | None
    """The video in `down` together."""
    tracks: tuple[TrackReport, ...]
    votes: Votes


class CallRow(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One call in the list."""

    call: str
    room: str
    started: float
    ended: float | None
    """Null while it lasts."""
    people: int
    """Not joins: who came back is one."""
    names: tuple[str, ...]
    """At most 20."""
    verdict: Verdict
    """Of the person who fared worst."""
    troubled: int
    """People who experienced something worth reporting."""
    finding: Finding | None
    """The worst that anybody experienced."""
    loss: float | None
    """Percent of all that was sent to people."""
    mos: float | None
    """Mean of the estimates of what people were sent."""
    votes: int
    """People who voted."""


class CallList(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A page of the list, the newest first, or those with the most trouble."""

    calls: tuple[CallRow, ...]
    total: int
    """That match, on all pages."""
    offset: int


class Report(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One call, or as much of it as has been."""

    version: int
    call: str
    room: str
    started: float
    ended: float | None
    """Null while it lasts."""
    made: float
    """When this report was made."""
    people: tuple[PersonReport, ...]
    """In the order in which they came."""
    events: tuple[Event, ...]
    """In the order of time."""
    events_left_out: int
    """More events than are kept of one call."""
    profiles: tuple[str, ...]
    """Of the grades, the default first."""


class FindingRow(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """The worst that one person experienced, and where."""

    call: str
    room: str
    participants: tuple[str, ...]
    """Of all the person's visits."""
    finding: Finding


class FindingList(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What was experienced in some stretch of time, or in one call, the worst first."""

    since: float
    until: float
    findings: tuple[FindingRow, ...]
    troubled: int
    """People with a finding, these and others."""
    calls: int
    """That were looked at."""


class Columns(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """The points of a chart, a list for each figure; a point is `step` seconds from its `at` on.

    A stretch without samples has no points: where `at` jumps by more than `step`, break the line.
    """

    at: tuple[float, ...]
    bitrate: tuple[float | None, ...]
    packets: tuple[int, ...]
    packets_lost: tuple[int, ...]
    loss: tuple[float | None, ...]
    loss_worst: tuple[float | None, ...]
    jitter: tuple[float | None, ...]
    jitter_worst: tuple[float | None, ...]
    delay: tuple[float | None, ...]
    delay_worst: tuple[float | None, ...]
    round_trip_time: tuple[float | None, ...]
    mean_inter_arrival: tuple[float | None, ...]
    mos: tuple[float | None, ...]
    mos_worst: tuple[float | None, ...]
    frames_per_second: tuple[float | None, ...]
    freezes: tuple[int, ...]
    estimate_bps: tuple[float | None, ...]
    target_bps: tuple[float | None, ...]


class Series(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One line of a chart: a track, or with an empty `track` a direction of a person."""

    participant: str
    direction: Direction
    track: str
    publisher: str
    """Whose track it is; empty for a direction of a person."""
    kind: Medium
    source: str
    points: Columns


class Chart(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """The series of one call over a stretch of time."""

    call: str
    since: float
    until: float
    step: int
    """Seconds of a point."""
    series: tuple[Series, ...]


class Statistic(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """n, mean, standard deviation and the 95 % interval of the mean (Student's t).

    The interval is null with fewer values than `Opinions.votes_needed`.
    """

    n: int
    mean: float | None
    sd: float | None
    """Of the sample (n - 1); null below two."""
    low: float | None
    high: float | None


class Pair(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One vote and what the model estimated for the same person in the same call."""

    call: str
    participant: str
    vote: int
    """5 excellent to 1 bad."""
    mos: float | None
    """Null when nothing was estimated."""


class Opinion(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Votes of one medium against the model."""

    counts: dict[Word, int]
    votes: Statistic
    model: Statistic
    """Of the estimates for those who voted."""
    difference: Statistic
    """Vote minus estimate, person by person."""
    pairs: tuple[Pair, ...]
    """The latest 500."""


class Trait(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """How a group differs from all sessions in one figure."""

    feature: Feature
    mean: float | None
    """Of the group: percent, seconds, seconds, freezes a minute, 1 to 5; null if not known."""
    overall: float | None
    """Of all sessions."""
    level: Level


class SessionRow(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One person in one call, as it was grouped."""

    call: str
    room: str
    participant: str
    name: str
    joined: float
    loss: float | None
    """Percent; null, as the next two, where nothing was measured."""
    delay: float | None
    jitter: float | None
    freezes: float
    """A minute."""
    vote: float | None
    """Mean of the audio and the video vote."""


class Group(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Sessions that were alike."""

    sessions: int
    share: float
    """Of all, 0 to 1."""
    bad: bool
    """Worse than usual in what was measured, or voted worse."""
    traits: tuple[Trait, ...]
    """The most telling first."""
    text: str
    """What they share, in plain English; pages in other languages build it from `traits`."""
    examples: tuple[SessionRow, ...]
    """The worst, at most 20."""


class Opinions(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What people voted, against what was estimated; and sessions grouped by likeness."""

    since: float
    until: float
    audio: Opinion
    video: Opinion
    votes_needed: int
    """Below which nothing is concluded from votes, and no interval is given."""
    sessions: int
    """That were grouped: everybody who was in a call for 30 s or more."""
    groups: tuple[Group, ...]
    """The worst first; empty when there are too few sessions for groups."""
