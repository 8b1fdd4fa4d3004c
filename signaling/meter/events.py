"""What happened in calls between one second and the next, found by comparing. No I/O.

`detail` of an event: `published`, `unpublished`, `layerDropped` and `layerRaised` the source;
`networkChanged` `IPv4`, `IPv6` or `TCP`; `qualityChanged` the level; `left` the reason; `shed` the
step. A layer counts as dropped only where the network or the server carries no more, and as raised
only when it had been dropped so: a tile that is made smaller is no event.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sfu.control import TransportStats
from signaling.meter.samples import Event, EventKind
from signaling.meter.state import PersonState, RoomState

SETTLES = 10.0
"""Seconds after joining in which a browser still chooses its path: no change of network."""
_HELD_BACK = ("pausedByBandwidth", "shed")


@dataclass(slots=True)
class _Seen:
    """Of one person, in the last sample."""

    state: PersonState
    moves: dict[str, int] = field(default_factory=dict)
    """By transport."""
    dropped: set[str] = field(default_factory=set)
    """Tracks whose layer the network has lowered."""


@dataclass(slots=True)
class _Call:
    state: RoomState
    people: dict[str, _Seen] = field(default_factory=dict)
    shed: int = 0


class Watcher:
    """Remembers every call as it was."""

    def __init__(self) -> None:
        self._calls: dict[str, _Call] = {}

    def compare(
        self,
        at: float,
        rooms: Sequence[RoomState],
        transports: Mapping[str, TransportStats],
        shedding: Mapping[int, int],
        departures: Mapping[str, str],
    ) -> list[Event]:
        """What is new; `at` in Unix time, `shedding` the step by worker."""
        found: list[Event] = []
        present = {room.call for room in rooms}
        for call in [call for call in self._calls if call not in present]:
            over = self._calls.pop(call)
            for seen in over.people.values():
                found.append(_left(at, over.state, seen.state, departures))
            found.append(_event(at, "callEnded", over.state))
        for room in rooms:
            known = self._calls.get(room.call)
            if known is None:
                found.append(_event(at, "callStarted", room))
                known = self._calls[room.call] = _Call(room)
                known.shed = shedding.get(room.worker, 0)
            found += self._room(at, known, room, transports, shedding, departures)
            known.state = room
        return found

    @staticmethod
    def _room(
        at: float,
        known: _Call,
        room: RoomState,
        transports: Mapping[str, TransportStats],
        shedding: Mapping[int, int],
        departures: Mapping[str, str],
    ) -> Iterator[Event]:
        before = known.state
        if before.worker_pid and before.worker_pid != room.worker_pid:
            yield _event(at, "workerLost", room)
        step = shedding.get(room.worker, known.shed)
        if step != known.shed:
            known.shed = step
            yield _event(at, "shed", room, detail=str(step))
        present = {person.id for person in room.people}
        for gone in [one for one in known.people if one not in present]:
            yield _left(at, room, known.people.pop(gone).state, departures)
        for person in room.people:
            seen = known.people.get(person.id)
            if seen is None:
                yield _event(at, "joined", room, person)
                seen = known.people[person.id] = _Seen(
                    PersonState(person.id, person.name, person.joined, person.connected)
                )
            yield from _person(at, room, seen, person, transports)
            seen.state = person


def _person(
    at: float,
    room: RoomState,
    seen: _Seen,
    person: PersonState,
    transports: Mapping[str, TransportStats],
) -> Iterator[Event]:
    before = seen.state
    had = {track.id: track for track in before.tracks}
    has = {track.id: track for track in person.tracks}
    for track in before.tracks:
        if track.id not in has:
            yield _event(at, "unpublished", room, person, track.source)
    for track in person.tracks:
        if track.id not in had:
            yield _event(at, "published", room, person, track.source)
    family = _moved(seen, person, transports)
    if family and at - person.joined >= SETTLES:
        yield _event(at, "networkChanged", room, person, family)
    if person.level and before.level and person.level != before.level:
        yield _event(at, "qualityChanged", room, person, person.level)
    yield from _layers(at, room, seen, person)


def _moved(seen: _Seen, person: PersonState, transports: Mapping[str, TransportStats]) -> str:
    """What kind of network a person has moved to; empty when it has not."""
    family = ""
    moves: dict[str, int] = {}
    for transport in (person.publish, person.subscribe):
        entry = transports.get(transport)
        if entry is None:
            continue
        moves[transport] = entry.moves
        if 0 < seen.moves.get(transport, 0) < entry.moves:
            family = _FAMILIES.get(entry.protocol if entry.protocol == "tcp" else entry.family, "")
    seen.moves = moves
    return family


_FAMILIES = {"tcp": "TCP", "ipv4": "IPv4", "ipv6": "IPv6"}


def _layers(at: float, room: RoomState, seen: _Seen, person: PersonState) -> Iterator[Event]:
    sources = {
        track.id: track.source
        for other in room.people
        for track in other.tracks
        if track.kind == "video"
    }
    seen.dropped &= person.receiving.keys()
    for track, now in person.receiving.items():
        before = seen.state.receiving.get(track)
        if before is None or track not in sources or before.layer == now.layer:
            continue
        if now.layer < before.layer and (now.limited or now.state in _HELD_BACK):
            seen.dropped.add(track)
            yield _event(at, "layerDropped", room, person, sources[track])
        elif now.layer > before.layer and track in seen.dropped:
            if not now.limited:
                seen.dropped.discard(track)
            yield _event(at, "layerRaised", room, person, sources[track])


def _left(at: float, room: RoomState, person: PersonState, departures: Mapping[str, str]) -> Event:
    reason = departures.get(person.id, "")
    kind: EventKind = "removed" if reason == "removed" else "left"
    return _event(at, kind, room, person, "" if kind == "removed" else reason)


def _event(
    at: float, kind: EventKind, room: RoomState, person: PersonState | None = None, detail: str = ""
) -> Event:
    return Event(
        at=at,
        kind=kind,
        call=room.call,
        room=room.room,
        participant="" if person is None else person.id,
        name="" if person is None else person.name,
        detail=detail,
    )
