"""A simulated participant's signaling with Janus VideoRoom (WebSocket, `janus-protocol`).

One handle publishes. `JanusClient` subscribes with one more handle to everybody's streams at once
(the multistream VideoRoom of Janus 1.x), so that Janus has the same two transports a participant as
our server; that is its cheapest mode. `JanusPerFeedClient` takes a handle, and so a connection, for
each publisher: the only mode of Janus 0.x, and still that of most clients.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from typing import Any

import aiohttp

from bench.light import sdp
from bench.light.channel import OpenTransport, Track
from bench.light.participant import LightParticipant, LoadGenerator, failing_as
from bench.light.signaling import SIGNALING_SECONDS, ParticipantError, web_socket
from signaling.negotiation.sdp import parse as parse_sdp

KEEPALIVE_SECONDS = 20.0
_PLUGIN = "janus.plugin.videoroom"


class JanusClient(LightParticipant):
    """One participant."""

    def __init__(self, generator: LoadGenerator, participant: int) -> None:
        super().__init__(generator, participant)
        self._people = generator.people
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._session = 0
        self._publisher = 0
        self._feed = ""
        self._room = 0
        self._numbers = itertools.count(1)
        self._replies: dict[str, asyncio.Queue[dict[str, Any]]] = {}
        self._kinds = 0
        self._feeds: set[int] = set()
        """Who publishes in the room, of the others."""
        self._announced = asyncio.Event()

    async def join(self, room: str) -> None:
        """`room` is a number as text; who comes first makes the room."""
        self._room = int(room)
        try:
            async with asyncio.timeout(SIGNALING_SECONDS):
                self._socket = await web_socket(
                    self._generator.http, self._generator.url, protocols=("janus-protocol",)
                )
                self._tasks.append(asyncio.create_task(self._read()))
                self._session = (await self._ask({"janus": "create"}))["data"]["id"]
                self._tasks.append(asyncio.create_task(self._keep_alive()))
                self._publisher = await self._attach()
                await self._make_room()
                joined = await self._plugin(
                    self._publisher,
                    {"request": "join", "ptype": "publisher", "room": self._room},
                )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ParticipantError(
                f"cannot join at {self._generator.url}: {error or 'no answer'}"
            ) from error
        self._feed = str(joined["plugindata"]["data"]["id"])
        self._people[self._feed] = self.participant

    async def _make_room(self) -> None:
        # It may exist already.
        with contextlib.suppress(ParticipantError):
            await self._plugin(
                self._publisher,
                {
                    "request": "create",
                    "room": self._room,
                    "publishers": 1000,
                    "bitrate": 0,
                    "audiocodec": "opus",
                    "videocodec": "vp8",
                },
            )

    async def publish(self, kinds: tuple[str, ...]) -> None:
        """Send a track of each kind; returns when the transport is up."""
        credentials = sdp.Credentials()
        offer, streams = sdp.publish_offer(self.participant, credentials, self._fingerprint, kinds)
        self._kinds = len(kinds)
        try:
            with failing_as("publishing failed"):
                async with asyncio.timeout(SIGNALING_SECONDS):
                    reply = await self._plugin(
                        self._publisher, {"request": "publish"}, {"type": "offer", "sdp": offer}
                    )
                    plan = await self._open(
                        reply["jsep"]["sdp"], credentials, offered_by_us=True, streams=streams
                    )
                    await self._trickle_done(self._publisher)
                await self._fleet.connected(plan)
        except TimeoutError:
            raise ParticipantError("no answer to the published offer") from None

    async def receive_all(self, count: int, seconds: float) -> None:
        """Subscribe to everybody else in the room and wait until all media arrives."""
        try:
            async with asyncio.timeout(seconds):
                wanted = count // max(1, self._kinds)
                while len(self._feeds) < wanted:
                    self._announced.clear()
                    await self._announced.wait()
                plans = [await self._subscribe(feeds) for feeds in self._connections()]
        except TimeoutError:
            who = f"participant {self.participant}"
            raise ParticipantError(f"{who} was offered {len(self._feeds)} feeds") from None
        if len(self.tracks) < count:
            raise ParticipantError(
                f"participant {self.participant} was offered {len(self.tracks)} of {count} tracks"
            )
        for plan in plans:
            await self._receiving(plan, seconds)

    def _connections(self) -> list[list[int]]:
        """Whose streams come over each connection."""
        return [sorted(self._feeds)]

    async def _subscribe(self, feeds: list[int]) -> OpenTransport:
        handle = await self._attach()
        attached = await self._plugin(
            handle,
            {
                "request": "join",
                "ptype": "subscriber",
                "room": self._room,
                "streams": [{"feed": feed} for feed in feeds],
            },
        )
        text: str = attached["jsep"]["sdp"]
        described = parse_sdp(text)
        credentials = sdp.Credentials()
        plan = await self._open(text, credentials, offered_by_us=False)
        ssrcs = {line.mid: next(iter(line.ssrcs), 0) for line in described.media}
        tracks = tuple(
            Track(ssrcs[s["mid"]], s["type"], self._people[str(s["feed_id"])])
            for s in attached["plugindata"]["data"]["streams"]
            if str(s.get("feed_id")) in self._people and ssrcs.get(s["mid"])
        )
        self.tracks += tracks
        await self._fleet.set_tracks(self.participant, plan.transport, tracks)
        answer = sdp.subscribe_answer(described, credentials, self._fingerprint)
        await self._plugin(
            handle,
            {"request": "start", "room": self._room},
            {"type": "answer", "sdp": answer},
        )
        await self._trickle_done(handle)
        return plan

    async def leave(self) -> None:
        """Leave politely, whatever state the call is in."""
        if self._socket is not None and not self._socket.closed:
            with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError, ParticipantError):
                async with asyncio.timeout(SIGNALING_SECONDS):
                    await self._ask({"janus": "destroy", "session_id": self._session})
        for task in self._tasks:
            task.cancel()
        if self._socket is not None:
            await self._socket.close()
        await super().leave()

    # The Janus API.

    async def _attach(self) -> int:
        reply = await self._ask({"janus": "attach", "plugin": _PLUGIN, "session_id": self._session})
        handle: int = reply["data"]["id"]
        return handle

    async def _trickle_done(self, handle: int) -> None:
        await self._ask(
            {
                "janus": "trickle",
                "session_id": self._session,
                "handle_id": handle,
                "candidate": {"completed": True},
            },
            final=("ack",),
        )

    async def _plugin(
        self, handle: int, body: dict[str, Any], jsep: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        message: dict[str, Any] = {
            "janus": "message",
            "session_id": self._session,
            "handle_id": handle,
            "body": body,
        }
        if jsep is not None:
            message["jsep"] = jsep
        reply = await self._ask(message)
        data = reply["plugindata"]["data"]
        if "error" in data:
            raise ParticipantError(f"Janus refused {body['request']}: {data['error']}")
        return reply

    async def _ask(
        self, message: dict[str, Any], final: tuple[str, ...] = ("success", "event")
    ) -> dict[str, Any]:
        """Send and wait for the answer of one of the `final` kinds."""
        assert self._socket is not None
        transaction = f"t{next(self._numbers)}"
        replies: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._replies[transaction] = replies
        await self._socket.send_str(json.dumps({**message, "transaction": transaction}))
        try:
            while True:
                reply = await replies.get()
                if reply["janus"] == "error":
                    raise ParticipantError(f"Janus: {reply['error']['reason']}")
                if reply["janus"] in final:
                    return reply
        finally:
            del self._replies[transaction]

    async def _read(self) -> None:
        assert self._socket is not None
        async for message in self._socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                break
            reply = json.loads(message.data)
            if reply.get("janus") == "hangup":
                self.problem = self.problem or f"Janus hung up: {reply.get('reason')}"
            data = reply.get("plugindata", {}).get("data", {})
            self._feeds.update(other["id"] for other in data.get("publishers", ()))
            self._announced.set()
            replies = self._replies.get(reply.get("transaction", ""))
            if replies is not None:
                replies.put_nowait(reply)
        self.problem = self.problem or "Janus closed the WebSocket"

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(KEEPALIVE_SECONDS)
            await self._ask({"janus": "keepalive", "session_id": self._session}, final=("ack",))


class JanusPerFeedClient(JanusClient):
    """A participant with a connection for each publisher."""

    def _connections(self) -> list[list[int]]:
        return [[feed] for feed in sorted(self._feeds)]
