"""A sample as the live WebSocket carries it: short arrays, whose columns `hello` names. No I/O.

Theory of operation. Names of fields would be most of what is sent, so a person is an array of
figures in the order of `PERSON`, a track one in the order of `TRACK`. Whoever is looked at is sent
with everything (`detail`), everybody else summed up (`overview`). Figures are rounded to what a
screen can show. Texts that come again and again (models, codecs) are numbers into `words`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from qos.figures import BY_NAME, COUNTERS, camel
from signaling.meter import judge
from signaling.meter.samples import (
    BrowserFigures,
    Figures,
    Grades,
    PersonSample,
    RoomSample,
    Sample,
    TrackSample,
    WorkerSample,
)

VERSION = 1
_SHORT = ("bitrate", "loss", "jitter", "round_trip_time", "delay", "mos")
_MORE = tuple([name for name in Figures.__struct_fields__ if name not in _SHORT])
_BROWSER = tuple([name for name in BrowserFigures.__struct_fields__ if name != "seconds"])
_PICTURE = ("width", "height", "frames_per_second", "freeze_count")
SHORT = tuple(map(camel, _SHORT))
FULL = tuple(map(camel, (*_SHORT, *_MORE)))
BROWSER = tuple(map(camel, _BROWSER))
GRADES = ("overall", "throughput", "delay", "jitter", "loss")
PERSON = (
    "participant",
    "name",
    "joined",
    "connected",
    "protocol",
    "estimate",
    "target",
    "speaking",
    "up",
    "down",
    "grades",
)
ROOM = ("call", "room", "worker", "started", "capacity", "people")
TRACK = (
    "participant",
    "track",
    "direction",
    "publisher",
    "kind",
    "source",
    "codec",
    "state",
    "muted",
    "rid",
    "temporal",
    *map(camel, _PICTURE),
    *[camel(counter.name) for counter in COUNTERS],
    "audioLevel",
    "figures",
    "grades",
    "browser",
)
COLUMNS = {
    "short": SHORT,
    "full": FULL,
    "grades": GRADES,
    "person": PERSON,
    "room": ROOM,
    "track": TRACK,
    "browser": BROWSER,
}


class Words:
    """Texts of one message, each once."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self._places: dict[str, int] = {}

    def place(self, text: str) -> int:
        """Where the text is."""
        found = self._places.get(text)
        if found is None:
            found = self._places[text] = len(self.all)
            self.all.append(text)
        return found


