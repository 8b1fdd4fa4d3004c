"""Stretches of trouble that somebody experienced, found second by second. No I/O.

Theory of operation. `Spells.add_second` is given one second of a room. For each person it finds
what was wrong in that second (`Trouble`): their connection, video that stood still or was missing,
sound that was made up, video smaller than wanted. Trouble of one kind becomes one `Spell`, which
goes on over pauses of up to `PAUSE`, since browsers report every five seconds only.

Each second of trouble is attributed: to the person's own network, to the sender's uplink, to the
server, or to none of them. The evidence is what the worker measured on each transport in the last
`RECENT` seconds, because what a browser reports lies that far back. What is lost or spread out on
a sender's uplink arrives so at every receiver: it is taken off before a receiver's own network is
judged. A sender whose feedback is lost repairs late and sends less, so where no network explains a
track its sender's network from the server counts too. A server's own network or
processor shows in many people at once, so `CROWD` people, and `MOST` of all, must be in trouble in
the same second. A spell's side and cause are those of most of its seconds.

Bounds: connections are judged by those of `conference.quality`; loss from 3 % on is what ITU-T
G.1010 (table I.1) gives as the limit for conversational voice.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from signaling.conference.quality import FAIR, GOOD
from signaling.meter.samples import BrowserFigures, Link, PersonSample, RoomSample, TrackSample

PAUSE = 10.0
"""Seconds without trouble that do not end a spell: two reports of a browser."""
RECENT = 8.0
"""Seconds for which what was measured of a network explains what a browser reports."""
CROWD, MOST = 3, 2 / 3
"""People in trouble at once, and their share of a room, from which on it is the server's."""
NOTICED_LOSS = 1.0
"""Percent: what a receiver loses from here on explains what it experienced (G.1010, video)."""
MADE_UP = 1.0
"""Percent of made-up sound in one report from which on somebody hears it: the page's own bound."""
STARTS = 10.0
"""Seconds after joining in which tracks and estimates only begin to flow."""
MOST_SPELLS = 2_000
"""Of one call."""

Kind = Literal["connection", "frozen", "noVideo", "concealed", "lowered", "sentLowered"]
"""`connection`: poor by itself, away, or losing more than 3 %; `frozen`: video that stood still;
`noVideo`: video that was paused or did not come; `concealed`: sound made up for what was lost;
`lowered`: video received smaller than wanted; `sentLowered`: a layer that others want was not
sent."""
Side = Literal["own", "server", "other", "unknown"]
"""`own`: the person's network or device; `other`: the uplink of the sender."""
Cause = Literal[
    "loss", "delay", "jitter", "cut", "narrow", "busy", "everybody", "silent", "keyframe", "device"
]
"""`cut`: nothing came through; `narrow`: the network carries less than is wanted; `busy`: the
server has too much to do; `everybody`: most had trouble at once; `silent`: the sender's packets
did not come; `keyframe`: one was waited for; `device`: no network shows anything."""


class Why(NamedTuple):
    """To what a second of trouble is attributed."""

    side: Side
    cause: Cause
    other: str = ""
    """Participant id of the sender, with the side `other`."""


class Trouble(NamedTuple):
    """One kind of trouble of one person in one second."""

    kind: Kind
    why: Why
    seconds: float
    """That were experienced: of a browser's report it may be several, or a part of one."""
    span: float
    """Seconds back from now in which they lie."""
    share: float = 0.0
    """Percent that was lost, or of the sound that was concealed; 0 where that means nothing."""


@dataclass(slots=True)
class Spell:
    """One stretch of trouble."""

    number: int
    participant: str
    kind: Kind
    began: float
    """Unix time."""
    ended: float
    seconds: float = 0.0
    """Of trouble; less than the stretch where there were pauses."""
    share: float = 0.0
    """Percent, mean over `seconds`."""
    whys: Counter[Why] = field(default_factory=Counter)
    """Hundredths of seconds by attribution."""
    changed: bool = True

    def add(self, trouble: Trouble, at: float) -> None:
        """Another second."""
        total = self.seconds + trouble.seconds
        if total > 0:
            self.share += (trouble.share - self.share) * trouble.seconds / total
        self.seconds = total
        self.ended, self.changed = at, True
        self.whys[trouble.why] += max(1, round(100 * trouble.seconds))

    @property
    def why(self) -> Why:
        """Of most of its seconds."""
        return max(self.whys.items(), key=lambda entry: (entry[1], entry[0]))[0]


