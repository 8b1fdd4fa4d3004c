"""Made-up samples and events of calls: what the meter would say of them, the same for each seed.

Rooms of people with microphones and cameras; one in four has no camera. Somebody in each room
(`BAD_PERSON`) has a bad network for some of the time (`Episode`), with the events that come of it.
Nothing here is measured; values only hang together as real ones would.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from qos.figures import counts
from signaling.meter.samples import (
    BrowserFigures,
    Direction,
    Event,
    EventKind,
    Figures,
    Grades,
    Link,
    PersonSample,
    RoomSample,
    Sample,
    ServerSample,
    TrackSample,
    WorkerSample,
)

START = 1_800_000_000.0
"""Unix time of the first sample, unless another is given."""
BAD_PERSON = 1
"""Number of the person in each room whose network goes bad."""
NAMES = ("Ada", "Bo", "Siti", "Jörg", "李雷", "Olu", "Inés", "Ravi", "Zoë", "Tariq")
ROOMS = ("Physics 2", "Staff room", "Bahasa", "Maths")
_HISTOGRAM = (0, 40, 380, 520, 210, 60, 12, 3, 1, 0, 0, 0)


@dataclass(frozen=True)
class Episode:
    """When and how badly a network is bad; in seconds, again and again every `every`."""

    begin: int = 30
    end: int = 60
    every: int = 300
    loss: float = 8.0
    jitter: float = 0.045
    round_trip_time: float = 0.380

    def bad(self, second: int) -> bool:
        """Whether it is bad in this second."""
        return self.begin <= second % self.every < self.end


@dataclass(frozen=True)
class Person:
    """Who, and with what."""

    number: int
    participant: str
    name: str
    camera: bool
    joins: int
    """Second of the call in which they come."""


@dataclass(frozen=True)
class Network:
    """The network in one second."""

    loss: float
    jitter: float
    round_trip_time: float
    bad: bool


class Taker(Protocol):
    """What `fill` fills."""

    def add_sample(self, sample: Sample) -> object:
        """One second."""

    def event(self, event: Event) -> object:
        """Something happened."""


class Calls:
    """`rooms` calls of `people` each, one second after the other."""

    def __init__(
        self,
        rooms: int = 2,
        people: int = 3,
        seed: int = 1,
        start: float = START,
        tracks: bool = True,
        episode: Episode | None = None,
    ) -> None:
        """`tracks`: give the single tracks too, as while somebody looks at every room."""
        self._random = random.Random(seed)
        self._start, self._tracks = start, tracks
        self._episode = episode or Episode()
        self._second = 0
        self._packets = 0
        # Names differ between seeds, so that one store can take several runs.
        self.rooms = {
            f"call{seed:03d}x{number:03d}": self._people(f"{seed:03d}{number:03d}", people)
            for number in range(rooms)
        }

    def _people(self, stem: str, count: int) -> tuple[Person, ...]:
        return tuple(
            Person(
                number,
                f"p{stem}{number:04d}",
                NAMES[number % len(NAMES)] + ("" if number < len(NAMES) else f" {number}"),
                number % 4 != 3,
                min(number * 2, 10),
            )
            for number in range(count)
        )

    @property
    def now(self) -> float:
        """Unix time of the next sample."""
        return self._start + self._second

    def step(self) -> tuple[Sample, tuple[Event, ...]]:
        """One second, and what happened in it."""
        events = tuple(self._events())
        rooms = tuple(
            self._room(number, call, people)
            for number, (call, people) in enumerate(self.rooms.items())
        )
        sample = self._sample(rooms)
        self._second += 1
        return sample, events

    def skip(self, seconds: int) -> None:
        """Let seconds pass that nobody looks at."""
        self._second += seconds

    def end(self) -> tuple[Sample, tuple[Event, ...]]:
        """Everybody leaves: a second without rooms."""
        events = [
            event
            for number, (call, people) in enumerate(self.rooms.items())
            for event in (
                *(self._event("left", number, call, p, "left") for p in self._present(people)),
                self._event("callEnded", number, call),
            )
        ]
        sample = self._sample(())
        self._second += 1
        return sample, tuple(events)

    def _present(self, people: tuple[Person, ...]) -> list[Person]:
        return [person for person in people if person.joins <= self._second]

    # Events.

    def _event(
        self, kind: EventKind, room: int, call: str, person: Person | None = None, detail: str = ""
    ) -> Event:
        return Event(
            at=self.now + 0.25,
            kind=kind,
            call=call,
            room=room_name(room),
            participant=person.participant if person else "",
            name=person.name if person else "",
            detail=detail,
        )

    def _events(self) -> Iterator[Event]:
        for number, (call, people) in enumerate(self.rooms.items()):
            if self._second == 0:
                yield self._event("callStarted", number, call)
            for person in people:
                if person.joins == self._second:
                    yield self._event("joined", number, call, person)
                    yield self._event("published", number, call, person, "microphone")
                    if person.camera:
                        yield self._event("published", number, call, person, "camera")
            if len(people) > BAD_PERSON:
                yield from self._troubles(number, call, people[BAD_PERSON])

    def _troubles(self, number: int, call: str, person: Person) -> Iterator[Event]:
        if person.joins >= self._second:
            return
        bad, was = self._episode.bad(self._second), self._episode.bad(self._second - 1)
        if bad and not was:
            yield self._event("networkChanged", number, call, person, "IPv4")
            yield self._event("layerDropped", number, call, person, "camera")
            yield self._event("qualityChanged", number, call, person, "poor")
        elif was and not bad:
            yield self._event("layerRaised", number, call, person, "camera")
            yield self._event("qualityChanged", number, call, person, "good")

    # Samples.

    def _sample(self, rooms: tuple[RoomSample, ...]) -> Sample:
        return Sample(
            at=self.now,
            server=ServerSample(
                cpu=0.04 + 0.01 * self._random.random(),
                rss_bytes=91_000_000,
                memory_used=0.41,
                machine_cpu=0.2,
                uptime=3600.0 + self._second,
                temperature=51.5,
                disk_free=12_000_000_000,
            ),
            workers=tuple(self._worker(number, rooms) for number in range(2)),
            rooms=rooms,
        )

    def _worker(self, number: int, rooms: tuple[RoomSample, ...]) -> WorkerSample:
        people = [p for room in rooms if room.worker == number for p in room.people]
        received = sum(p.up.packets_per_second or 0.0 for p in people)
        sent = sum(p.down.packets_per_second or 0.0 for p in people)
        return WorkerSample(
            worker=number,
            pid=4000 + number,
            cpu=min(0.99, 0.02 + sent * 15e-6),
            rss_bytes=48_000_000,
            packets_received_per_second=received,
            packets_sent_per_second=sent,
            bitrate_received=sum(p.up.bitrate or 0.0 for p in people),
            bitrate_sent=sum(p.down.bitrate or 0.0 for p in people),
            transports=2 * len(people),
            routers=sum(room.worker == number for room in rooms),
            gather_ms=0.0,
            shedding=0,
            drops={"unknownSsrc": 2} if self._second % 7 == 0 else {},
            forwarding_delay=_HISTOGRAM if people else (0,) * len(_HISTOGRAM),
        )

    def _room(self, number: int, call: str, people: tuple[Person, ...]) -> RoomSample:
        present = self._present(people)
        networks = {person.participant: self._network(person) for person in present}
        return RoomSample(
            call=call,
            room=room_name(number),
            worker=number % 2,
            started=self._start,
            capacity=max(10, len(people)),
            people=tuple(self._person(person, present, networks) for person in present),
        )

    def _network(self, person: Person) -> Network:
        bad = person.number == BAD_PERSON and self._episode.bad(self._second)
        if bad:
            worst = self._episode
            swing = 0.8 + 0.4 * self._random.random()
            return Network(worst.loss * swing, worst.jitter * swing, worst.round_trip_time, True)
        loss = self._random.choice((0.0, 0.0, 0.0, 0.0, 0.2))
        return Network(
            loss, 0.002 + 0.003 * self._random.random(), 0.024 + 0.002 * person.number, False
        )

    def _person(
        self, person: Person, present: list[Person], networks: dict[str, Network]
    ) -> PersonSample:
        network = networks[person.participant]
        inbound = self._tracks_of(person, person, network, network, "inbound")
        outbound = tuple(
            track
            for other in present
            if other is not person
            for track in self._tracks_of(
                other, person, networks[other.participant], network, "outbound"
            )
        )
        up, down = summed_up(inbound), summed_up(outbound)
        return PersonSample(
            participant=person.participant,
            name=person.name,
            joined=self._start + person.joins,
            connected=True,
            up=up,
            down=down,
            grades=grades(max((up, down), key=lambda figures: figures.loss or 0.0)),
            level="poor" if network.bad else "good",
            up_link=_link(network),
            down_link=_link(network),
            protocol="tcp" if person.number == 4 else "udp",
            estimate_bps=350_000 if network.bad else 4_200_000,
            target_bps=int(down.bitrate or 0),
            speaking=(self._second // 5) % len(present) == person.number,
            tracks=(*inbound, *outbound) if self._tracks else (),
        )

    def _tracks_of(
        self, owner: Person, viewer: Person, sent: Network, got: Network, direction: Direction
    ) -> tuple[TrackSample, ...]:
        tracks = [self._track(owner, viewer, sent, got, direction, "microphone")]
        if owner.camera:
            tracks.append(self._track(owner, viewer, sent, got, direction, "camera"))
        return tuple(tracks)

    def _track(
        self,
        owner: Person,
        viewer: Person,
        sent: Network,
        got: Network,
        direction: Direction,
        source: str,
    ) -> TrackSample:
        video = source == "camera"
        bad = sent.bad or (got.bad and direction == "outbound")
        network = got if direction == "outbound" else sent
        bitrate = (120e3 if bad else 900e3) if video else 32e3
        bitrate *= 0.95 + 0.1 * self._random.random()
        figures = self._figures(network, sent, direction, video, bitrate)
        self._packets += figures.packets
        rate = (9.0 if bad else 25.0) if video else None
        return TrackSample(
            track=f"t{owner.participant[1:]}{source[0]}",
            direction=direction,
            publisher=owner.participant,
            kind="video" if video else "audio",
            source=source,
            codec="VP8" if video else "opus",
            figures=figures,
            grades=grades(figures),
            state="pausedByBandwidth"
            if direction == "outbound" and got.bad and video
            else "flowing",
            rid=("q" if bad else "f") if video else "",
            temporal=2 if video else None,
            width=(320 if bad else 1280) if video else None,
            height=(180 if bad else 720) if video else None,
            frames_per_second=rate,
            freeze_count=int(video and bad and self._second % 4 == 0),
            counts=counts(
                key_frames=int(video and self._second % 10 == 0),
                nack_count=int(figures.packets_lost > 0),
                retransmitted=max(0, figures.packets_lost),
            ),
            audio_level=None if video else round(self._random.random() * 0.3, 3),
            browser=self._browser(figures, video, bad) if direction == "outbound" else None,
        )

    def _figures(
        self, network: Network, sent: Network, direction: Direction, video: bool, bitrate: float
    ) -> Figures:
        packets = round(bitrate / 8 / 1100) if video else 50
        lost = round(packets * network.loss / 100 + self._random.random() * 0.4 - 0.2)
        lost = min(max(lost, 0), packets)
        delay = sent.round_trip_time / 2 + 0.001
        if direction == "outbound":
            delay += network.round_trip_time / 2
        arrived = max(1, packets - lost)
        mos = _mos(100 * lost / packets, delay, video)
        return Figures(
            bitrate=bitrate,
            packets_per_second=float(arrived),
            packets=packets,
            packets_lost=lost,
            loss=100 * lost / packets,
            jitter=network.jitter,
            round_trip_time=network.round_trip_time,
            delay=delay,
            mean_inter_arrival=1 / arrived,
            mos=mos,
            mos_model="G.1070 VGA H.264" if video else "G.107.2 Opus",
        )

    def _browser(self, figures: Figures, video: bool, bad: bool) -> BrowserFigures:
        return BrowserFigures(
            age=float(self._second % 5),
            seconds=5.0,
            bitrate=figures.bitrate,
            loss=figures.loss,
            jitter=figures.jitter,
            round_trip_time=figures.round_trip_time,
            jitter_buffer_delay=0.060 if bad else 0.035,
            concealed=None if video else figures.loss,
            frames_per_second=(9.0 if bad else 25.0) if video else None,
            width=(320 if bad else 1280) if video else None,
            height=(180 if bad else 720) if video else None,
            freeze_count=int(video and bad),
            freezes_duration=0.4 if video and bad else 0.0,
        )


def room_name(number: int) -> str:
    """The name of a room by its number."""
    return ROOMS[number % len(ROOMS)] + ("" if number < len(ROOMS) else f" {number}")


def summed_up(tracks: tuple[TrackSample, ...]) -> Figures:
    """A direction of a person from its tracks: sums, and the worst of what cannot be added."""
    every = [track.figures for track in tracks]
    if not every:
        return Figures()
    packets = sum(figures.packets for figures in every)
    lost = sum(figures.packets_lost for figures in every)
    arrived = sum(figures.packets_per_second or 0.0 for figures in every)
    worst = min(every, key=lambda figures: figures.mos or 5.0)
    return Figures(
        bitrate=math.fsum(figures.bitrate or 0.0 for figures in every),
        packets_per_second=arrived,
        packets=packets,
        packets_lost=lost,
        loss=100 * lost / packets,
        jitter=max(figures.jitter or 0.0 for figures in every),
        round_trip_time=every[0].round_trip_time,
        delay=max(figures.delay or 0.0 for figures in every),
        mean_inter_arrival=1 / arrived,
        mos=worst.mos,
        mos_model=worst.mos_model,
    )


def grades(figures: Figures) -> Grades:
    """Indices roughly as the TIPHON profile gives them."""
    if figures.bitrate is None:
        return Grades(profile="tiphon", overall=None)

    def index(value: float, bounds: tuple[float, float, float]) -> int:
        return 4 - sum(value > bound for bound in bounds)

    throughput = 4 - sum(figures.bitrate <= bound for bound in (2.1e6, 1.2e6, 0.7e6, 338e3))
    delay = index(figures.delay or 0.0, (0.150, 0.300, 0.450))
    jitter = index(figures.jitter or 0.0, (0.0, 0.075, 0.125))
    loss = index(figures.loss or 0.0, (0.0, 3.0, 15.0))
    return Grades(
        profile="tiphon",
        overall=(throughput + delay + jitter + loss) / 4,
        throughput=throughput,
        delay=delay,
        jitter=jitter,
        loss=loss,
    )


def _link(network: Network) -> Link:
    return Link(loss=network.loss, round_trip_time=network.round_trip_time, jitter=network.jitter)


def _mos(loss: float, delay: float, video: bool) -> float:
    """Falls with loss and delay; 4.3 at best."""
    return max(1.0, 4.3 - (0.25 if video else 0.2) * loss - 2.0 * max(0.0, delay - 0.15))


def fill(taker: Taker, seconds: int, calls: Calls | None = None, end: bool = True) -> Calls:
    """Give `seconds` of calls to `taker`, and their end."""
    calls = calls or Calls()
    steps = itertools.chain((calls.step() for _ in range(seconds)), _last(calls, end))
    for sample, events in steps:
        for event in events:
            taker.event(event)
        taker.add_sample(sample)
    return calls


def _last(calls: Calls, end: bool) -> Iterator[tuple[Sample, tuple[Event, ...]]]:
    if end:
        yield calls.end()
