from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType
from yarl import URL

from qos import grades
from signaling.admin import live, wire
from tests.signaling.admin.app import TOKEN, Running
from tests.signaling.samples import Calls

Http = aiohttp.ClientSession
Socket = aiohttp.ClientWebSocketResponse


async def connect(running: Running, http: Http, **more: Any) -> Socket:
    socket: Socket = await http.ws_connect(f"{running.url}/api/admin/live", **more)
    return socket


async def get(socket: Socket, kind: str) -> dict[str, Any]:
    while True:
        frame = await socket.receive(timeout=20)
        assert frame.type is WSMsgType.TEXT, frame
        message: dict[str, Any] = json.loads(frame.data)
        if message["type"] == kind:
            return message


async def close_code(socket: Socket) -> int | None:
    while (await socket.receive(timeout=20)).type is WSMsgType.TEXT:
        pass
    return socket.close_code


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def test_strangers_and_other_sites_see_nothing(running: Running, admin: Http) -> None:
    async with aiohttp.ClientSession() as stranger:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await connect(running, stranger, headers={"Origin": running.url})
        assert refused.value.status == 401
    for origin in ("https://elsewhere.example", "http://127.0.0.1:1"):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await connect(running, admin, headers={"Origin": origin})
        assert refused.value.status == 403


async def test_a_page_sees_each_second_as_it_comes(running: Running, admin: Http) -> None:
    calls = Calls()
    socket = await connect(running, admin)
    hello = await get(socket, "hello")
    assert hello["columns"]["person"] == list(wire.PERSON)
    for _ in range(3):
        sample, _ = calls.step()
        running.admin.add_sample(sample)
        message = await get(socket, "second")
        assert message["at"] == sample.at
        assert len(message["rooms"]) == 2
    await socket.close()


async def test_who_comes_later_sees_the_newest_second_at_once(
    running: Running, admin: Http
) -> None:
    sample, _ = Calls().step()
    running.admin.add_sample(sample)
    socket = await connect(running, admin)
    assert (await get(socket, "second"))["at"] == sample.at
    await socket.close()


async def test_detail_is_for_whom_one_looks_at(running: Running, admin: Http) -> None:
    sample, _ = Calls().step()
    running.admin.add_sample(sample)
    person = sample.rooms[0].people[0].participant
    socket = await connect(running, admin)
    await socket.send_json({"type": "watch", "participant": person, "profile": "g1010"})
    detail = await get(socket, "tracks")
    assert detail["participant"] == person
    assert detail["tracks"]
    await socket.send_json({"type": "watch", "room": sample.rooms[1].room})
    assert (await get(socket, "tracks"))["room"] == sample.rooms[1].room
    await socket.close()


async def test_grades_come_by_the_chosen_profile(running: Running, admin: Http) -> None:
    sample, _ = Calls().step()
    running.admin.add_sample(sample)
    socket = await connect(running, admin)
    await socket.send_json({"type": "watch", "profile": "cisco-video"})
    while (await get(socket, "second"))["profile"] != "cisco-video":
        pass
    await socket.close()


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"type": "watch", "more": 1}',
        '{"type": "other"}',
        '{"type": "watch", "profile": "none"}',
        '{"type": "watch", "room": "' + "x" * 301 + '"}',
    ],
)
async def test_rubbish_ends_the_connection(running: Running, admin: Http, text: str) -> None:
    socket = await connect(running, admin)
    await socket.send_str(text)
    assert await close_code(socket) == aiohttp.WSCloseCode.POLICY_VIOLATION


async def test_bytes_and_floods_end_the_connection(running: Running, admin: Http) -> None:
    socket = await connect(running, admin)
    await socket.send_bytes(b"watch")
    assert await close_code(socket) == aiohttp.WSCloseCode.POLICY_VIOLATION
    socket = await connect(running, admin)
    await socket.send_str("x" * (live.MAX_MESSAGE + 1))
    assert await close_code(socket) == aiohttp.WSCloseCode.MESSAGE_TOO_BIG


async def test_logging_out_ends_what_is_open(running: Running, admin: Http) -> None:
    calls = Calls()
    socket = await connect(running, admin)
    await get(socket, "hello")
    async with admin.post(f"{running.url}/api/admin/logout", json={}) as answer:
        assert answer.status == 200
    running.admin.add_sample(calls.step()[0])
    assert await close_code(socket) == live.NOT_ADMIN


async def test_a_program_looks_with_the_token(running: Running, http: Http) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    socket = await connect(running, http, headers=headers)
    await get(socket, "hello")
    running.admin.add_sample(Calls().step()[0])
    await get(socket, "second")
    await socket.close()


async def test_readers_are_bounded(
    running: Running, admin: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST", 2)
    sockets = [await connect(running, admin) for _ in range(2)]
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await connect(running, admin)
    assert refused.value.status == 503
    await sockets[0].close()
    await until(lambda: running.admin.live.readers == 1)
    third = await connect(running, admin)
    await get(third, "hello")
    for socket in (sockets[1], third):
        await socket.close()


async def test_a_reader_that_stops_reading_is_cut_off_and_holds_nobody_up(
    running: Running, admin: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "STALLED", 0.5)
    cookies = admin.cookie_jar.filter_cookies(URL(running.url))
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())
    # Raw, without compression, and with a small window: nothing is read after the handshake.
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port, limit=2048)
    writer.write(
        "GET /api/admin/live HTTP/1.1\r\n"
        f"Host: 127.0.0.1:{running.port}\r\nOrigin: {running.url}\r\nCookie: {cookie}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
    )
    await reader.readuntil(b"\r\n\r\n")
    watching = await connect(running, admin)
    await until(lambda: running.admin.live.readers == 2)
    monkeypatch.setattr(live, "TOO_SLOW", 0.0)
    sample, _ = Calls(rooms=10, people=10, tracks=False).step()
    async with asyncio.timeout(60):
        while running.admin.live.readers == 2:
            running.admin.add_sample(sample)
            # The other one goes on, second after second.
            await get(watching, "second")
    assert running.admin.live.readers == 1
    writer.close()
    await watching.close()


def test_hello_carries_the_tables_of_the_profiles() -> None:
    message = live.hello((0.001, 0.01))
    assert list(message["profiles"]) == list(grades.PROFILES)
    for profile, entry in message["profiles"].items():
        for kind in ("audio", "video"):
            for figure in grades.FIGURES:
                table = grades.bands(profile, kind, figure)
                assert [band[0] for band in entry[kind][figure]] == [band.index for band in table]
        # The words change where the profile's own do.
        for step in range(401):
            overall = step / 100
            least, word = next(one for one in entry["overall"] if overall >= one[0] - 1e-9)
            assert word == grades.words_of(profile, overall), (profile, overall, least)
    assert json.loads(json.dumps(message)) == json.loads(live._encode(message))