class _Sent(NamedTuple):
    """What somebody's uplink did to what they sent, at its worst of late."""

    loss: float
    """Percent."""
    jitter: float
    """Seconds."""


_NOTHING_LOST = _Sent(0.0, 0.0)


class _Fault(NamedTuple):
    """What was last wrong with one direction of somebody's network."""

    at: float
    cause: Cause
    weight: float
    """Factor by which it is beyond the bound of good; 1: at the bound."""


@dataclass(slots=True)
class _Person:
    """What is kept of one person."""

    up: _Fault | None = None
    down: _Fault | None = None
    sent: deque[tuple[float, _Sent]] = field(default_factory=deque)
    """Of the last seconds, with their time."""
    worst_sent: _Sent = _NOTHING_LOST
    """The worst of those."""
    links: tuple[Link, Link] = (Link(), Link())
    """Up and down in this second, the latter without what the senders did."""
    away: int = 0
    """Seconds without a sign of life, which count once there is one again: who closes the page
    is away for a moment too."""
    open: dict[Kind, Spell] = field(default_factory=dict)


class Spells:
    """Those of one call."""

    def __init__(self) -> None:
        self._people: dict[str, _Person] = {}
        self._next = 0
        self.all: list[Spell] = []
        """That are not over, or not written yet."""
        self.left_out = 0

    def add_second(
        self,
        room: RoomSample,
        news: Mapping[tuple[str, str], BrowserFigures],
        at: float,
        busy: bool,
    ) -> None:
        """One second. `news`: reports of browsers that are new, by viewer and track; `busy`: the
        room's worker sheds load."""
        present = {person.participant: person for person in room.people}
        for person in room.people:
            own = self._people.setdefault(person.participant, _Person())
            own.worst_sent = _remember(own.sent, _sent(person), at)
        for person in room.people:
            self._measure(person, at)
        crowd = self._crowd(room.people)
        for person in room.people:
            own = self._people[person.participant]
            for trouble in self._troubles(person, own, present, news, at, busy, crowd):
                self._add(person.participant, own, trouble, at)
        for gone in self._people.keys() - present.keys():
            del self._people[gone]

    def written(self) -> None:
        """All that was changed is on the disk; what is over is forgotten."""
        open_ones = {id(spell) for one in self._people.values() for spell in one.open.values()}
        for spell in self.all:
            spell.changed = False
        self.all = [spell for spell in self.all if id(spell) in open_ones]

    def _measure(self, person: PersonSample, at: float) -> None:
        own = self._people[person.participant]
        own.links = person.up_link or Link(), self._down(person)
        up, down = (_fault(link, at) for link in own.links)
        if _away(person):
            up = down = _Fault(at, "cut", 10.0)
        own.up, own.down = _later(own.up, up, at), _later(own.down, down, at)

    def _down(self, person: PersonSample) -> Link:
        """What their own network did to what they were sent."""
        lost, weight, jitter = 0.0, 0, 0.0
        for track in person.tracks:
            figures = track.figures
            if track.direction == "inbound" or track.state != "flowing":
                continue
            loss, spread = self._worst_sent(track.publisher)
            packets = max(1, figures.packets)
            if figures.loss is not None:
                lost += max(0.0, figures.loss - loss) * packets
                weight += packets
            if figures.jitter is not None:
                jitter = max(jitter, figures.jitter - spread)
        trip = 0.0 if person.down_link is None else person.down_link.round_trip_time
        return Link(loss=lost / weight if weight else 0.0, round_trip_time=trip, jitter=jitter)

    def _worst_sent(self, sender: str) -> _Sent:
        known = self._people.get(sender)
        return _NOTHING_LOST if known is None else known.worst_sent

    def _crowd(self, people: Iterable[PersonSample]) -> bool:
        """Whether so many are in trouble at once that it cannot be each one's own network."""
        known = [person for person in people if person.level]
        troubled = sum(_troubled(person, self._people[person.participant]) for person in known)
        return troubled >= CROWD and troubled >= MOST * len(known)

    def _troubles(
        self,
        person: PersonSample,
        own: _Person,
        present: Mapping[str, PersonSample],
        news: Mapping[tuple[str, str], BrowserFigures],
        at: float,
        busy: bool,
        crowd: bool,
    ) -> Iterator[Trouble]:
        if _away(person):
            # What does not reach them they cannot see, and their browser's figures are old.
            own.away += 1
            return
        if own.away:
            span = own.away + 1.0
            yield Trouble("connection", Why(*_of_many(busy, crowd) or ("own", "cut")), span, span)
            own.away = 0
        elif _troubled(person, own):
            yield _connection(own, busy, crowd)
        found: dict[Kind, Trouble] = {}
        for track in person.tracks:
            if track.muted:
                continue
            report = news.get((person.participant, track.track))
            if _fine(track, report):
                continue
            sender = present.get(track.publisher)
            began = max(person.joined, person.joined if sender is None else sender.joined)
            why = self._why(own, track, busy, crowd, at)
            for trouble in _of_track(track, report, why, at - began < STARTS):
                # Of several tracks that stand still at once the worst is what somebody sees.
                before = found.get(trouble.kind)
                if before is None or trouble.seconds > before.seconds:
                    found[trouble.kind] = trouble
        yield from found.values()

    def _why(self, own: _Person, track: TrackSample, busy: bool, crowd: bool, at: float) -> Why:
        """To what trouble with a track that somebody receives is attributed."""
        if busy or track.state == "shed":
            return Why("server", "busy")
        if crowd:
            return Why("server", "everybody")
        down = own.down
        if track.limited or track.state == "pausedByBandwidth":
            down = _worse(down, _Fault(at, "narrow", 2.0))
        loss = (track.figures.loss or 0.0) - self._worst_sent(track.publisher).loss
        if loss >= NOTICED_LOSS:
            down = _worse(down, _Fault(at, "loss", loss / GOOD.loss_percent))
        sender = self._people.get(track.publisher)
        up = sender.up if sender is not None else None
        if track.state == "noPackets":
            up = _worse(up, _Fault(at, "silent", 1.0))
        if up is not None and (down is None or up.weight > down.weight):
            return Why("other", up.cause, track.publisher)
        if down is not None:
            return Why("own", down.cause)
        if sender is not None and sender.down is not None:
            return Why("other", sender.down.cause, track.publisher)
        if track.state == "noKeyframe":
            return Why("unknown", "keyframe")
        return Why("unknown", "device")

    def _add(self, participant: str, own: _Person, trouble: Trouble, at: float) -> None:
        spell = own.open.get(trouble.kind)
        if spell is None or not spell.began <= at <= spell.ended + trouble.span + PAUSE:
            if self._next >= MOST_SPELLS:
                self.left_out += 1
                return
            spell = Spell(self._next, participant, trouble.kind, at - trouble.span, at)
            own.open[trouble.kind] = spell
            self.all.append(spell)
            self._next += 1
        spell.add(trouble, at)


