"""A room's people and its worker, without I/O."""

from __future__ import annotations

from typing import Any, TypeVar

from sfu.control import (
    Command,
    Fingerprint,
    TransportChanged,
    TransportState,
    TransportStats,
)
from signaling import messages
from signaling.access.identity import guest
from signaling.conference.events import RoomEvents
from signaling.conference.participant import Participant
from signaling.conference.room import Room
from signaling.conference.room_description import RoomDescription
from signaling.conference.room_media import MediaSettings, RoomMedia
from tests.signaling.fakes import FINGERPRINT, answer, offer
from tests.signaling.memory_connection import MemoryConnection

TRACKS = (messages.SourceOf("0", "microphone"), messages.SourceOf("1", "camera"))


C = TypeVar("C")


class Worker:
    """Keeps commands."""

    port = tcp_port = 5000
    fingerprint: Fingerprint = FINGERPRINT

    def __init__(self) -> None:
        self.commands: list[Command] = []

    def send(self, command: Command) -> None:
        self.commands.append(command)

    def all(self, kind: type[C]) -> list[C]:
        return [command for command in self.commands if isinstance(command, kind)]

    def last(self, kind: type[C]) -> C:
        return self.all(kind)[-1]


def new_room(worker: Worker, **settings: Any) -> Room:
    """A room placed in `worker`."""
    media = RoomMedia("room", MediaSettings(("10.0.0.1",), **settings))
    media.place(worker)
    return Room(RoomDescription("room", 10), media, RoomEvents(lambda: 0.0))


class Person:
    """A participant and what it was sent. After each of its acts half a second passes."""

    def __init__(self, room: Room, name: str) -> None:
        self.room = room
        self.inbox: list[Any] = []
        self.participant: Participant = room.join(guest(name))
        self.participant.connection = MemoryConnection(self.inbox)
        room.joined(self.participant)
        room.renew_offers()

    @property
    def id(self) -> str:
        return self.participant.id

    @property
    def tracks(self) -> tuple[str, str]:
        """Ids of its audio and its video."""
        audio, video = self.participant.tracks.values()
        return audio.id, video.id

    def got(self, kind: type[C]) -> list[C]:
        return [message for message in self.inbox if isinstance(message, kind)]

    def publish(self, number: int = 1, restart: bool = False, sdp: str = "") -> messages.Published:
        message = messages.Publish(number, sdp or offer("chromium"), TRACKS, restart)
        self.room.publish(self.participant, message)
        self.room.renew_offers()
        return self.got(messages.Published)[-1]

    def take(self, ufrag: str = "peer") -> messages.Offer:
        """Answer the latest offer."""
        last = self.got(messages.Offer)[-1]
        self.room.answer(self.participant, messages.Answer(last.id, answer(last.sdp, ufrag)))
        self.room.renew_offers()
        return last

    def view(self, now: float, *tracks: messages.Viewed, **fields: Any) -> float:
        return self.room.view(self.participant, messages.View(tracks, **fields), now)

    def change(
        self, side: messages.MediaConnection, state: TransportState, reason: str = ""
    ) -> str:
        """The worker reports one of its transports; gives the transport's id."""
        one = self.participant.publication if side == "publish" else self.participant.subscription
        assert one is not None
        event = TransportChanged(transport=one.transport, state=state, reason=reason)  # type: ignore[arg-type]
        self.room.transport_changed(event)
        self.room.renew_offers()
        return one.transport

    def away(self, now: float = 0.0) -> None:
        self.room.away(self.participant, cleanly=False, now=now)

    def back(self) -> list[Any]:
        """It resumes; what it is sent then."""
        self.inbox.clear()
        self.participant.connection = MemoryConnection(self.inbox)
        self.room.resume(self.participant)
        return self.inbox


def stats(transport: str, packets: int = 0, **figures: Any) -> TransportStats:
    return TransportStats(
        transport=transport,
        packets_received=packets,
        bytes_received=0,
        packets_sent=0,
        bytes_sent=0,
        **({"rtt_ms": 0.0} | figures),
    )


def connected(person: Person) -> str:
    """Its publish transport, after it connected."""
    return person.change("publish", "connected")


def call(room: Room) -> tuple[Person, Person]:
    """Two people; the second receives the first, and all is connected."""
    ada, bo = Person(room, "Ada"), Person(room, "Bo")
    ada.publish()
    bo.take()
    ada.change("publish", "connected")
    bo.change("subscribe", "connected")
    return ada, bo
