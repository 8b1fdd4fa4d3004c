"""All rooms: joining, resuming, and which room an event of a worker concerns."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence

from sfu.control import AudioLevels, CaptureState, DownTrackStates, LayersWanted, WorkerStats
from signaling.access import tokens
from signaling.access.admission import Admission
from signaling.access.identity import Identity
from signaling.access.passwords import Passwords
from signaling.conference import events
from signaling.conference.connection import Connection
from signaling.conference.entrance import Entrance, Entry
from signaling.conference.participant import Participant
from signaling.conference.room import Room
from signaling.conference.room_description import RoomDescription
from signaling.conference.room_media import MediaSettings, RoomMedia
from signaling.config import Config
from signaling.limits import address_key
from signaling.naming import twins
from signaling.refusals import RefusedError, TooManyError
from signaling.worker_pool import MediaEvent, Worker

log = logging.getLogger(__name__)

ROOMS_RETRY = 60
"""Seconds after which somebody may ask again whose address has too many rooms."""
MOST_PUT_OUT = 1000
"""People put out whose sessions are remembered, so that their pages learn it when they return."""


class Rooms:
    """Satisfies `worker_pool.Listener`."""

    def __init__(
        self,
        config: Config,
        addresses: Sequence[str],
        passwords: Passwords,
        admission: Admission | None = None,
    ) -> None:
        """`addresses`: to offer for media, best first. `admission`: as in `Entrance`."""
        self.rooms: dict[str, Room] = {}
        self.entrance = Entrance(config, passwords, admission)
        self._config = config
        self._media = MediaSettings(
            addresses=tuple(addresses),
            max_bps=config.max_publish_kbps * 1000,
            loudest=config.loudest,
            redundancy=config.audio_redundancy == "auto",
        )
        self.events = events.RoomEvents(time.monotonic)
        """Of all rooms and workers."""
        self.events.listen(self._forget_leaver)
        self._workers: list[Worker] = []
        self._routers: dict[str, Room] = {}
        self._tokens: dict[bytes, tuple[Room, Participant]] = {}
        """By the digest of their session's token."""
        self._put_out: dict[bytes, None] = {}
        """Digests of the tokens of who was put out, the oldest first."""
        self._made: Counter[str] = Counter()
        """Rooms that live, by the address that made them."""

    # Coming and going.

    async def join(
        self,
        identity: Identity,
        entry: Entry,
        connection: Connection,
        on_wait: Callable[[], None] = lambda: None,
    ) -> tuple[Room, Participant]:
        """Find or make the room and add a participant, reached by `connection`, which is sent
        `welcome` and what there is. Raises `RefusedError`.

        `on_wait` is called when somebody has to let them in first. Cancel this when they leave
        meanwhile; once it has returned, report the connection's end by `Room.away`.
        """
        room = await self._enter(identity, entry, on_wait)
        participant = room.join(room.description.in_this_room(identity))
        participant.joined, participant.features = time.time(), entry.features
        self._tokens[tokens.digest(participant.token)] = (room, participant)
        log.info("%s (%s) joins", participant.name, participant.id, extra=room.fields())
        participant.connection = connection
        participant.send(room.welcome(participant, resumed=False))
        room.joined(participant)
        return room, participant

    async def _enter(self, identity: Identity, entry: Entry, on_wait: Callable[[], None]) -> Room:
        """The room, made where there is none; everything that could forbid it is checked."""
        name, address, let_in = entry.room, entry.address, False
        # Hashing and admission wait, and the room may come or go meanwhile: then look again.
        while True:
            room = self.rooms.get(name)
            if room is None:
                self._check_create(address)
                description = await self.entrance.describe(entry)
            else:
                description = room.description
                if room.full:
                    text = f"the room is full ({description.capacity} people)"
                    raise RefusedError("roomFull", text)
                await self.entrance.check_password(description, entry)
            # Another room of this name may have a lobby; nobody has to be let in twice.
            if not let_in:
                seen_as = description.in_this_room(identity)
                let_in = await self.entrance.admit(seen_as, description, on_wait)
            if room is None and name not in self.rooms:
                self._check_create(address)
                return self._create(description, address)
            if room is not None and self.rooms.get(name) is room and not room.full:
                return room

    def twins_of(self, name: str) -> list[str]:
        """Rooms whose names look like `name` and are others."""
        return twins.twins_of(name, ((room.name, room.skeletons) for room in self.rooms.values()))

    def _check_create(self, address: str) -> None:
        if not self.entrance.may_create(address):
            raise RefusedError("createNotAllowed", "there is no such room, and you may not make it")
        most, counted = self._config.rooms_per_address, self.entrance.counted(address)
        if most and counted and self._made[address_key(counted)] >= most:
            raise TooManyError(f"your address has {most} rooms already", ROOMS_RETRY)
        if len(self.rooms) >= self._config.max_rooms:
            raise RefusedError("serverBusy", "there are too many rooms at the moment")
        if not self._workers:
            raise RefusedError("serverBusy", "the media worker is starting: try again")

    def _create(self, description: RoomDescription, address: str) -> Room:
        name = description.name
        media = RoomMedia(name, self._media)
        room = Room(description, media, self.events)
        room.started = time.time()
        if counted := self.entrance.counted(address):
            room.creator = address_key(counted)
            self._made[room.creator] += 1
        media.place(self._least_loaded())
        self.rooms[name] = self._routers[media.router] = room
        log.info("room made", extra=room.fields())
        self.events.emit(events.Opened(room=name, call=room.call))
        return room

    def resume(self, token: str, connection: Connection) -> tuple[Room, Participant]:
        """Give whose token this is another connection, which is sent the whole state; the one
        before learns that it was replaced. Raises `RefusedError`."""
        room, participant = self._by_token(token)
        earlier, participant.connection = participant.connection, connection
        room.resume(participant)
        if earlier is not None:
            earlier.replaced()
        return room, participant

    def _by_token(self, token: str) -> tuple[Room, Participant]:
        # Looked up by the digest, the time that it takes says nothing of the token.
        digest = tokens.digest(token)
        if found := self._tokens.get(digest):
            return found
        if digest in self._put_out:
            # They were away when it happened, and must not come back by themselves.
            raise RefusedError("removed", "an administrator has ended this call for you")
        raise RefusedError("sessionExpired", "that session is over: join again")

    def leave(self, room: Room, participant: Participant) -> None:
        """Somebody has asked to leave."""
        participant.connection = None
        room.remove(participant, "left")
        self._close_if_empty(room)

    def dismiss(self, room: Room, participant: Participant) -> None:
        """Put somebody out; their connection learns it."""
        self._put_out[tokens.digest(participant.token)] = None
        if len(self._put_out) > MOST_PUT_OUT:
            del self._put_out[next(iter(self._put_out))]
        connection = participant.connection
        room.remove(participant, "removed")
        if connection is not None:
            connection.dismissed()
        self._close_if_empty(room)

    def tick(self, now: float) -> None:
        """Remove whoever is gone and make the offers that waited; call twice a second."""
        for room in list(self.rooms.values()):
            try:
                self._tick(room, now)
            except Exception:
                # A fault in one room must not stop the clock of the others.
                log.exception("tidying a room failed", extra=room.fields())

    def _tick(self, room: Room, now: float) -> None:
        before = len(room.participants)
        room.remove_gone(now)
        room.renew_offers()
        if len(room.participants) != before:
            self._close_if_empty(room)

    def _forget_leaver(self, event: events.Event) -> None:
        """Whoever left for good cannot resume."""
        if isinstance(event, events.Left):
            self._tokens.pop(event.token_digest, None)

    def _close_if_empty(self, room: Room) -> None:
        if not room.participants and self.rooms.get(room.name) is room:
            room.media.close()
            del self.rooms[room.name]
            self._routers.pop(room.media.router, None)
            if room.creator:
                self._made[room.creator] -= 1
                if not self._made[room.creator]:
                    del self._made[room.creator]
            log.info("room over", extra=room.fields())
            self.events.emit(events.Closed(room=room.name, call=room.call))

    def find(self, participant: str) -> tuple[Room, Participant] | None:
        """Who has this id, and the room they are in."""
        for room in self.rooms.values():
            found = room.participants.get(participant)
            if found is not None:
                return room, found
        return None

    # Workers.

    @property
    def ready(self) -> bool:
        """Whether there is a worker for a room."""
        return bool(self._workers)

    def room_of(self, transport: str) -> Room | None:
        """The room of a transport."""
        return self._routers.get(transport.partition(".")[0])

    def _least_loaded(self) -> Worker:
        load = {id(worker): 0 for worker in self._workers}
        for room in self.rooms.values():
            if id(room.media.worker) in load:
                load[id(room.media.worker)] += 1 + len(room.participants)
        return min(self._workers, key=lambda worker: load[id(worker)])

    def worker_ready(self, worker: Worker) -> None:
        """Rooms that lost theirs are placed again."""
        self._workers.append(worker)
        self._place_again()

    def worker_lost(self, worker: Worker) -> None:
        """Its rooms go to another one, at once when there is one."""
        self._workers.remove(worker)
        self.events.emit(events.WorkerLost(worker.index, worker.process.pid))
        for room in list(self.rooms.values()):
            if room.media.worker is worker:
                self._routers.pop(room.media.router, None)
                room.worker_lost()
        self._place_again()

    def _place_again(self) -> None:
        for room in self.rooms.values():
            if room.media.worker is None and self._workers:
                room.placed(self._least_loaded())
                self._routers[room.media.router] = room
                log.info("room placed again", extra=room.fields())

    def worker_event(self, worker: Worker, event: MediaEvent) -> None:
        """One about a room that is gone is ignored: the two sides race by nature."""
        if isinstance(event, CaptureState):
            self.events.emit(events.CaptureChanged(event))
            return
        if isinstance(event, AudioLevels):
            room = self._routers.get(event.router)
            if room is not None:
                room.audio_levels(event.levels, time.monotonic())
            return
        room = self.room_of(event.transport)
        if room is None:
            return
        if isinstance(event, LayersWanted):
            room.layers_wanted(event)
        elif isinstance(event, DownTrackStates):
            room.down_track_states(event)
        else:
            room.transport_changed(event)

    def worker_stats(self, worker: Worker, stats: WorkerStats) -> None:
        """Whose packets still arrive, and over what networks."""
        now = time.monotonic()
        for entry in stats.per_transport:
            room = self.room_of(entry.transport)
            if room is not None:
                room.transport_stats(entry, now)
        for room in self.rooms.values():
            if room.media.worker is worker:
                room.grade(now)
        self.events.emit(events.Statistics(worker.index, worker.process.pid, stats))