def _away(person: PersonSample) -> bool:
    return person.level == "lost"


def _fault(link: Link | None, at: float) -> _Fault | None:
    """What is wrong with a direction, the worst of it; None where all is good.

    Loss counts from `NOTICED_LOSS` on: less than what makes a connection fair may well explain
    what was experienced.
    """
    if link is None:
        return None
    found: list[tuple[float, Cause]] = []
    if link.loss >= NOTICED_LOSS:
        found.append((link.loss / GOOD.loss_percent, "loss"))
    if link.round_trip_time * 1000 > GOOD.rtt_ms:
        found.append((link.round_trip_time * 1000 / GOOD.rtt_ms, "delay"))
    if link.jitter * 1000 > GOOD.jitter_ms:
        found.append((link.jitter * 1000 / GOOD.jitter_ms, "jitter"))
    if not found:
        return None
    weight, cause = max(found)
    return _Fault(at, cause, weight)


def _later(before: _Fault | None, now: _Fault | None, at: float) -> _Fault | None:
    """The worse of what is now and what was a moment ago."""
    if before is not None and at - before.at > RECENT:
        before = None
    return _worse(before, now)


def _worse(one: _Fault | None, other: _Fault | None) -> _Fault | None:
    if one is None or other is None:
        return one or other
    return other if other.weight >= one.weight else one


