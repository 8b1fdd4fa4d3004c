"""A participant that came by `Rooms` alone, with a connection that is no session."""

from __future__ import annotations

from typing import Any, cast

import pytest

from signaling import messages
from signaling.access.identity import Identity, guest
from signaling.access.passwords import Passwords
from signaling.conference.entrance import Entry
from signaling.conference.participant import Participant
from signaling.conference.room import Room
from signaling.conference.rooms import Rooms
from signaling.config import Config
from signaling.refusals import RefusedError
from tests.signaling.fakes import offer
from tests.signaling.memory_connection import MemoryConnection
from tests.signaling.people import TRACKS, Worker

RECORDER = Identity("service", "service", "Rekaman")


@pytest.fixture
def rooms() -> Rooms:
    made = Rooms(Config(), ["10.0.0.1"], Passwords())
    made.worker_ready(cast(Any, Worker()))
    return made


async def join(
    rooms: Rooms, identity: Identity, connection: MemoryConnection
) -> tuple[Room, Participant]:
    entry = Entry("room", None, "", rooms.entrance.guesses.of_socket())
    return await rooms.join(identity, entry, connection)


async def test_it_is_sent_the_state_and_takes_part(rooms: Rooms) -> None:
    ada, recorder = MemoryConnection(), MemoryConnection()
    room, person = await join(rooms, guest("Ada"), ada)
    room.publish(person, messages.Publish(1, offer("chromium"), TRACKS))
    _, program = await join(rooms, RECORDER, recorder)
    kinds = [type(message) for message in recorder.inbox]
    assert kinds == [messages.Welcome, messages.Offer]
    assert program.identity.role == "service"
    (joined,) = [one for one in ada.inbox if isinstance(one, messages.ParticipantJoined)]
    assert joined.participant.name == "Rekaman"


async def test_another_connection_takes_over_and_the_first_is_notified(rooms: Rooms) -> None:
    first, second = MemoryConnection(), MemoryConnection()
    _, program = await join(rooms, RECORDER, first)
    assert rooms.resume(program.token, second)[1] is program
    assert (first.ended, second.ended) == ("replaced", "")
    assert isinstance(second.inbox[0], messages.Welcome)
    assert program.connection is second


async def test_who_is_put_out_learns_it_and_stays_out(rooms: Rooms) -> None:
    connection = MemoryConnection()
    room, program = await join(rooms, RECORDER, connection)
    rooms.dismiss(room, program)
    assert connection.ended == "dismissed"
    assert rooms.rooms == {}
    with pytest.raises(RefusedError) as refused:
        rooms.resume(program.token, MemoryConnection())
    assert refused.value.code == "removed"


async def test_a_connection_that_is_gone_makes_its_participant_absent(rooms: Rooms) -> None:
    connection = MemoryConnection()
    _, program = await join(rooms, RECORDER, connection)
    assert program.present
    connection.ended = "by itself"
    assert not program.present
    # The end of a media connection is kept for whoever takes over.
    program.send(messages.Transport("publish", "failed", "iceTimeout"))
    again = MemoryConnection()
    rooms.resume(program.token, again)
    assert [type(one) for one in again.inbox] == [messages.Welcome, messages.Transport]
