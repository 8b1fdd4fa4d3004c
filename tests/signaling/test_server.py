"""The whole signaling process over real WebSockets, with a fake media worker."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from sfu.control import (
    AudioLevels,
    CloseRouter,
    CloseTransport,
    ConnectTransport,
    Drain,
    OpenRouter,
    OpenTransport,
    SetDownTracks,
    SetUpTracks,
    TransportChanged,
)
from signaling import server
from signaling.conference import entrance
from signaling.connection import session, websocket
from tests.signaling.conftest import TOKEN, Serve
from tests.signaling.fakes import answer, offer, stats
from tests.signaling.lobby import Lobby
from tests.signaling.people import stats as transport_stats


async def test_two_people_publish_and_subscribe(serve: Serve) -> None:
    run = await serve()
    ada, bo = await run.joined(name="Ada"), await run.joined(name="Bo")
    joined = await ada.get("participantJoined")
    assert joined["participant"] == {"id": bo.me, "name": "Bo", "tracks": []}

    published = await ada.publish()
    audio, video = (entry["track"] for entry in published["tracks"])
    up = await run.worker.expect(SetUpTracks)
    opened = await run.worker.expect(OpenTransport)
    assert (opened.participant, opened.direction) == (ada.me, "publish")
    assert [track.track for track in up.tracks] == [audio, video]
    connect = await run.worker.expect(ConnectTransport)
    assert (connect.remote_ufrag, connect.dtls_role) == ("kncF", "server")
    assert f"a=ice-ufrag:{opened.ice_ufrag}" in published["sdp"]

    message = await bo.take_offer()
    assert [(t["track"], t["participant"], t["source"]) for t in message["tracks"]] == [
        (audio, ada.me, "microphone"),
        (video, ada.me, "camera"),
    ]
    assert message["restart"] is True
    down = await run.worker.expect(SetDownTracks)
    assert [track.up_track for track in down.tracks] == [audio, video]
    first = next(message for message in bo.seen if message["type"] == "trackPublished")
    assert first["track"] == {
        "id": audio,
        "kind": "audio",
        "source": "microphone",
        "muted": False,
    }

    await ada.send("mute", track=video, muted=True)
    assert (await bo.get("trackMuted"))["muted"] is True
    await ada.send("leave")
    assert await ada.closed() == 1000
    left = await bo.get("participantLeft")
    assert left == {"type": "participantLeft", "participant": ada.me, "reason": "left"}
    empty = await bo.get("offer")
    assert empty["tracks"] == []
    assert empty["sdp"].count("a=inactive") == 2
    await run.worker.expect(CloseTransport)


async def test_newcomer_sees_people_tracks_and_chat(serve: Serve) -> None:
    run = await serve()
    ada = await run.joined(name="Ada")
    await ada.publish()
    await ada.send("chat", text="  first\x07 ")
    assert (await ada.get("chat"))["text"] == "first"
    bo = await run.client()
    welcome = await bo.join(name="Bo")
    assert welcome["chat"][0]["name"] == "Ada"
    (other,) = welcome["participants"]
    assert [track["source"] for track in other["tracks"]] == ["microphone", "camera"]
    assert len((await bo.get("offer"))["tracks"]) == 2


async def test_changes_during_an_open_offer_go_into_the_next(serve: Serve) -> None:
    run = await serve()
    viewer = await run.joined(name="viewer")
    for name in ("Ada", "Bo", "Cy"):
        await (await run.joined(name=name)).publish()
    first = await viewer.get("offer")
    assert len(first["tracks"]) == 2
    await viewer.send("answer", id=first["id"], sdp=answer(first["sdp"]))
    second = await viewer.get("offer")
    assert (len(second["tracks"]), second["id"]) == (6, first["id"] + 1)
    assert second["restart"] is False


async def test_room_is_gone_when_empty(serve: Serve) -> None:
    run = await serve()
    client = await run.joined("Kamar é/1")
    url = run.url + "/api/rooms/Kamar%20%C3%A9%2F1"
    async with run.http.get(url) as response:
        assert await response.json() == {
            "exists": True,
            "needsPassword": False,
            "participants": 1,
            "capacity": 10,
            "full": False,
            "mayCreate": True,
            "lookAlikes": [],
        }
    async with run.http.get(run.url + "/api/rooms/kamar-é%2Fl") as response:
        answer = await response.json()
        assert (answer["exists"], answer["lookAlikes"]) == (False, ["Kamar é/1"])
    await client.send("leave")
    await client.closed()
    async with run.http.get(url) as response:
        assert (await response.json())["exists"] is False
    assert (await run.worker.expect(CloseRouter)).router == run.worker.all(OpenRouter)[0].router


async def test_full_room(serve: Serve) -> None:
    run = await serve(room_capacity=2)
    await run.joined()
    first = await run.joined()
    third = await run.client()
    refused = await third.join()
    assert (refused["code"], refused["fatal"]) == ("roomFull", False)
    await first.send("leave")
    await first.closed()
    assert (await third.join())["type"] == "welcome"


async def test_password(serve: Serve) -> None:
    run = await serve()
    first = await run.client()
    welcome = await first.join(password="sesame")
    assert welcome["room"]["hasPassword"] is True
    second = await run.client()
    assert (await second.join())["code"] == "passwordRequired"
    assert (await second.join(password="wrong"))["code"] == "wrongPassword"
    assert (await second.join(password="sesame"))["type"] == "welcome"


async def test_wrong_passwords_are_limited_right_ones_are_not(serve: Serve) -> None:
    run = await serve(room_capacity=50)
    await run.joined(password="sesame")
    for _ in range(12):
        await run.joined(password="sesame")
    for last in (False, True):
        guesser = await run.client()
        codes = [(await guesser.join(password=str(n)))["code"] for n in range(5)]
        assert codes == ["wrongPassword"] * 5
        if not last:
            # One who mistypes shuts nobody out.
            await run.joined(password="sesame")
    # The right one brought a guess of its own.
    guesser = await run.client()
    assert (await guesser.join(password="no"))["code"] == "wrongPassword"
    refused = await guesser.join(password="no")
    assert (refused["code"], refused["fatal"]) == ("tooMany", True)
    assert refused["retryAfter"] >= 1


async def test_guesses_at_one_moment_are_counted_before_they_are_verified(serve: Serve) -> None:
    run = await serve()
    await run.joined(password="sesame")
    guessers = [await run.client() for _ in range(40)]
    answers = await asyncio.gather(*(one.join(password="no") for one in guessers))
    codes = [answer["code"] for answer in answers]
    assert codes.count("wrongPassword") == 10
    assert codes.count("tooMany") == 30


async def test_a_class_that_knows_the_password_comes_in_at_once(serve: Serve) -> None:
    run = await serve(room_capacity=50)
    await run.joined(password="sesame")
    pupils = [await run.client() for _ in range(40)]
    answers = await asyncio.gather(*(one.join(password="sesame") for one in pupils))
    assert {answer["type"] for answer in answers} == {"welcome"}


async def test_a_hundred_pupils_behind_one_address_come_in_at_once(serve: Serve) -> None:
    run = await serve(room_capacity=50)
    classes = ("7A", "7B")
    await run.joined("7A", password="sesame")
    await run.joined("7B")
    pupils = [await run.client() for _ in range(98)]

    async def come_in(place: int) -> str:
        room = classes[place % 2]
        # Five mistype first.
        if place % 4 == 0 and place < 20:
            await pupils[place].join(room, password="sesamm")
        return str((await pupils[place].join(room, password="sesame"))["type"])

    answers = await asyncio.gather(*(come_in(place) for place in range(98)))
    assert answers.count("welcome") == 98


async def test_one_address_makes_so_many_rooms_and_then_others_still_can(serve: Serve) -> None:
    run = await serve(rooms_per_address=3, trusted_proxies=("127.0.0.1/32",), max_rooms=8)

    async def make(room: str, address: str) -> dict[str, Any]:
        headers = {"X-Forwarded-For": address} if address else {}
        return await (await run.client(headers=headers)).join(room)

    made = [await make(f"a{number}", "10.0.0.1") for number in range(3)]
    assert {answer["type"] for answer in made} == {"welcome"}
    refused = await make("a3", "10.0.0.1")
    assert (refused["code"], refused["retryAfter"]) == ("tooMany", 60)
    # Rooms that there are stay open to all, and others still make theirs.
    assert (await make("a0", "10.0.0.1"))["type"] == "welcome"
    assert (await make("b0", "10.0.0.2"))["type"] == "welcome"
    # A trusted proxy that does not say for whom it asks is no address.
    assert [(await make(f"p{n}", ""))["type"] for n in range(4)] == ["welcome"] * 4
    assert (await make("c0", "10.0.0.3"))["code"] == "serverBusy"
    # A room that is over counts no more.
    owner = run.clients[0]
    await owner.send("leave")
    await owner.closed()
    for client in run.clients[4:5]:
        await client.send("leave")
        await client.closed()
    assert (await make("a3", "10.0.0.1"))["type"] == "welcome"


async def test_who_may_create(serve: Serve) -> None:
    run = await serve(create_rooms=("10.0.0.0/8",))
    assert (await (await run.client()).join())["code"] == "createNotAllowed"
    async with run.http.get(run.url + "/api/rooms/x") as response:
        assert (await response.json())["mayCreate"] is False


async def test_proxy_is_believed_only_when_trusted(serve: Serve) -> None:
    run = await serve(create_rooms=("10.0.0.0/8",), trusted_proxies=("127.0.0.0/8",))
    headers = {"X-Forwarded-For": "10.9.9.9, 10.1.2.3"}
    assert (await (await run.client(headers=headers)).join())["type"] == "welcome"
    other = await serve(create_rooms=("10.0.0.0/8",))
    assert (await (await other.client(headers=headers)).join())["code"] == "createNotAllowed"


async def test_the_machine_of_a_trusted_proxy_may_make_rooms_where_it_is_named(
    serve: Serve,
) -> None:
    run = await serve(create_rooms=("127.0.0.0/8",), trusted_proxies=("127.0.0.0/8",))
    assert (await (await run.client()).join())["type"] == "welcome"


async def test_a_thousand_joins_from_one_address(serve: Serve) -> None:
    run = await serve(joins_per_minute=60, room_capacity=50)
    welcomed = refused = 0
    for number in range(1000):
        client = await run.client()
        message = await client.join(room=str(number % 2), name=f"n{number}")
        if message["type"] == "welcome":
            welcomed += 1
            await client.send("leave")
        else:
            refused += 1
            assert (message["code"], message["fatal"]) == ("tooMany", True)
            assert message["retryAfter"] >= 1
        assert await client.closed() == 1000
    # The bucket refills by one a second while the test runs, however slow it is.
    assert 60 <= welcomed < 500
    assert welcomed + refused == 1000


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("not json", "badMessage"),
        ("[]", "badMessage"),
        ("{}", "badMessage"),
        ('{"type": "dance"}', "badMessage"),
        ('{"type": "join", "version": 1, "room": "a", "name": "b", "features": 1}', "badMessage"),
        ('{"type": "join", "version": 1, "room": 5, "name": "b"}', "badMessage"),
        ('{"type": "join", "version": 1, "room": " ", "name": "b"}', "badRoomName"),
        ('{"type": "join", "version": 1, "room": "..", "name": "b"}', "badRoomName"),
        ('{"type": "join", "version": 1, "room": "a", "name": "a\\u0000"}', "badName"),
        ('{"type": "join", "version": 2, "room": "a", "name": "b"}', "badVersion"),
        ('{"type": "resume", "version": 1, "token": "no"}', "sessionExpired"),
        ('{"type": "chat", "text": "hi"}', "notJoined"),
        ('{"type": "answer", "id": 1, "sdp": ""}', "notJoined"),
        ("[" * 100_000, "badMessage"),
    ],
)
async def test_bad_first_messages(serve: Serve, text: str, code: str) -> None:
    client = await (await serve()).client()
    await client.socket.send_str(text)
    assert (await client.next())["code"] == code


async def test_a_newer_client_comes_in_and_is_refused_what_is_not_known(serve: Serve) -> None:
    run = await serve()
    client = await run.client()
    welcome = await client.join(features=["future"], locale="id")
    assert (welcome["type"], welcome["features"]) == ("welcome", [])
    await client.send("dance", id=7)
    refused = await client.get("error")
    assert (refused["code"], refused["request"], refused["fatal"]) == ("badMessage", "dance", False)
    assert "'dance'" in refused["message"]
    await client.send("ping", t=1, since=5)
    assert (await client.get("pong"))["t"] == 1


async def test_who_waits_is_let_in_and_whose_socket_is_lost_is_forgotten(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    lobby = Lobby("Host")
    monkeypatch.setattr(entrance, "NobodyLetsIn", lambda: lobby)
    run = await serve()
    ada, bo = await run.client(), await run.client()
    for client, name in ((ada, "Ada"), (bo, "Bo")):
        await client.send("join", version=1, room="room", name=name)
        await client.send("ping", t=1)
        await client.get("pong")
    bo.socket._response.connection.transport.abort()  # type: ignore[union-attr]
    while "Bo" in lobby.waiting:
        await asyncio.sleep(0.01)
    lobby.waiting["Ada"].set_result(None)
    assert (await ada.get("welcome"))["participants"] == []


async def test_messages_out_of_order(serve: Serve) -> None:
    run = await serve()
    client = await run.joined()
    await client.send("join", version=1, room="a", name="b")
    assert (await client.get("error"))["code"] == "alreadyJoined"
    await client.send("answer", id=7, sdp="v=0")
    refused = await client.get("error")
    assert (refused["code"], refused["id"]) == ("notNegotiating", 7)
    await client.send("mute", track="t", muted=True)
    assert (await client.get("error"))["code"] == "unknownTrack"
    await client.send("publish", id=3, sdp="hello", tracks=[])
    refused = await client.get("error")
    assert (refused["code"], refused["id"], refused["fatal"]) == ("badSdp", 3, False)
    await client.send("chat", text=" \x00 ")
    assert (await client.get("error"))["code"] == "badMessage"
    await client.publish(5)
    await client.send("publish", id=4, sdp=offer("chromium"), tracks=[])
    assert (await client.get("error"))["code"] == "badMessage"
    await client.send("ping", t=12)
    assert (await client.get("pong"))["t"] == 12


async def test_a_bad_offer_changes_nothing(serve: Serve) -> None:
    run = await serve()
    client = await run.joined()
    tracks = [{"mid": "0", "source": "microphone"}, {"mid": "1", "source": "camera"}]
    neither = offer("chromium").replace("VP8/90000", "VP7/90000").replace("opus/", "opera/")
    await client.send("publish", id=1, sdp=neither, tracks=tracks)
    assert (await client.get("error"))["code"] == "noOpus"
    await client.send("publish", id=2, sdp=neither.replace("m=audio 9", "m=audio 0"), tracks=tracks)
    assert (await client.get("error"))["code"] == "badMessage"
    wrong = [{"mid": "0", "source": "camera"}, {"mid": "1", "source": "camera"}]
    await client.send("publish", id=3, sdp=offer("chromium"), tracks=wrong)
    assert (await client.get("error"))["code"] == "badMessage"
    assert run.worker.all(OpenTransport) == []


async def test_a_line_that_cannot_be_used_is_rejected_beside_others(serve: Serve) -> None:
    run = await serve()
    ada, bo = await run.joined(), await run.joined(name="Bo")
    tracks = [{"mid": "0", "source": "microphone"}, {"mid": "1", "source": "camera"}]
    no_vp8 = offer("chromium").replace("VP8/90000", "VP7/90000")
    await ada.send("publish", id=1, sdp=no_vp8, tracks=tracks)
    published = await ada.get("published")
    assert [track["mid"] for track in published["tracks"]] == ["0"]
    assert published["rejected"] == [{"mid": "1", "code": "noVp8"}]
    assert (await bo.get("trackPublished"))["track"]["source"] == "microphone"
    await ada.send("publish", id=2, sdp=offer("chromium"), tracks=tracks)
    assert (await ada.get("published"))["rejected"] == []
    assert (await bo.get("trackPublished"))["track"]["source"] == "camera"


async def test_many_unusable_descriptions_end_the_connection(serve: Serve) -> None:
    run = await serve()
    ada, bo = await run.joined(), await run.joined(name="Bo")
    await ada.publish(1)
    number = (await bo.get("offer"))["id"]
    for _ in range(session.MAX_BAD_MESSAGES + 1):
        await bo.send("answer", id=number, sdp="v=1")
    await bo.closed()
    refused = [message for message in bo.seen if message["type"] == "error"]
    assert [(one["code"], one["fatal"]) for one in refused] == [
        *[("badSdp", False)] * 20,
        ("badSdp", True),
    ]


async def test_many_bad_messages_end_the_connection(serve: Serve) -> None:
    client = await (await serve()).client()
    for _ in range(session.MAX_BAD_MESSAGES + 1):
        await client.socket.send_str("?")
    await client.closed()
    assert [message["fatal"] for message in client.seen] == [False] * 20 + [True]


async def test_a_mebibyte_and_binary(serve: Serve) -> None:
    run = await serve()
    client = await run.joined()
    await client.socket.send_str('{"type": "chat", "text": "' + "x" * (1 << 20) + '"}')
    assert await client.closed() == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
    other = await run.client()
    await other.socket.send_bytes(b"\x00")
    assert (await other.next())["code"] == "badMessage"


async def test_repeated_publish_gets_the_same_answer(serve: Serve) -> None:
    run = await serve()
    client = await run.joined()
    first = await client.publish(1)
    assert await client.publish(1) == first
    assert len(run.worker.all(SetUpTracks)) == 1


async def test_publish_again_keeps_tracks_and_ends_closed_ones(serve: Serve) -> None:
    run = await serve()
    ada, bo = await run.joined(name="Ada"), await run.joined(name="Bo")
    first = await ada.publish(1)
    without_video = offer("chromium").replace("m=video 9", "m=video 0")
    without_video = without_video.replace("BUNDLE 0 1", "BUNDLE 0")
    await ada.send(
        "publish", id=2, sdp=without_video, tracks=[{"mid": "0", "source": "microphone"}]
    )
    second = await ada.get("published")
    assert second["tracks"] == first["tracks"][:1]
    assert (await bo.get("trackUnpublished"))["track"] == first["tracks"][1]["track"]
    restarted = await ada.publish(1, restart=True)
    assert restarted["tracks"][0]["track"] != first["tracks"][0]["track"]
    old = run.worker.all(OpenTransport)[0].transport
    assert (await run.worker.expect(CloseTransport)).transport == old


async def test_resume_after_a_dropped_socket(serve: Serve) -> None:
    run = await serve()
    ada, bo = await run.joined(name="Ada"), await run.joined(name="Bo")
    await ada.publish()
    pending = await bo.get("offer")
    bo.socket._response.connection.transport.abort()  # type: ignore[union-attr]
    again = await run.client()
    await again.send("resume", version=1, token=bo.token)
    welcome = await again.get("welcome")
    assert (welcome["participant"], welcome["resumed"]) == (bo.me, True)
    assert len(welcome["participants"][0]["tracks"]) == 2
    assert await again.get("offer") == pending
    assert run.worker.all(CloseTransport) == []
    assert all(message["type"] != "participantLeft" for message in ada.seen)


async def test_resume_takes_over_from_a_half_open_socket(serve: Serve) -> None:
    run = await serve()
    old = await run.joined()
    new = await run.client()
    await new.send("resume", version=1, token=old.token)
    await new.get("welcome")
    assert await old.closed() == websocket.CLOSE_REPLACED
    await new.send("chat", text="still here")
    assert (await new.get("chat"))["participant"] == old.me


async def test_lost_worker_is_replaced_and_people_notified(serve: Serve) -> None:
    run = await serve()
    ada, bo = await run.joined(name="Ada"), await run.joined(name="Bo")
    before = await ada.publish()
    await bo.take_offer()
    run.worker.die()
    for client in (ada, bo):
        assert (await client.get("reset"))["reason"] == "workerLost"
    assert any(message["type"] == "trackUnpublished" for message in bo.seen)
    second = await run.launch.nth(2)
    assert (await second.expect(OpenRouter)).room == "room"
    after = await ada.publish(1, restart=True)
    assert after["tracks"][0]["track"] != before["tracks"][0]["track"]
    fresh = await bo.take_offer()
    assert (fresh["restart"], len(fresh["tracks"])) == (True, 2)
    await second.expect(SetDownTracks)


async def test_worker_events_reach_the_client(serve: Serve) -> None:
    run = await serve()
    ada, bo = await run.joined(name="Ada"), await run.joined(name="Bo")
    await ada.publish()
    await bo.take_offer()
    publish = await run.worker.expect(OpenTransport)
    subscribe = await run.worker.expect(OpenTransport, 2)
    run.worker.send(TransportChanged(transport=publish.transport, state="connected"))
    message = await ada.get("transport")
    assert (message["connection"], message["state"]) == ("publish", "connected")
    run.worker.send(AudioLevels(publish.router, {ada.me: 20, "nobody": 3}))
    assert (await bo.get("speaking"))["participants"] == [{"id": ada.me, "level": 20}]
    run.worker.send(
        TransportChanged(transport=subscribe.transport, state="failed", reason="dtlsTimeout")
    )
    message = await bo.get("transport")
    assert (message["connection"], message["reason"]) == ("subscribe", "dtlsTimeout")
    await bo.send("resubscribe")
    assert (await bo.take_offer())["restart"] is True
    run.worker.send(
        TransportChanged(transport=publish.transport, state="closed", reason="consentExpired")
    )
    assert (await ada.get("transport"))["reason"] == "consentExpired"
    await bo.get("trackUnpublished")


async def test_who_is_gone_holds_no_shutdown_up(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await serve()
    ada = await run.joined()
    await ada.socket.close()
    # The session has not ended yet, and nothing will ever be written to it.
    monkeypatch.setattr(server, "CLOSING", 600.0)
    await run.server.close()
    assert run.worker.all(Drain)


async def test_closing_is_announced(serve: Serve) -> None:
    run = await serve()
    client = await run.joined()
    closing = asyncio.create_task(run.server.close())
    assert (await client.get("closing"))["reason"] == "shutdown"
    assert await client.closed() == aiohttp.WSCloseCode.GOING_AWAY
    await closing
    assert run.worker.all(Drain)


async def test_stats_need_the_token(serve: Serve) -> None:
    run = await serve()
    await (await run.joined()).publish()
    transport = (await run.worker.expect(OpenTransport)).transport
    measured = transport_stats(
        transport, 5, rtt_ms=20.0, loss_percent=1.5, jitter_ms=3.0, estimate_bps=9, target_bps=8
    )
    run.worker.send(
        stats(packets_forwarded=7, drops={"stranger": 2}, shedding=1, per_transport=(measured,))
    )
    async with run.http.get(run.url + "/api/stats") as response:
        assert response.status == 401
    headers = {"Authorization": f"Bearer {TOKEN}"}
    while True:
        async with run.http.get(run.url + "/api/stats", headers=headers) as response:
            body = await response.json()
        if "drops" in body["workers"][0]:
            break
    assert body["workers"][0]["packetsForwarded"] == 7
    assert body["workers"][0]["drops"] == {"stranger": 2}
    assert (body["workers"][0]["shedding"], body["workers"][0]["tcpPort"]) == (1, 5001)
    (one,) = body["workers"][0]["perTransport"]
    assert (one["room"], one["direction"], one["rttMs"]) == ("room", "publish", 20.0)
    assert (one["lossPercent"], one["jitterMs"]) == (1.5, 3.0)
    assert (one["estimateBps"], one["targetBps"]) == (9, 8)
    assert (body["server"]["rooms"], body["server"]["participants"]) == (1, 1)


async def test_pages_and_headers(serve: Serve) -> None:
    run = await serve()
    for path in ("/", "/r/a%20room", "/r/kamar/b"):
        async with run.http.get(run.url + path) as response:
            assert response.status == 200
            assert response.content_type == "text/html"
            assert "script-src 'self'" in response.headers["Content-Security-Policy"]
            assert response.headers["Cache-Control"] == "no-cache"
            etag = response.headers["ETag"]
        async with run.http.get(run.url + path, headers={"If-None-Match": etag}) as response:
            assert response.status == 304
    async with run.http.get(run.url + "/static/client/conference.js") as response:
        assert response.content_type == "text/javascript"
    for path in ("/static/../signaling/server.py", "/static/%2e%2e/pyproject.toml", "/static/x.py"):
        async with run.http.get(run.url + path) as response:
            assert response.status == 404
    for path in ("/healthz", "/readyz"):
        async with run.http.get(run.url + path) as response:
            assert response.status == 200


async def test_other_sites_may_not_connect(serve: Serve) -> None:
    run = await serve(allowed_origins=("https://friend.example",))
    await (await run.client(origin=run.url)).join()
    await (await run.client(origin="https://friend.example")).join()
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await run.client(origin="https://evil.example")
    assert refused.value.status == 403


async def test_too_many_sockets(serve: Serve) -> None:
    run = await serve(max_sockets=4)
    kept = [await run.joined() for _ in range(2)]
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await run.client()
    assert refused.value.status == 503
    assert len(kept) == 2


async def test_sockets_by_which_nobody_joins_make_room(serve: Serve) -> None:
    run = await serve(max_sockets=4)
    silent = [await run.client() for _ in range(3)]
    assert (await silent[0].socket.receive(timeout=20)).type is aiohttp.WSMsgType.CLOSED
    ada = await run.joined()
    assert (await silent[1].socket.receive(timeout=20)).type is aiohttp.WSMsgType.CLOSED
    await ada.send("ping", t=1)
    assert (await ada.get("pong"))["t"] == 1


async def test_a_socket_that_dies_before_its_upgrade_is_no_fault(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run = await serve()
    prepare = web.WebSocketResponse.prepare

    async def too_late(response: web.WebSocketResponse, request: web.BaseRequest) -> object:
        assert request.transport is not None
        request.transport.abort()
        while request.transport is not None:
            await asyncio.sleep(0)
        return await prepare(response, request)

    monkeypatch.setattr(web.WebSocketResponse, "prepare", too_late)
    with pytest.raises(aiohttp.ClientError):
        await run.client()
    monkeypatch.undo()
    assert (await (await run.client()).join())["type"] == "welcome"
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
