from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from signaling.access import tokens
from signaling.records import routes
from signaling.records.store import Records
from signaling.records.voters import Voters
from tests.signaling.records.conftest import Open, feed
from tests.signaling.samples import START, Calls

ADMIN = {"Authorization": "Bearer admin"}
CALL = "call001x000"
PERSON = "p00100000001"
Client = TestClient[web.Request, web.Application]


async def allowed(request: web.Request) -> None:
    if request.headers.get("Authorization") != ADMIN["Authorization"]:
        raise web.HTTPUnauthorized


@pytest.fixture
def records(open_records: Open) -> Records:
    found = open_records()
    feed(found, 70, Calls(rooms=2, people=3), end=True)
    return found


Serve = Callable[..., Awaitable[Client]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    opened: list[Client] = []

    async def start(records: Records) -> Client:
        voters = Voters()
        voters.left("p0010000001", tokens.digest("secret"), CALL, now=0.0)

        def voter(request: web.Request, room: str, participant: str, token: str) -> str | None:
            call = voters.call_of(participant, token, now=1.0)
            wait = voters.wait(participant, now=1.0)
            if call is not None and wait:
                raise routes.too_many(wait)
            return call

        app = web.Application()
        routes.add_routes(app, records, allowed, voter)
        client = TestClient(TestServer(app))
        await client.start_server()
        opened.append(client)
        return client

    yield start
    for client in opened:
        await client.close()


@pytest.mark.parametrize(
    "path",
    [
        "/api/admin/calls",
        f"/api/admin/calls/{CALL}",
        f"/api/admin/calls/{CALL}.csv",
        f"/api/admin/calls/{CALL}.json",
        f"/api/admin/series?call={CALL}",
        "/api/admin/opinions",
    ],
)
async def test_admins_only(records: Records, serve: Serve, path: str) -> None:
    client = await serve(records)
    assert (await client.get(path)).status == 401
    answer = await client.get(path, headers=ADMIN)
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"


async def ask(client: Client, path: str) -> Any:
    answer = await client.get(path, headers=ADMIN)
    assert answer.status == 200, await answer.text()
    return await answer.json()


async def test_list_report_and_chart(records: Records, serve: Serve) -> None:
    client = await serve(records)
    listed = await ask(client, "/api/admin/calls?search=phys&limit=5&order=worst")
    assert (listed["total"], listed["calls"][0]["call"]) == (1, CALL)
    report = await ask(client, f"/api/admin/calls/{CALL}")
    assert report["people"][0]["up"]["grades"][0]["profile"] == "tiphon"
    chart = await ask(
        client,
        f"/api/admin/series?call={CALL}&points=10&direction=outbound&tracks=1"
        f"&participant=p0010000001&since={START}&until={START + 60}",
    )
    assert {series["kind"] for series in chart["series"]} == {"both", "audio", "video"}
    assert all(0 < len(series["points"]["at"]) <= 10 for series in chart["series"])
    opinions = await ask(client, "/api/admin/opinions")
    assert opinions["audio"]["votes"]["n"] == 0


async def test_downloads(records: Records, serve: Serve) -> None:
    client = await serve(records)
    answer = await client.get(f"/api/admin/calls/{CALL}.csv", headers=ADMIN)
    name = answer.headers["Content-Disposition"]
    assert name.startswith('attachment; filename="Physics-2-2027-01-15-')
    assert name.endswith(".csv")
    assert answer.content_type == "text/csv"
    # With a byte order mark, so that spreadsheets read it as UTF-8.
    assert (await answer.read()).startswith(b'\xef\xbb\xbf"room","call","participant","name",')
    whole = await ask(client, f"/api/admin/calls/{CALL}.json")
    shown = await ask(client, f"/api/admin/calls/{CALL}")
    assert whole | {"made": 0} == shown | {"made": 0}


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/admin/calls/nobody", 404, "unknownCall"),
        ("/api/admin/calls/nobody.csv", 404, "unknownCall"),
        ("/api/admin/series?call=nobody", 404, "unknownCall"),
        ("/api/admin/series", 400, "badQuery"),
        (f"/api/admin/series?call={CALL}&points=many", 400, "badQuery"),
        (f"/api/admin/series?call={CALL}&points=1000000", 400, "badQuery"),
        (f"/api/admin/series?call={CALL}&since=nan", 400, "badQuery"),
        (f"/api/admin/series?call={CALL}&until=-1", 400, "badQuery"),
        (f"/api/admin/series?call={CALL}&direction=up", 400, "badQuery"),
        ("/api/admin/calls?limit=inf", 400, "badQuery"),
        ("/api/admin/calls?order=best", 400, "badQuery"),
        ("/api/admin/calls?search=" + "x" * 200, 400, "badQuery"),
        ("/api/admin/opinions?from=1e99", 400, "badQuery"),
    ],
)
async def test_bad_questions(
    records: Records, serve: Serve, path: str, status: int, code: str
) -> None:
    client = await serve(records)
    answer = await client.get(path, headers=ADMIN)
    assert (answer.status, await answer.json()) == (status, {"error": code})


async def test_without_a_history(tmp_path: Path, serve: Serve, open_records: Open) -> None:
    (tmp_path / "file").touch()
    client = await serve(open_records(tmp_path / "file" / "nowhere"))
    answer = await client.get("/api/admin/calls", headers=ADMIN)
    assert (answer.status, await answer.json()) == (503, {"error": "noHistory"})


def vote(**more: Any) -> dict[str, Any]:
    base = {"room": "Physics 2", "participant": "p0010000001", "token": "secret"}
    return base | {"audio": "good", "video": None} | more


async def test_votes(records: Records, serve: Serve) -> None:
    client = await serve(records)
    assert (await client.post("/api/votes", json=vote())).status == 204
    assert (await client.post("/api/votes", json=vote(audio="fair", video="bad"))).status == 204
    assert await asyncio.to_thread(records.flush)
    report = await ask(client, f"/api/admin/calls/{CALL}")
    votes = [person["votes"] for person in report["people"]]
    assert votes[1] == {"audio": "fair", "video": "bad"}
    assert votes[0] == {"audio": None, "video": None}
    statuses = [(await client.post("/api/votes", json=vote())).status for _ in range(4)]
    assert statuses == [204, 204, 204, 429]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "badVote"),
        (b"[]", 400, "badVote"),
        (b"\xff\xfe", 400, "badVote"),
        (b"[" * 1500, 400, "badVote"),
        (b'{"a":"' + b"x" * 4000 + b'"}', 400, "badVote"),
        (vote(audio=None), 400, "badVote"),
        (vote(audio=5), 400, "badVote"),
        (vote(audio="5"), 400, "badVote"),
        (vote(audio="superb"), 400, "badVote"),
        (vote(extra=1), 400, "badVote"),
        (vote(token="x" * 500), 400, "badVote"),
        (vote(token="guess"), 403, "notInCall"),
        (vote(participant="p0010000002"), 403, "notInCall"),
    ],
)
async def test_votes_that_do_not_count(
    records: Records, serve: Serve, body: Any, status: int, code: str
) -> None:
    client = await serve(records)
    sent = {"data": body} if isinstance(body, bytes) else {"json": body}
    answer = await client.post("/api/votes", **sent)
    assert (answer.status, await answer.json()) == (status, {"error": code})


async def test_a_vote_without_a_length(records: Records, serve: Serve) -> None:
    client = await serve(records)

    async def pieces() -> AsyncIterator[bytes]:
        yield b"{}"

    answer = await client.post("/api/votes", data=aiohttp.AsyncIterablePayload(pieces()))
    assert answer.status == 400
