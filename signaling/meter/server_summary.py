"""The rooms as the meter sees them: `state.ServerSummary` over `Rooms`. No I/O."""

from __future__ import annotations

from signaling.conference.participant import Participant
from signaling.conference.room import Room
from signaling.conference.rooms import Rooms
from signaling.meter.state import PersonState, Received, RoomState, TrackState
from signaling.worker_pool import Worker


class RoomsSummary:
    """Satisfies `state.ServerSummary`."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def rooms(self) -> list[RoomState]:
        """All there are now."""
        return [_room(room) for room in self._rooms.rooms.values()]


def _room(room: Room) -> RoomState:
    worker = room.media.worker
    index, pid = -1, 0
    if isinstance(worker, Worker):
        index, pid = worker.index, worker.process.pid
    speaking = room.speaking
    return RoomState(
        call=room.call,
        room=room.name,
        started=room.started,
        capacity=room.description.capacity,
        worker=index,
        worker_pid=pid,
        people=tuple(
            _person(participant, participant.id in speaking)
            for participant in room.participants.values()
        ),
    )


def _person(participant: Participant, speaking: bool) -> PersonState:
    publication, subscription = participant.publication, participant.subscription
    receiving = subscription.receiving if subscription is not None else None
    layers = publication.layers if publication is not None else {}
    return PersonState(
        id=participant.id,
        name=participant.name,
        joined=participant.joined,
        connected=participant.present,
        level=participant.network.level or "",
        speaking=speaking,
        tracks=tuple(
            TrackState(
                track.id,
                track.kind,
                track.source,
                track.muted,
                layers.get(track.id),
                track.codec,
            )
            for track in participant.tracks.values()
        ),
        publish="" if publication is None else publication.transport,
        subscribe="" if subscription is None else subscription.transport,
        receiving={}
        if receiving is None
        else {one.track: Received(one.state, one.layer, one.limited) for one in receiving.tracks},
        digest=participant.digest,
    )
