"""The WebSocket that all participants of our server share, against a scripted server."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bench.light.channel import Stream
from bench.light.signaling import (
    ParticipantError,
    Signaling,
    published_tracks,
    reason_of_loss,
)

Answers = Callable[[dict[str, Any]], list[dict[str, Any]] | None]
"""What a message is answered with; None closes the socket."""
WELCOME = {"type": "welcome", "participant": "p1"}


@contextlib.asynccontextmanager
async def signaling(answers: Answers) -> AsyncIterator[Signaling]:
    async def serve(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            found = answers(json.loads(message.data))
            if found is None:
                await socket.close()
                break
            for one in found:
                await socket.send_json(one)
        return socket

    app = web.Application()
    app.router.add_get("/ws", serve)
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        made = Signaling(http, str(server.make_url("")).rstrip("/"), seconds=5.0)
        yield made
        await made.leave()


async def test_a_refusal_has_the_servers_words_and_code() -> None:
    refusal = {"type": "error", "code": "roomFull", "message": "the room is full", "fatal": False}
    async with signaling(lambda _: [refusal]) as one:
        with pytest.raises(ParticipantError, match="the room is full") as caught:
            await one.join("r", "n")
        assert caught.value.code == "roomFull"
        assert one.counts == {"error roomFull": 1}


def answering(published: dict[str, Any] | None) -> Answers:
    def answers(message: dict[str, Any]) -> list[dict[str, Any]] | None:
        if message["type"] == "join":
            return [WELCOME]
        if message["type"] == "publish" and published is not None:
            return [{"type": "chat"}, published]
        return None

    return answers


async def test_publishing_gives_the_answer_and_the_owner_gets_every_message() -> None:
    got: list[str] = []

    async def receive(message: dict[str, Any]) -> None:
        got.append(message["type"])

    async with signaling(answering({"type": "published", "sdp": "v=0"})) as one:
        await one.join("r", "n")
        one.listen(receive)
        assert (await one.publish("v=0", []))["sdp"] == "v=0"
        assert list(one.sent) == ["join", "publish"]
    assert got == ["chat", "published", "closed"]
    assert one.ended.is_set()


@pytest.mark.parametrize(
    ("published", "reason"),
    [
        ({"type": "error", "id": 1, "code": "badSdp", "message": "no audio"}, "badSdp: no audio"),
        (None, "the WebSocket was closed"),
    ],
)
async def test_publishing_fails_with_the_reason(
    published: dict[str, Any] | None, reason: str
) -> None:
    async with signaling(answering(published)) as one:
        await one.join("r", "n")
        one.listen(lambda _: asyncio.sleep(0))
        with pytest.raises(ParticipantError, match=reason):
            await one.publish("v=0", [])


async def test_after_the_end_sending_fails_and_leaving_does_not() -> None:
    async with signaling(answering(None)) as one:
        await one.join("r", "n")
        await one.leave()
        with pytest.raises(ParticipantError, match="closed"):
            await one.send("ping", t=1)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"type": "transport", "connection": "publish", "state": "connected"}, ""),
        (
            {"type": "transport", "connection": "publish", "state": "failed", "reason": ""},
            "publish connection failed: no reason",
        ),
        ({"type": "reset"}, "the server sent reset"),
        ({"type": "chat"}, ""),
    ],
)
def test_messages_that_end_a_call(message: dict[str, Any], reason: str) -> None:
    assert reason_of_loss(message) == reason


def test_a_track_with_layers_is_published_once() -> None:
    layers = [Stream("video", n, 96, "1", rid) for n, rid in enumerate(("q", "h", "f"))]
    assert published_tracks([Stream("audio", 9, 111, "0"), *layers]) == [
        {"mid": "0", "source": "microphone", "muted": False},
        {"mid": "1", "source": "camera", "muted": False},
    ]
