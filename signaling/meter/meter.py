"""The meter: from what the workers count to one `Sample` a second, and what happened. No I/O.

Theory of operation. `receive` is given each worker's message, and returns True when all workers
that are alive have sent one since the last sample: then the next is due. `sample` then compares
each worker's message with the one of its that was used before, asks the `ServerSummary` who is
where, and puts both together: tracks, people, rooms. Rates are differences by the worker's own
clock, so it does not matter when a message arrives; counts of a second are reported once, and a
sample for which a worker sent nothing new repeats its rates with counts of 0. A worker that was
restarted, or was silent for longer than `STALE`, begins anew: its figures are unknown for one
second.

`now` is monotonic, `at` the time of day. A day's clock that jumps moves `at` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from qos import histogram
from sfu.control import TransportStats, WorkerStats
from signaling.meter import judge, tracks
from signaling.meter.events import Watcher
from signaling.meter.rates import Interval
from signaling.meter.samples import (
    Event,
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
from signaling.meter.state import PersonState, RoomState, ServerSummary, TrackState

STALE = 3.0
"""Seconds without a message after which a worker is left out, until the next one."""

DEPARTURES = 1000


@dataclass(slots=True)
class _Worker:
    """The latest two messages of one worker."""

    pid: int
    interval: Interval
    heard: float
    """When its latest message came."""
    next: WorkerStats | None = None
    """Came since the last sample."""
    delay: float = 0.0
    """Seconds that forwarding takes, on average."""


@dataclass(slots=True)
class _Memory:
    """State of tracks from one second to the next; dropped when they are gone."""

    voices: dict[str, tracks.Voice] = field(default_factory=dict)
    """By track."""
    reported: dict[tuple[str, int], tracks.Reported] = field(default_factory=dict)
    """By transport and SSRC."""


class Second(NamedTuple):
    """What the meter makes of one second."""

    sample: Sample
    happened: tuple[Event, ...]
    """Since the sample before."""


class Meter:
    """One sample a second for all who listen; see the theory of operation above."""

    def __init__(
        self, summary: ServerSummary, machine: Callable[[], ServerSample], profile: str = "tiphon"
    ) -> None:
        """`profile`: one of `qos.grades.PROFILES`; `machine` is asked once a sample."""
        self._summary, self._machine, self._profile = summary, machine, profile
        self._workers: dict[int, _Worker] = {}
        self._watcher = Watcher()
        self._memory = _Memory()
        self._departures: dict[str, str] = {}
        """Why people left since the last sample, by participant."""
        self.latest: Sample | None = None
        """The last one that was made."""
        self.sampled_at = float("-inf")
        """When, in monotonic seconds."""

    def receive(self, worker: int, pid: int, stats: WorkerStats, now: float) -> bool:
        """A worker's message; True when every worker has sent one since the last sample."""
        known = self._workers.get(worker)
        if known is None or known.pid != pid:
            self._workers[worker] = _Worker(pid, Interval(None, stats), now)
        else:
            known.next, known.heard = stats, now
        return all(one.next is not None or one.interval.fresh for one in self._workers.values())

    def departed(self, participant: str, reason: str) -> None:
        """Somebody left for good: `left`, `lost` or `removed`. Of more than `DEPARTURES` people in
        one second the later ones have no reason."""
        if len(self._departures) < DEPARTURES:
            self._departures[participant] = reason

    def sample(self, now: float, at: float) -> Second:
        """Make the next one; `now` in monotonic seconds, `at` in Unix time."""
        self.sampled_at = now
        self._workers = {
            index: worker for index, worker in self._workers.items() if now - worker.heard <= STALE
        }
        for worker in self._workers.values():
            self._advance(worker)
        rooms = self._summary.rooms()
        transports = {
            transport: entry
            for worker in self._workers.values()
            for transport, entry in worker.interval.transports.items()
        }
        shedding = {index: one.interval.after.shedding for index, one in self._workers.items()}
        departures, self._departures = self._departures, {}
        events = self._watcher.compare(at, rooms, transports, shedding, departures)
        memory, self._memory = self._memory, _Memory()
        found = Sample(
            at=at,
            server=self._machine(),
            workers=tuple(
                self._worker_sample(index, worker)
                for index, worker in sorted(self._workers.items())
            ),
            rooms=tuple(self._room(room, memory, now) for room in rooms),
        )
        for worker in self._workers.values():
            worker.interval.fresh = False
        self.latest = found
        return Second(found, tuple(events))

    @staticmethod
    def _advance(worker: _Worker) -> None:
        if worker.next is None:
            return
        before = worker.interval.after
        worker.interval, worker.next = Interval(before, worker.next), None
        mean = histogram.mean(worker.interval.forwarding_delay())
        worker.delay = worker.delay if mean is None else mean

    # Workers.

    @staticmethod
    def _worker_sample(index: int, worker: _Worker) -> WorkerSample:
        interval = worker.interval
        after, before = interval.after, interval.before

        def rate(now: float, was: float) -> float:
            return max(0.0, (now - was) / interval.seconds)

        fresh = interval.fresh
        return WorkerSample(
            worker=index,
            pid=worker.pid,
            cpu=rate(after.cpu_seconds, before.cpu_seconds) if before else 0.0,
            rss_bytes=after.rss_bytes,
            packets_received_per_second=rate(after.packets_received, before.packets_received)
            if before
            else 0.0,
            packets_sent_per_second=rate(after.packets_forwarded, before.packets_forwarded)
            if before
            else 0.0,
            bitrate_received=8 * rate(after.bytes_received, before.bytes_received)
            if before
            else 0.0,
            bitrate_sent=8 * rate(after.bytes_sent, before.bytes_sent) if before else 0.0,
            transports=after.transports,
            routers=after.routers,
            gather_ms=after.gather_ms,
            shedding=after.shedding,
            drops=interval.drops() if fresh else {},
            forwarding_delay=interval.forwarding_delay()
            if fresh
            else (0,) * len(after.forwarding_delay),
        )

    # Rooms.

    def _room(self, room: RoomState, memory: _Memory, now: float) -> RoomSample:
        worker = self._workers.get(room.worker)
        if worker is not None and worker.pid != room.worker_pid:
            worker = None
        people: list[PersonSample] = []
        if worker is None:
            people = [_unknown(person, self._profile) for person in room.people]
        else:
            table = _Table(self, room, worker, memory, now)
            people = [table.person(person) for person in room.people]
        return RoomSample(
            call=room.call,
            room=room.room,
            worker=room.worker,
            started=room.started,
            capacity=room.capacity,
            people=tuple(people),
        )

    def voice(self, track: str, memory: _Memory) -> tracks.Voice:
        """What is known of the bitrate of a voice."""
        kept = self._memory.voices.get(track) or memory.voices.get(track) or tracks.Voice()
        self._memory.voices[track] = kept
        return kept

    def reported(self, transport: str, ssrc: int, memory: _Memory) -> tracks.Reported:
        """What a receiver reported last of a down track."""
        key = transport, ssrc
        kept = memory.reported.get(key) or tracks.Reported()
        self._memory.reported[key] = kept
        return kept

    @property
    def profile(self) -> str:
        """By which is graded."""
        return self._profile


