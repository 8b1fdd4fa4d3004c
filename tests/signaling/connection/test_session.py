"""Stages, permissions and budgets of a session, over an outlet in memory."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, cast

import pytest

from signaling import messages
from signaling.access.authenticator import Claim, GuestByName
from signaling.access.identity import Identity
from signaling.access.passwords import Passwords
from signaling.conference import entrance
from signaling.conference.requests import Requests
from signaling.conference.rooms import Rooms
from signaling.config import Config
from signaling.connection import session
from signaling.connection.message_table import MessageTable, Rule
from signaling.refusals import RefusedError
from tests.signaling.connection.test_message_table import HandRaised, RaiseHand, raise_hand
from tests.signaling.lobby import Lobby
from tests.signaling.memory_connection import MemoryClient
from tests.signaling.people import Worker


class House:
    """Rooms with a worker, a lobby, and clients in memory."""

    def __init__(self, *parts: Any, authenticator: Any = None, **settings: Any) -> None:
        self.lobby = Lobby("Host")
        self.rooms = Rooms(Config(**settings), ["10.0.0.1"], Passwords(), self.lobby)
        self.rooms.worker_ready(cast(Any, Worker()))
        requests = Requests(self.rooms, authenticator or GuestByName())
        self.table = MessageTable(requests.part(), *parts)

    def client(self) -> MemoryClient:
        return MemoryClient(self.table, self.rooms.entrance.guesses)

    async def joined(self, name: str = "Host", **more: Any) -> MemoryClient:
        client = self.client()
        await client.join(name=name, **more)
        assert client.session.stage == "joined"
        return client

    async def waits(self, name: str = "Ada", **more: Any) -> MemoryClient:
        client = self.client()
        await client.join(name=name, **more)
        assert client.session.stage == "waiting"
        return client

    def names(self) -> list[str]:
        room = self.rooms.rooms.get("room")
        return [one.name for one in room.participants.values()] if room else []


async def settle() -> None:
    """Let tasks that can go on do so."""
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture
async def house() -> House:
    return House()


def code(client: MemoryClient) -> str:
    return client.got(messages.Error)[-1].code


async def test_who_waits_is_in_no_room_and_is_let_in(house: House) -> None:
    host, ada = await house.joined(), await house.waits()
    assert ada.outlet.inbox == []
    assert house.names() == ["Host"]
    house.lobby.waiting["Ada"].set_result(None)
    await settle()
    assert ada.session.stage == "joined"
    (welcome,) = ada.got(messages.Welcome)
    assert [one.name for one in welcome.participants] == ["Host"]
    assert host.got(messages.ParticipantJoined)
    assert house.lobby.waiting == {}


async def test_who_waits_may_only_ping_and_leave(house: House) -> None:
    ada = await house.waits()
    assert await ada.say("ping", t=3.0) == messages.Pong(3.0)
    await ada.say("chat", text="let me in")
    assert code(ada) == "notJoined"
    await ada.join("elsewhere")
    assert code(ada) == "alreadyJoined"
    await ada.say("resume", version=1, token="x")
    assert code(ada) == "alreadyJoined"
    assert ada.session.stage == "waiting"


async def test_who_is_not_let_in_hears_why_and_may_ask_again(house: House) -> None:
    ada = await house.waits()
    house.lobby.waiting["Ada"].set_exception(RefusedError("notAllowed", "not today"))
    await settle()
    (error,) = ada.got(messages.Error)
    assert (error.code, error.request, error.fatal) == ("notAllowed", "join", False)
    assert ada.session.stage == "connected"
    await ada.join()
    house.lobby.waiting["Ada"].set_result(None)
    await settle()
    assert ada.session.stage == "joined"


async def test_who_leaves_while_waiting_leaves_nothing_behind(house: House) -> None:
    ada = await house.waits()
    await ada.say("leave")
    await settle()
    assert ada.outlet.end == "left"
    assert house.lobby.waiting == {}
    assert house.rooms.rooms == {}
    assert ada.outlet.inbox == []


async def test_a_connection_lost_while_waiting_leaves_nothing_behind(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entrance, "MAX_WAITING", 1)
    for _ in range(3):
        ada = await house.waits()
        ada.session.ended(cleanly=False, why=1006)
        await settle()
        assert house.lobby.waiting == {}
    assert house.rooms.rooms == {}


async def test_a_connection_lost_at_the_moment_of_being_let_in_leaves_nothing_behind(
    house: House,
) -> None:
    ada = await house.waits()
    house.lobby.waiting["Ada"].set_result(None)
    ada.session.ended(cleanly=False, why=1006)
    await settle()
    assert house.names() == []


async def test_so_many_may_wait_for_a_room_and_who_need_not_wait_still_comes_in(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entrance, "MAX_WAITING", 2)
    for name in ("Ada", "Bo"):
        await house.waits(name)
    late = house.client()
    await late.join(name="Cy")
    error = late.got(messages.Error)[-1]
    assert (error.code, error.retry_after) == ("tooMany", entrance.WAITING_RETRY)
    await house.joined()
    await house.waits("Cy", room="elsewhere")


async def test_nobody_waits_for_ever(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entrance, "WAIT", 0.0)
    ada = house.client()
    await ada.join()
    await settle()
    assert code(ada) == "notAllowed"
    assert house.lobby.waiting == {}


async def test_the_password_comes_before_the_lobby(house: House) -> None:
    await house.joined(password="sesame")
    ada = house.client()
    await ada.join(password="wrong")
    assert code(ada) == "wrongPassword"
    assert house.lobby.waiting == {}
    await house.waits(password="sesame")


async def test_a_room_that_filled_up_meanwhile_is_full() -> None:
    house = House(room_capacity=2)
    await house.joined()
    ada, bo = await house.waits("Ada"), await house.waits("Bo")
    for name in ("Ada", "Bo"):
        house.lobby.waiting[name].set_result(None)
    await settle()
    assert house.names() == ["Host", "Ada"]
    assert (ada.session.stage, bo.session.stage, code(bo)) == ("joined", "connected", "roomFull")


async def test_a_room_that_was_over_meanwhile_is_made_again(house: House) -> None:
    host = await house.joined()
    await house.waits()
    await host.say("leave")
    assert house.rooms.rooms == {}
    house.lobby.waiting["Ada"].set_result(None)
    await settle()
    assert house.names() == ["Ada"]


async def test_what_comes_behind_a_join_is_taken_after_it(house: House) -> None:
    host = house.client()
    await host.join(name="Host", password="sesame")
    await host.say("chat", text="first")
    kinds = [type(message) for message in host.outlet.inbox]
    assert kinds[0] is messages.Welcome
    assert messages.ChatMessage in kinds


async def test_another_session_takes_over_and_the_first_is_over(house: House) -> None:
    host = await house.joined()
    again = house.client()
    (welcome,) = host.got(messages.Welcome)
    await again.say("resume", version=1, token=welcome.token)
    assert (host.outlet.end, host.session.stage) == ("replaced", "connected")
    host.session.ended(cleanly=False, why=4001)
    assert again.session.place[1].present
    again.session.ended(cleanly=False, why=1006)
    assert not house.rooms.rooms["room"].participants[welcome.participant].present


async def test_another_subject_brings_messages_of_its_own() -> None:
    house = House({RaiseHand: Rule("chat", raise_hand, budget=(1.0, 1.0))})
    client = house.client()
    await client.say("raiseHand", up=True)
    assert code(client) == "notJoined"
    await client.join(name="Host")
    client.outlet.inbox.clear()
    assert await client.say("raiseHand", up=True) == HandRaised(client.session.place[1].id)
    refused = await client.say("raiseHand", up=True)
    assert (refused.code, refused.request, refused.fatal) == ("tooMany", "raiseHand", False)


class Recorders:
    """Satisfies `Authenticator`: whoever comes is a program."""

    async def identify(self, claim: Claim, now: float) -> Identity | None:
        return Identity("service", "service", claim.name) if claim.name != "nobody" else None


async def test_what_a_role_may_not_do_is_refused_before_it_is_done() -> None:
    house = House(authenticator=Recorders())
    recorder = await house.joined()
    refused = await recorder.say("chat", text="beep")
    assert (refused.code, refused.request) == ("notAllowed", "chat")
    assert not recorder.got(messages.ChatMessage)
    stranger = house.client()
    await stranger.join(name="nobody")
    assert code(stranger) == "notAllowed"


async def test_a_role_that_changes_during_the_call_counts_from_the_next_message(
    house: House,
) -> None:
    client = await house.joined()
    participant = client.session.place[1]
    participant.identity = replace(participant.identity, role="service")
    assert (await client.say("chat", text="hello")).code == "notAllowed"
    participant.identity = replace(participant.identity, role="member")
    assert isinstance(await client.say("chat", text="hello"), messages.ChatMessage)


async def test_a_fault_in_a_handler_is_reported_and_ends_nothing() -> None:
    async def fail(session: object, message: object) -> None:
        raise ZeroDivisionError

    house = House({RaiseHand: Rule("chat", fail)})
    client = await house.joined()
    refused = await client.say("raiseHand", up=True)
    assert (refused.code, refused.fatal) == ("internal", False)
    assert isinstance(await client.say("ping", t=1.0), messages.Pong)


async def test_refusals_end_a_session_and_are_forgiven_with_time(house: House) -> None:
    client = await house.joined()
    for _ in range(session.MAX_BAD_MESSAGES):
        await client.session.receive("?")
    assert client.outlet.open
    client.now += 1 / session.FORGIVEN
    await client.session.receive("?")
    assert client.outlet.open
    await client.session.receive("?")
    assert client.outlet.end == "refused"
