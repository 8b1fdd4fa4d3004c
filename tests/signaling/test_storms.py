"""Participants who ask for more than is their share, and what the others notice: nothing."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from sfu.control import SetUpTracks
from signaling import messages
from signaling.conference.room import Room
from signaling.connection import session
from tests.signaling.conftest import Serve
from tests.signaling.fakes import Client, answer, offer
from tests.signaling.memory_connection import MemoryConnection
from tests.signaling.people import Person

SECONDS = 2.0
TRACKS = [{"mid": "0", "source": "microphone"}, {"mid": "1", "source": "camera"}]


async def storm(client: Client, kind: str, seconds: float, **fields: Any) -> list[dict[str, Any]]:
    """Forty messages a second; the refusals."""
    reading = asyncio.create_task(client.closed())
    end, number = time.monotonic() + seconds, 100
    while time.monotonic() < end:
        number += 1
        more = {"id": number, "restart": True} if kind == "publish" else {}
        await client.send(kind, **fields, **more)
        await asyncio.sleep(1 / 40)
    await asyncio.sleep(0.2)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    return [message for message in client.seen if message["type"] == "error"]


async def honest(client: Client, pause: float) -> None:
    """Answers each offer, reading one message each `pause` seconds."""
    while True:
        message = await client.next()
        if message["type"] == "offer":
            await client.send("answer", id=message["id"], sdp=answer(message["sdp"]))
        await asyncio.sleep(pause)


async def test_eight_who_publish_forty_times_a_second_cut_nobody_off(serve: Serve) -> None:
    run = await serve()
    slow, quick = await run.joined(name="slow"), await run.joined(name="quick")
    crowd = [await run.joined(name=f"n{number}") for number in range(8)]
    readers = [asyncio.create_task(honest(slow, 0.02)), asyncio.create_task(honest(quick, 0.0))]
    fields = {"sdp": offer("chromium"), "tracks": TRACKS}
    refused = await asyncio.gather(*(storm(one, "publish", SECONDS, **fields) for one in crowd))
    for errors in refused:
        assert errors
        assert {(e["code"], e["request"], e["fatal"]) for e in errors} == {
            ("tooMany", "publish", False)
        }
        assert all(e["id"] > 100 and e["retryAfter"] == 1 for e in errors)
    assert len(run.worker.all(SetUpTracks)) <= 8 * (6 + 2 * (SECONDS + 2))
    # The newest state reaches both in the end, in few offers.
    tracks = {
        track
        for room in run.server.rooms.rooms.values()
        for person in room.participants.values()
        for track in person.tracks
    }
    assert len(tracks) == 16
    for client in (slow, quick):
        while {one["track"] for one in last(client, "offer")["tracks"]} != tracks:
            await asyncio.sleep(0.05)
        offers = sum(message["type"] == "offer" for message in client.seen)
        assert 2 <= offers <= 2 * (SECONDS + 5)
    for reader in readers:
        assert not reader.done()
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)


def last(client: Client, kind: str) -> dict[str, Any]:
    found = [message for message in client.seen if message["type"] == kind]
    return found[-1] if found else {"tracks": []}


async def test_chat_has_its_own_budget_and_the_rest_goes_on(serve: Serve) -> None:
    run = await serve()
    ada, bo = await run.joined(name="Ada"), await run.joined(name="Bo")
    for number in range(12):
        await ada.send("chat", text=str(number), id=number)
    refused = [await ada.get("error") for _ in range(2)]
    assert [(e["code"], e["id"], e["request"]) for e in refused] == [
        ("tooMany", 10, "chat"),
        ("tooMany", 11, "chat"),
    ]
    await ada.publish()
    await ada.send("ping", t=1)
    assert (await ada.get("pong"))["t"] == 1
    assert [(await bo.get("chat"))["text"] for _ in range(10)] == [str(n) for n in range(10)]
    # Another WebSocket of the same participant has no new budget.
    again = await run.client()
    await again.send("resume", version=1, token=ada.token)
    await again.get("welcome")
    await again.send("chat", text="x", id=12)
    assert (await again.get("error"))["id"] == 12
    await asyncio.sleep(refused[0]["retryAfter"])
    await again.send("chat", text="later", id=13)
    assert (await bo.get("chat"))["text"] == "later"


async def test_muting_over_and_over_stays_with_who_does_it(serve: Serve) -> None:
    run = await serve()
    ada, bo = await run.joined(name="Ada"), await run.joined(name="Bo")
    track = (await ada.publish())["tracks"][0]["track"]
    for number in range(60):
        await ada.send("mute", track=track, muted=number % 2 == 0)
    refused = await ada.get("error")
    assert (refused["code"], refused["request"], refused["fatal"]) == ("tooMany", "mute", False)
    await asyncio.sleep(refused["retryAfter"])
    await ada.send("mute", track=track, muted=True)
    await ada.send("chat", text="done")
    await bo.get("chat")
    reported = [message["muted"] for message in bo.seen if message["type"] == "trackMuted"]
    assert reported[-1] is True
    assert len(reported) < 40


async def test_refusals_are_forgotten_with_time(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "FORGIVEN", 1e6)
    client = await (await serve()).client()
    for _ in range(2 * session.MAX_BAD_MESSAGES):
        await client.socket.send_str("?")
        assert (await client.next())["fatal"] is False


def test_offers_are_gathered_and_the_newest_state_is_sent_in_the_end(room: Room) -> None:
    bo, ada = Person(room, "Bo"), Person(room, "Ada")
    before = len(bo.got(messages.Offer))
    for number in range(1, 20):
        message = messages.Publish(number, offer("chromium"), TRACK_SOURCES, restart=True)
        room.publish(ada.participant, message)
        latest = bo.got(messages.Offer)[-1]
        if latest.id > before:
            before = latest.id
            room.answer(bo.participant, messages.Answer(latest.id, answer(latest.sdp)))
    assert len(bo.got(messages.Offer)) == 1
    room.renew_offers()
    assert len(bo.got(messages.Offer)) == 2
    offered = {track.track for track in bo.got(messages.Offer)[-1].tracks}
    assert offered == set(ada.participant.tracks)


TRACK_SOURCES = (messages.SourceOf("0", "microphone"), messages.SourceOf("1", "camera"))


def test_one_whose_connection_is_broken_keeps_nothing_from_the_others(room: Room) -> None:
    broken, ada, bo = Person(room, "broken"), Person(room, "Ada"), Person(room, "Bo")

    class Broken(MemoryConnection):
        def send(self, message: messages.FromServer) -> None:
            raise AttributeError("'NoneType' object has no attribute '_abort'")

    broken.participant.connection = Broken()
    ada.publish()
    room.chat(ada.participant, "hello", 1.0)
    assert bo.got(messages.Offer)
    assert bo.got(messages.ChatMessage)
    assert ada.got(messages.ChatMessage)


def test_one_who_cannot_be_offered_keeps_no_offer_from_the_others(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd, ada, bo = Person(room, "odd"), Person(room, "Ada"), Person(room, "Bo")
    next_offer = room.media.next_offer

    def fail_for_one(to: Any, everybody: Any) -> bool:
        if to is odd.participant:
            raise ValueError("odd")
        return next_offer(to, everybody)

    monkeypatch.setattr(room.media, "next_offer", fail_for_one)
    ada.publish()
    assert bo.got(messages.Offer)
    assert not odd.got(messages.Offer)