class _Table:
    """One room in one second: published tracks first, then who receives them."""

    def __init__(
        self, meter: Meter, room: RoomState, worker: _Worker, memory: _Memory, now: float
    ) -> None:
        self._meter, self._room, self._worker = meter, room, worker
        self._memory, self._now = memory, now
        self._interval = worker.interval
        self._rtt = {person.id: self._round_trip(person) for person in room.people}
        self._inbound: dict[str, TrackSample] = {}
        for person in room.people:
            for track in person.tracks:
                self._inbound[track.id] = self._arrives(person, track)

    def _transport(self, name: str) -> TransportStats | None:
        return self._interval.transports.get(name) if name else None

    def _round_trip(self, person: PersonState) -> float | None:
        """Of the subscribe connection, which has more reports; else of the other. Seconds."""
        for name in (person.subscribe, person.publish):
            entry = self._transport(name)
            if entry is not None and entry.rtt_ms > 0:
                return entry.rtt_ms / 1000
        return None

    def _arrives(self, person: PersonState, track: TrackState) -> TrackSample:
        rtt = self._rtt[person.id]
        context = tracks.Context(
            self._interval, self._meter.profile, person.id, rtt, None if rtt is None else rtt / 2
        )
        voice = tracks.Voice()
        if track.kind == "audio":
            voice = self._meter.voice(track.id, self._memory)
        return tracks.inbound(context, track, self._interval.up.get(track.id), voice)

    def person(self, person: PersonState) -> PersonSample:
        """Everything of one person."""
        sent = [self._inbound[track.id] for track in person.tracks]
        received = [
            self._leaves(person, publisher, track)
            for publisher in self._room.people
            if publisher.id != person.id
            for track in publisher.tracks
        ]
        up = self._together(person, sent)
        down = self._together(person, received)
        subscribe = self._transport(person.subscribe)
        transport = subscribe or self._transport(person.publish)
        return PersonSample(
            participant=person.id,
            name=person.name,
            joined=person.joined,
            connected=person.connected,
            up=up,
            down=down,
            grades=self._worse(person, up, down, sent, received),
            level=person.level,
            up_link=_link(self._transport(person.publish)),
            down_link=_link(subscribe),
            protocol=transport.protocol or None if transport is not None else None,
            estimate_bps=subscribe.estimate_bps or None if subscribe is not None else None,
            target_bps=subscribe.target_bps if subscribe is not None else None,
            speaking=person.speaking,
            tracks=(*sent, *received),
        )

    def _leaves(
        self, person: PersonState, publisher: PersonState, track: TrackState
    ) -> TrackSample:
        interval, source = self._interval, self._inbound[track.id]
        found = interval.down.get((person.subscribe, track.id))
        context = tracks.Context(
            interval, self._meter.profile, publisher.id, self._rtt[person.id],
            self._delay(person, publisher),
        )  # fmt: skip
        reported = tracks.Reported()
        if found is not None:
            reported = self._meter.reported(person.subscribe, found[1].ssrc, self._memory)
        return tracks.outbound(
            context,
            track,
            found,
            person.receiving.get(track.id),
            reported,
            source,
            self._meter.voice(track.id, self._memory).bitrate if track.kind == "audio" else 0.0,
            tracks.browser_figures(person.digest, track.id, self._now),
        )

    def _delay(self, person: PersonState, publisher: PersonState) -> float | None:
        """Modelled: half of both round trips, and what the server adds itself."""
        first, second = self._rtt[publisher.id], self._rtt[person.id]
        if first is None or second is None:
            return None
        entry = self._transport(person.subscribe)
        waits = 0.0 if entry is None else entry.send_delay
        return first / 2 + self._worker.delay + waits + second / 2

    def _together(self, person: PersonState, parts: Sequence[TrackSample]) -> Figures:
        return judge.together(parts, self._rtt[person.id])

    def _worse(
        self,
        person: PersonState,
        up: Figures,
        down: Figures,
        sent: Sequence[TrackSample],
        received: Sequence[TrackSample],
    ) -> Grades:
        found = [
            _grade_of(self._meter.profile, figures, parts)
            for figures, parts in ((up, sent), (down, received))
            if figures.bitrate
        ]
        judged = [grades for grades in found if grades.overall is not None]
        if not judged:
            return judge.nothing(self._meter.profile)
        return min(judged, key=lambda grades: grades.overall or 0.0)


def _link(entry: TransportStats | None) -> Link | None:
    if entry is None:
        return None
    return Link(
        loss=entry.loss_percent,
        round_trip_time=entry.rtt_ms / 1000,
        jitter=entry.jitter_ms / 1000,
    )


def _grade_of(profile: str, figures: Figures, parts: Sequence[TrackSample]) -> Grades:
    flowing = [part for part in parts if part.figures.bitrate]
    video = any(part.kind == "video" for part in flowing)
    usual = [judge.nominal(part.kind, part.width or 0, part.height or 0) for part in flowing]
    nominal = sum(value for value in usual if value is not None)
    return judge.grade(profile, "video" if video else "audio", figures, nominal or None)


def _unknown(person: PersonState, profile: str) -> PersonSample:
    """Somebody whose room has no worker at the moment."""
    return PersonSample(
        participant=person.id,
        name=person.name,
        joined=person.joined,
        connected=person.connected,
        up=Figures(),
        down=Figures(),
        grades=judge.nothing(profile),
        level=person.level,
        speaking=person.speaking,
    )
