"""What stands behind the calls, through the whole signaling process with a fake media worker."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from signaling.connection import websocket
from tests.signaling.conftest import TOKEN, Running, Serve
from tests.signaling.fakes import stats

ADMIN = {"Authorization": f"Bearer {TOKEN}"}


async def seconds(run: Running, count: int) -> None:
    """Let the worker speak so often; the meter makes a sample of each."""
    for _ in range(count):
        before = run.server.listeners.meter.sampled_at
        run.worker.send(stats())
        while run.server.listeners.meter.sampled_at == before:
            await asyncio.sleep(0.01)


async def ask(run: Running, path: str, **body: Any) -> tuple[int, Any]:
    method = run.http.post if body else run.http.get
    more = {"json": body} if body else {}
    async with method(run.url + path, headers=ADMIN, **more) as response:
        return response.status, await response.json(content_type=None)


async def report(run: Running, done: Any) -> Any:
    """The only call's report, once it is as `done` wants it."""
    while True:
        status, listed = await ask(run, "/api/admin/calls")
        if status == 200 and listed["calls"]:
            _, found = await ask(run, f"/api/admin/calls/{listed['calls'][0]['call']}")
            if done(found):
                return found
        await asyncio.sleep(0.05)


async def test_who_was_there_and_what_they_said_is_kept(serve: Serve) -> None:
    run = await serve()
    ada, bo = await run.joined(name="Ada"), await run.joined(name="Bo")
    await seconds(run, 2)
    await ada.send("leave")
    await ada.closed()
    await seconds(run, 1)
    vote = {"room": "room", "participant": ada.me, "token": ada.token, "audio": "good"}
    async with run.http.post(run.url + "/api/votes", json=vote) as response:
        assert response.status == 204
    forged = vote | {"token": bo.token}
    async with run.http.post(run.url + "/api/votes", json=forged) as response:
        assert (response.status, await response.json()) == (403, {"error": "notInCall"})
    found = await report(run, lambda found: any(one["votes"]["audio"] for one in found["people"]))
    names = {person["name"]: person for person in found["people"]}
    assert set(names) == {"Ada", "Bo"}
    assert names["Ada"]["votes"] == {"audio": "good", "video": None}
    kinds = [event["kind"] for event in found["events"]]
    assert kinds.count("joined") == 2
    assert kinds.count("left") == 1


async def test_the_history_survives_a_restart(serve: Serve) -> None:
    run = await serve()
    await run.joined(name="Ada")
    await seconds(run, 2)
    await run.server.close()
    again = await serve()
    found = await report(again, lambda found: True)
    assert [person["name"] for person in found["people"]] == ["Ada"]


async def test_without_a_history_everything_else_goes_on(serve: Serve, tmp_path: Any) -> None:
    run = await serve(history=False)
    await run.joined(name="Ada")
    await seconds(run, 1)
    sample = run.server.listeners.meter.latest
    assert sample is not None
    assert sample.server.history == "off"
    assert (await ask(run, "/api/admin/session"))[1] == {"admin": True}
    assert not (tmp_path / "history.db").exists()


async def test_an_admin_puts_one_out_who_is_notified(serve: Serve) -> None:
    run = await serve()
    ada, bo = await run.joined(name="Ada"), await run.joined(name="Bo")
    assert (await ask(run, f"/api/admin/participants/{ada.me}/remove", why=""))[0] == 200
    left = await bo.get("participantLeft")
    assert (left["participant"], left["reason"]) == (ada.me, "removed")
    assert await ada.closed() == websocket.CLOSE_REMOVED
    assert (await ask(run, f"/api/admin/participants/{ada.me}/remove", why=""))[0] == 404


async def test_who_is_put_out_while_away_does_not_come_back_by_themselves(serve: Serve) -> None:
    run = await serve()
    ada, bo = await run.joined(name="Ada"), await run.joined(name="Bo")
    ada.socket._response.connection.transport.abort()  # type: ignore[union-attr]
    assert (await ask(run, f"/api/admin/participants/{ada.me}/remove", why=""))[0] == 200
    assert (await bo.get("participantLeft"))["reason"] == "removed"
    again = await run.client()
    await again.send("resume", version=1, token=ada.token)
    refused = await again.get("error")
    assert (refused["code"], refused["fatal"]) == ("removed", True)
    # It is their page that stays out. A person who asks to be let in is somebody new.
    assert (await (await run.client()).join(name="Ada"))["type"] == "welcome"


async def test_an_admin_closes_a_room(serve: Serve) -> None:
    run = await serve()
    people = [await run.joined(name=name) for name in ("Ada", "Bo")]
    other = await run.joined("elsewhere", "Citra")
    assert (await ask(run, "/api/admin/rooms/room/close", why=""))[0] == 200
    for one in people:
        assert await one.closed() == websocket.CLOSE_REMOVED
    assert list(run.server.rooms.rooms) == ["elsewhere"]
    assert not other.socket.closed


@pytest.mark.parametrize("path", ["calls", "captures", "series"])
async def test_strangers_get_nothing(serve: Serve, path: str) -> None:
    run = await serve()
    async with run.http.get(f"{run.url}/api/admin/{path}") as response:
        assert response.status == 401


async def test_a_capture_of_nobody_is_refused(serve: Serve) -> None:
    run = await serve()
    status, body = await ask(run, "/api/admin/captures", participant="nobody")
    assert (status, body) == (404, {"error": "notFound"})