class Wire:
    """One sample by one profile."""

    def __init__(self, sample: Sample, profile: str, totals: Mapping[int, Mapping[str, int]]):
        """`totals`: drops by worker and reason since the server began."""
        self._sample, self._profile, self._totals = sample, profile, totals

    def overview(self) -> dict[str, Any]:
        """Everything, summed up."""
        return {
            "type": "second",
            "at": self._sample.at,
            "profile": self._profile,
            "server": self._sample.server,
            "workers": [self._worker(worker) for worker in self._sample.workers],
            "rooms": [self._room(room) for room in self._sample.rooms],
        }

    def detail(self, room_name: str, participant: str) -> dict[str, Any]:
        """The tracks of one person, or those that the people of one room publish."""
        words = Words()
        tracks, directions = [], None
        for room in self._sample.rooms:
            for person in room.people:
                if participant and person.participant == participant:
                    directions = [_figures(person.up, words), _figures(person.down, words)]
                    wanted: Sequence[TrackSample] = person.tracks
                elif not participant and room.room == room_name:
                    wanted = [track for track in person.tracks if track.direction == "inbound"]
                else:
                    continue
                tracks += [self._track(person, track, words) for track in wanted]
        return {
            "type": "tracks",
            "at": self._sample.at,
            "room": room_name,
            "participant": participant,
            "ways": directions,
            "tracks": tracks,
            "words": words.all,
        }

    def _worker(self, worker: WorkerSample) -> dict[str, Any]:
        return {
            "worker": worker.worker,
            "pid": worker.pid,
            "cpu": _round(worker.cpu, 3),
            "rssBytes": worker.rss_bytes,
            "packetsReceivedPerSecond": round(worker.packets_received_per_second),
            "packetsSentPerSecond": round(worker.packets_sent_per_second),
            "bitrateReceived": round(worker.bitrate_received),
            "bitrateSent": round(worker.bitrate_sent),
            "transports": worker.transports,
            "routers": worker.routers,
            "gatherMs": _round(worker.gather_ms, 2),
            "shedding": worker.shedding,
            "drops": worker.drops,
            "dropsTotal": self._totals.get(worker.worker, {}),
            "forwardingDelay": worker.forwarding_delay,
        }

    def _room(self, room: RoomSample) -> list[Any]:
        people = [self._person(person) for person in room.people]
        return [room.call, room.room, room.worker, round(room.started), room.capacity, people]

    def _person(self, person: PersonSample) -> list[Any]:
        return [
            person.participant,
            person.name,
            round(person.joined),
            int(person.connected),
            person.protocol,
            person.estimate_bps,
            person.target_bps,
            int(person.speaking),
            _short(person.up),
            _short(person.down),
            self._grades(person.grades, person),
        ]

    def _track(self, person: PersonSample, track: TrackSample, words: Words) -> list[Any]:
        return [
            person.participant,
            track.track,
            track.direction,
            track.publisher,
            track.kind,
            track.source,
            words.place(track.codec),
            track.state,
            int(track.muted),
            track.rid,
            track.temporal,
            *_picture(track),
            *track.counts,
            _round(track.audio_level, _DIGITS["audio_level"]),
            _figures(track.figures, words),
            self._grades(track.grades, track),
            _browser(track.browser),
        ]

    def _grades(self, known: Grades, of: PersonSample | TrackSample) -> list[Any]:
        if known.profile != self._profile:
            known = regrade(self._profile, of)
        parts = (known.throughput, known.delay, known.jitter, known.loss)
        return [_round(known.overall, 2), *parts]


def regrade(profile: str, of: PersonSample | TrackSample) -> Grades:
    """Grades by another profile; of a person the worse direction, as the meter does."""
    if isinstance(of, TrackSample):
        return judge.grade(profile, of.kind, of.figures, None)
    video = any(track.kind == "video" for track in of.tracks)
    # Without its tracks, a direction of a higher rate than any voice counts as video.
    both = [
        judge.grade(
            profile,
            "video" if video or (one.bitrate or 0) > _VOICE_AT_MOST else "audio",
            one,
            None,
        )
        for one in (of.up, of.down)
    ]
    known = [grades for grades in both if grades.overall is not None]
    return min(known, key=lambda grades: grades.overall or 0.0, default=both[0])


_VOICE_AT_MOST = 150_000.0
"""Bit/s."""


def _row(names: Sequence[str]) -> Callable[[Any], list[Any]]:
    """Reads these fields of a struct, with the decimal places that `qos.figures` declares."""
    read = operator.attrgetter(*names)
    digits = [0 if name == "absurd" else _DIGITS.get(name) for name in names]

    def values(of: Any) -> list[Any]:
        return [
            value if places is None else _round(value, places)
            for value, places in zip(read(of), digits, strict=True)
        ]

    return values


_DIGITS = {name: figure.digits for name, figure in BY_NAME.items()}
_short, _more, _picture = _row(_SHORT), _row(_MORE), _row(_PICTURE)
_of_browser = _row(_BROWSER)


def _figures(figures: Figures, words: Words) -> list[Any]:
    more = [words.place(value) if isinstance(value, str) else value for value in _more(figures)]
    return [*_short(figures), *more]


def _browser(browser: BrowserFigures | None) -> list[Any] | None:
    return None if browser is None else _of_browser(browser)


def _round(value: float | None, digits: int) -> float | None:
    """JSON of a whole number is shorter without its `.0`."""
    if value is None:
        return None
    rounded = round(value, digits)
    return int(rounded) if rounded == int(rounded) else rounded
