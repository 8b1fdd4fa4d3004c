"""What a room is apart from its call, and that the call follows it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from signaling import messages
from signaling.access.identity import Identity, guest
from signaling.conference.entrance import Entry
from signaling.conference.room import Room
from signaling.conference.room_description import RoomDescription
from signaling.refusals import RefusedError
from tests.signaling.conftest import Running, Serve
from tests.signaling.memory_connection import MemoryConnection
from tests.signaling.people import Person

SITI = Identity("member", "member", "Siti", "siti")


def test_a_role_in_the_room_goes_before_that_of_the_identity() -> None:
    room = RoomDescription("room", 10, roles={"siti": "host"})
    assert room.in_this_room(SITI) == replace(SITI, role="host")
    other = replace(SITI, subject="other")
    assert room.in_this_room(other) is other
    # Whoever has no account is nobody whom the room could name.
    assert (
        RoomDescription("room", 10, roles={"": "host"}).in_this_room(guest("Ada")).role == "guest"
    )


def test_a_password_does_not_reach_the_log() -> None:
    assert "hash" not in repr(RoomDescription("room", 10, "the hash"))


def test_a_room_keeps_as_much_chat_as_it_says(room: Room) -> None:
    short = Room(replace(room.description, chat_kept=2), room.media, room.events)
    ada = Person(short, "Ada")
    for number in range(3):
        short.chat(ada.participant, str(number), at=1.0)
    kept = short.welcome(ada.participant, resumed=False).chat
    assert [entry.text for entry in kept] == ["1", "2"]


async def enter(running: Running, identity: Identity) -> tuple[Identity, list[messages.FromServer]]:
    """Who they are once they are in `room`, and what they were sent."""
    rooms, inbox = running.server.rooms, list[messages.FromServer]()
    entry = Entry("room", None, "", rooms.entrance.guesses.of_socket())
    _, participant = await rooms.join(identity, entry, MemoryConnection(inbox))
    return participant.identity, inbox


async def test_the_first_to_join_makes_a_room_as_the_settings_say(serve: Serve) -> None:
    running = await serve(room_capacity=3)
    await running.joined()
    assert running.server.rooms.rooms["room"].description == RoomDescription("room", 3)


async def test_who_joins_has_the_role_that_the_room_gives(serve: Serve) -> None:
    running = await serve()
    await running.joined()
    room = running.server.rooms.rooms["room"]
    room.description = replace(room.description, roles={"siti": "host"})
    assert (await enter(running, SITI))[0].role == "host"
    assert (await enter(running, guest("Bo")))[0].role == "guest"


async def test_nobody_comes_through_a_lobby_where_nobody_can_let_them_in(serve: Serve) -> None:
    running = await serve()
    await running.joined()
    room = running.server.rooms.rooms["room"]
    room.description = replace(room.description, lobby=True)
    with pytest.raises(RefusedError) as refused:
        await enter(running, SITI)
    assert refused.value.code == "notAllowed"
    assert len(room.participants) == 1


async def test_a_lobby_that_came_while_one_waited_for_the_password_counts(serve: Serve) -> None:
    running = await serve()
    rooms = running.server.rooms
    entry = Entry("room", "secret", "", rooms.entrance.guesses.of_socket())
    # Hashing takes a while, in which somebody else makes the room, without a password.
    late = asyncio.create_task(rooms.join(SITI, entry, MemoryConnection([])))
    await asyncio.sleep(0)
    await enter(running, guest("Ada"))
    room = rooms.rooms["room"]
    room.description = replace(room.description, lobby=True)
    with pytest.raises(RefusedError) as refused:
        await late
    assert refused.value.code == "notAllowed"