def _connection(own: _Person, busy: bool, crowd: bool) -> Trouble:
    """A poor connection in this second, and what was wrong with it."""
    faults = [fault for link in own.links if (fault := _fault(link, 0.0)) is not None]
    cause = max(faults, key=lambda fault: fault.weight).cause
    why = Why(*_of_many(busy, crowd) or ("own", cause))
    return Trouble("connection", why, 1.0, 1.0, share=max(link.loss for link in own.links))


def _sent(person: PersonSample) -> _Sent:
    """What arrived of what somebody sends, in this second."""
    link = person.up_link or Link()
    figures = [track.figures for track in person.tracks if track.direction == "inbound"]
    return _Sent(
        max([link.loss, *(one.loss for one in figures if one.loss is not None)]),
        max([link.jitter, *(one.jitter for one in figures if one.jitter is not None)]),
    )


def _remember(kept: deque[tuple[float, _Sent]], sent: _Sent, at: float) -> _Sent:
    """The worst of the last seconds, this one among them."""
    while kept and not 0 <= at - kept[0][0] <= RECENT:
        kept.popleft()
    kept.append((at, sent))
    return _Sent(max(one.loss for _, one in kept), max(one.jitter for _, one in kept))


def _of_many(busy: bool, crowd: bool) -> tuple[Side, Cause] | None:
    if busy:
        return "server", "busy"
    return ("server", "everybody") if crowd else None


def _troubled(person: PersonSample, own: _Person) -> bool:
    """A connection that is poor by itself, or loses more than is good for a conversation.

    Uneven arrival and long round trips that are only fair do not count: jitter buffers take the
    one, and the other is geography.
    """
    return _away(person) or any(
        link.loss > GOOD.loss_percent
        or link.round_trip_time * 1000 > FAIR.rtt_ms
        or link.jitter * 1000 > FAIR.jitter_ms
        for link in own.links
    )


def _fine(track: TrackSample, report: BrowserFigures | None) -> bool:
    """Nearly all tracks in nearly all seconds: without trouble."""
    return report is None and track.state == "flowing" and not track.limited


def _of_track(
    track: TrackSample, report: BrowserFigures | None, why: Why, starts: bool
) -> Iterator[Trouble]:
    """`starts`: its tracks have only just begun."""
    if track.direction == "inbound":
        if not starts:
            yield from _uplink(track)
    else:
        yield from _experienced(report, track, why)
        if not starts:
            yield from _missing(track, why)


def _experienced(report: BrowserFigures | None, track: TrackSample, why: Why) -> Iterator[Trouble]:
    """What a browser reports of its latest seconds."""
    if report is None or report.absurd or not report.seconds:
        return
    span = report.seconds
    if track.kind == "video" and report.freezes_duration > 0:
        yield Trouble("frozen", why, min(report.freezes_duration, span), span)
    if track.kind == "audio" and (report.concealed or 0.0) >= MADE_UP:
        share = report.concealed or 0.0
        yield Trouble("concealed", why, span * share / 100, span, share=share)


def _missing(track: TrackSample, why: Why) -> Iterator[Trouble]:
    """Video that is not there, or less of it than is wanted."""
    if track.kind != "video":
        return
    if track.state in ("pausedByBandwidth", "shed", "noPackets", "noKeyframe"):
        yield Trouble("noVideo", why, 1.0, 1.0)
    elif track.state == "flowing" and track.limited:
        yield Trouble("lowered", why, 1.0, 1.0)


def _uplink(track: TrackSample) -> Iterator[Trouble]:
    """What a publisher's own network does not carry; a device too slow to encode looks the same."""
    if track.kind == "video" and track.limited and track.state == "flowing":
        yield Trouble("sentLowered", Why("own", "narrow"), 1.0, 1.0)
