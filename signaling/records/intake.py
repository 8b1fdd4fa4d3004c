"""From samples and events to what is to be written: calls, people, series, blocks. No I/O.

Theory of operation. `add_sample` and `event` keep the state of every open call and gather rows.
Every `BLOCK` seconds the rows of a call become a block, and `add_sample` returns True: it is time
to write. What has changed stays marked until `written` is called, when it is on the disk, so a disk
that is full for a while costs only the oldest blocks beyond `BACKLOG`, never who was in the call
and when. Time is that of the samples: when the clock jumps, blocks begin anew where it lands.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from signaling.meter.samples import (
    BrowserFigures,
    Direction,
    Event,
    Figures,
    PersonSample,
    RoomSample,
    Sample,
    TrackSample,
)
from signaling.records import points
from signaling.records.report import Medium
from signaling.records.spells import Spells
from signaling.records.together import Together, nominal_of

BLOCK = 5
"""Seconds of a block of single seconds; with the time of one write, all that a power cut takes."""
BACKLOG = 24
"""Blocks of a call that wait for a disk, at most."""
MOST_EVENTS = 5_000
"""Of one call."""
MOST_SERIES = 4_096
"""Of one call."""
MOST_PEOPLE = 2_000
"""Of one call, over all its time."""
ENDED_KEPT = 200
"""Calls that were, whose last events may still come."""

News = dict[tuple[str, str], BrowserFigures]
"""By viewer and track."""
SeriesKey = tuple[Direction, str, str, Medium]
"""Direction, participant, track (empty for a person's whole direction), medium."""


@dataclass(slots=True)
class OpenSeries:
    """One series of a call."""

    number: int
    key: SeriesKey
    publisher: str = ""
    source: str = ""
    codec: str = ""
    mos_model: str = ""
    changed: bool = True


@dataclass(slots=True)
class OpenPerson:
    """One participant of a call."""

    participant: str
    name: str
    joined: float
    left: float | None = None
    changed: bool = True


@dataclass(slots=True)
class OpenCall:
    """One call, and what of it is not on the disk yet."""

    number: int
    call: str
    room: str
    started: float
    ended: float | None = None
    changed: bool = True
    events_left_out: int = 0
    event_count: int = 0
    people: dict[str, OpenPerson] = field(default_factory=dict)
    series: dict[SeriesKey, OpenSeries] = field(default_factory=dict)
    rows: list[points.Row] = field(default_factory=list)
    blocks: deque[tuple[int, bytes]] = field(default_factory=lambda: deque(maxlen=BACKLOG))
    events: list[Event] = field(default_factory=list)
    spells: Spells = field(default_factory=Spells)
    ages: dict[tuple[str, str], float] = field(default_factory=dict)
    """Age of each browser's latest report of each track: a younger one is new."""
    seen: float = 0.0


class Intake:
    """All calls that are on, and those that just ended."""

    def __init__(self, next_number: int, outbound_tracks: bool) -> None:
        """`next_number`: of the first call. `outbound_tracks`: keep them one by one too."""
        self._next, self._outbound_tracks = next_number, outbound_tracks
        self.calls: OrderedDict[str, OpenCall] = OrderedDict()
        self._slot: int | None = None
        self.unknown_events = 0

    def add_sample(self, sample: Sample) -> bool:
        """One second; True when a block became full before it, so that it is time to write."""
        at = int(sample.at)
        full = self._slot is not None and at // BLOCK != self._slot
        if full:
            self.cut()
        self._slot = at // BLOCK
        present = set()
        shedding = {worker.worker for worker in sample.workers if worker.shedding}
        for room in sample.rooms:
            present.add(room.call)
            self._room(room, sample.at, room.worker in shedding)
        for call in self.calls.values():
            if call.call not in present and call.ended is None and call.seen:
                self._end(call, sample.at)
        return full

    def event(self, event: Event) -> None:
        """Something happened; it is forgotten when its call is not known."""
        call = self.calls.get(event.call)
        if call is None and event.kind == "callStarted":
            call = self._open(event.call, event.room, event.at)
        if call is None:
            self.unknown_events += 1
            return
        if call.event_count >= MOST_EVENTS:
            call.events_left_out += 1
            call.changed = True
        else:
            call.event_count += 1
            call.events.append(event)
        person = call.people.get(event.participant)
        if event.kind in ("left", "removed") and person is not None:
            person.left, person.changed = event.at, True
        if event.kind == "callEnded":
            self._end(call, event.at)

    def cut(self) -> None:
        """Make blocks of all rows that were gathered."""
        for call in self.calls.values():
            if call.rows:
                call.blocks.append((min(row[1] for row in call.rows), points.encode(call.rows)))
                call.rows = []

    def written(self) -> None:
        """All that was marked is on the disk now; calls that ended may be forgotten."""
        for call in self.calls.values():
            call.changed = False
            call.blocks.clear()
            call.events.clear()
            for person in call.people.values():
                person.changed = False
            for series in call.series.values():
                series.changed = False
            call.spells.written()
        self._forget()

    def _forget(self) -> None:
        ended = [key for key, call in self.calls.items() if call.ended is not None]
        for key in ended[: max(0, len(ended) - ENDED_KEPT)]:
            del self.calls[key]

    def limit(self) -> None:
        """While nothing can be written: keep no more than a bounded number of calls."""
        ended = [key for key, call in self.calls.items() if call.ended is not None]
        for key in ended[: max(0, len(ended) - 5 * ENDED_KEPT)]:
            del self.calls[key]

    def _open(self, name: str, room: str, started: float) -> OpenCall:
        call = OpenCall(self._next, name, room, started)
        self._next += 1
        self.calls[name] = call
        return call

    def _end(self, call: OpenCall, at: float) -> None:
        call.ended, call.changed = at, True
        call.ages.clear()
        for person in call.people.values():
            if person.left is None:
                person.left, person.changed = at, True

    def _room(self, room: RoomSample, at: float, busy: bool) -> None:
        call = self.calls.get(room.call) or self._open(room.call, room.room, room.started)
        if call.ended is not None or not call.seen:
            call.started, call.ended, call.changed = room.started, None, True
        call.seen = at
        present = {person.participant for person in room.people}
        for person in call.people.values():
            if person.participant not in present and person.left is None:
                person.left, person.changed = at, True
        news: News = {}
        for sample in room.people:
            self._person(call, sample, int(at), news)
        call.spells.add_second(room, news, at, busy)

    def _person(self, call: OpenCall, sample: PersonSample, at: int, news: News) -> None:
        person = call.people.get(sample.participant)
        if person is None:
            if len(call.people) >= MOST_PEOPLE:
                return
            person = OpenPerson(sample.participant, sample.name, sample.joined)
            call.people[sample.participant] = person
        if person.left is not None:
            person.left, person.changed = None, True
        who = sample.participant
        up, down = self._tracks(call, sample, at, news)
        self._direction(
            call,
            at,
            ("inbound", who, "", "both"),
            sample.up,
            points.of_figures(sample.up, nominal_bps=_nominal(sample, "inbound")),
            up,
        )
        point = points.of_figures(
            sample.down,
            estimate_bps=sample.estimate_bps,
            target_bps=sample.target_bps,
            nominal_bps=_nominal(sample, "outbound"),
        )
        media = {medium: some.point() for medium, some in down.items() if some.tracks}
        self._direction(
            call, at, ("outbound", who, "", "both"), sample.down, point, list(media.values())
        )
        for medium, whole in media.items():
            series = self._row(call, at, ("outbound", who, "", medium), whole)
            if series is not None:
                _label(series, mos_model=down[medium].mos_model)

    def _direction(
        self,
        call: OpenCall,
        at: int,
        key: SeriesKey,
        figures: Figures,
        point: points.Point,
        tracks: list[points.Point],
    ) -> None:
        """The meter's own sum, and what only the tracks count: freezes, resends and the like."""
        series = self._row(call, at, key, points.with_counts(point, tracks))
        if series is not None:
            _label(series, mos_model=figures.mos_model)

    def _tracks(
        self, call: OpenCall, sample: PersonSample, at: int, found: News
    ) -> tuple[list[points.Point], dict[Medium, Together]]:
        """Points of the tracks that came from a person, and by medium those sent to them.

        New reports of their browser go into `found`.
        """
        up: list[points.Point] = []
        down: dict[Medium, Together] = {"audio": Together(), "video": Together()}
        for track in sample.tracks:
            inbound = track.direction == "inbound"
            news = None if inbound else _news(call, sample.participant, track)
            if news is not None:
                found[sample.participant, track.track] = news
            freezes = _freezes(track, news)
            if not inbound:
                down[track.kind].add(track, freezes, news)
                if not self._outbound_tracks:
                    continue
            point = _track_point(track, freezes, news)
            if inbound:
                up.append(point)
            key = (track.direction, sample.participant, track.track, track.kind)
            series = self._row(call, at, key, point)
            if series is not None:
                _label(series, track.figures.mos_model, track.publisher, track.source, track.codec)
        return up, down

    def _row(
        self, call: OpenCall, at: int, key: SeriesKey, point: points.Point
    ) -> OpenSeries | None:
        series = self._series(call, key)
        if series is not None:
            call.rows.append((series.number, at, *point))
        return series

    def _series(self, call: OpenCall, key: SeriesKey) -> OpenSeries | None:
        series = call.series.get(key)
        if series is None and len(call.series) < MOST_SERIES:
            series = call.series[key] = OpenSeries(len(call.series), key)
        return series


def _label(
    series: OpenSeries, mos_model: str, publisher: str = "", source: str = "", codec: str = ""
) -> None:
    """What is known of a series besides its points; a model is not forgotten by a silent second."""
    model = mos_model or series.mos_model
    new = (model, publisher, source, codec)
    if new != (series.mos_model, series.publisher, series.source, series.codec):
        series.mos_model, series.publisher, series.source, series.codec = new
        series.changed = True


def _track_point(track: TrackSample, freezes: int, news: BrowserFigures | None) -> points.Point:
    known = track.width is not None and track.height is not None
    return points.of_figures(
        track.figures,
        freezes=freezes,
        counts=track.counts,
        frames_per_second=track.frames_per_second,
        size=(track.width or 0, track.height or 0) if known else None,
        nominal_bps=nominal_of(track),
        browser=news,
    )


def _nominal(sample: PersonSample, direction: Direction) -> float | None:
    """bit/s that all tracks of a direction together usually take."""
    return sum(nominal_of(t) or 0.0 for t in sample.tracks if t.direction == direction) or None


def _news(call: OpenCall, viewer: str, track: TrackSample) -> BrowserFigures | None:
    """Each report of a browser comes in several samples, and grows older in them."""
    browser = track.browser
    if browser is None:
        return None
    key = (viewer, track.track)
    before = call.ages.get(key)
    call.ages[key] = browser.age
    return browser if before is None or browser.age <= before else None


def _freezes(track: TrackSample, news: BrowserFigures | None) -> int:
    """Those that the receiving browser reports, else those that the server computes from gaps."""
    if track.direction == "inbound" or track.browser is None:
        return track.freeze_count
    return points.believed_freezes(news) if news is not None else 0


def changed_series(call: OpenCall) -> Iterable[OpenSeries]:
    """Those that are new or were labelled anew."""
    return (series for series in call.series.values() if series.changed)
