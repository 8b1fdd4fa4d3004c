"""A simulated participant's signaling with our own server (docs/protocol.md, version 1)."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from bench.light import sdp
from bench.light.channel import OpenTransport, Track
from bench.light.fleet import Fleet, FleetError
from signaling.negotiation.description import SdpError
from signaling.negotiation.sdp import parse as parse_sdp

PROTOCOL = 1
SIGNALING_SECONDS = 20.0
LEAVE_SECONDS = 3.0
MAIN_TILE = (1280, 720)
THUMBNAIL = (160, 90)
"""Device pixels."""
SOURCES = {"audio": "microphone", "video": "camera", "screen": "screen"}
"""Of each kind of track that the bench knows, the protocol's word."""


class ClientError(Exception):
    """The server refused, or the call was lost; the text says why."""

    def __init__(self, text: str, code: str = "") -> None:
        """`code` is that of the server's `error`, where it sent one."""
        super().__init__(text)
        self.code = code


class Client:
    """One participant: joins a room, publishes, subscribes to everybody.

    `people` maps the server's participant ids to participant numbers; all clients of a run share
    it, so that each knows whose track it is offered.
    """

    def __init__(
        self,
        fleet: Fleet,
        session: aiohttp.ClientSession,
        url: str,
        participant: int,
        people: dict[str, int],
        *,
        rids: tuple[str, ...] = (),
        main: int | None = None,
        awaited: frozenset[int] | None = None,
    ) -> None:
        """`rids` are the simulcast layers of its video, low to high; none: a single stream.

        With `main` it looks at the person of this number large and at all others as thumbnails;
        without it says nothing about how it looks at them. `receive_all` waits for the tracks of
        `awaited`, participant numbers; of everybody without.
        """
        self.participant = participant
        self.problem = ""
        """Why the call was lost; empty while it is well."""
        self.tracks: tuple[Track, ...] = ()
        """What is received now."""
        self.named: set[str] = set()
        """Rids that the server has asked for at any time."""
        self.capacity = 0
        """How many people its room takes."""
        self._rids, self._main, self._awaited = rids, main, awaited
        self._mids: dict[str, str] = {}
        """Of the published tracks, by track id."""
        self._layers: dict[str, tuple[str, ...]] = {}
        """What the server wants of each published track now."""
        self._publishing = self._leaving = self._ended = False
        self._fleet, self._http, self._url, self._people = fleet, session, url, people
        self._host = urlsplit(url).hostname or ""
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._reader: asyncio.Task[None] | None = None
        self._id = ""
        self._publish: OpenTransport | None = None
        self._subscribe: OpenTransport | None = None
        self._credentials = sdp.Credentials()
        self._changed = asyncio.Event()
        self._published: asyncio.Future[str] | None = None

    async def join(self, room: str) -> None:
        """Raises `ClientError`."""
        try:
            async with asyncio.timeout(SIGNALING_SECONDS):
                self._socket = await self._http.ws_connect(
                    f"{self._url}/ws", ssl=False, max_msg_size=4 << 20
                )
                name = f"bench {self.participant}"
                await self._send({"type": "join", "version": PROTOCOL, "room": room, "name": name})
                welcome = await self._receive()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ClientError(f"cannot join at {self._url}: {error or 'no answer'}") from error
        if welcome.get("type") != "welcome":
            raise ClientError(
                f"the server refused: {welcome.get('message', welcome)}", welcome.get("code", "")
            )
        self._id = welcome["participant"]
        self.capacity = int(welcome["room"]["capacity"])
        self._people[self._id] = self.participant
        self._reader = asyncio.create_task(self._read())

    async def publish(self, kinds: tuple[str, ...]) -> None:
        """Send a track of each kind; returns when the transport is up. Raises `ClientError`."""
        credentials = sdp.Credentials()
        offer, streams = sdp.publish_offer(
            self.participant,
            credentials,
            self._fleet.fingerprint(self.participant),
            kinds,
            self._rids,
        )
        by_mid = {stream.mid: stream.kind for stream in streams}
        tracks = [
            {
                "mid": mid,
                "source": SOURCES[kind],
                "muted": False,
            }
            for mid, kind in by_mid.items()
        ]
        self._published = asyncio.get_running_loop().create_future()
        await self._send(
            {"type": "publish", "id": 1, "sdp": offer, "tracks": tracks, "restart": False}
        )
        try:
            async with asyncio.timeout(SIGNALING_SECONDS):
                answer = await self._published
            self._publish = self._plan(answer, credentials, True, streams)
            await self._fleet.open(self._publish)
            await self._fleet.connected(self._publish)
            self._publishing = True
            for track in list(self._layers):
                await self._set_layers(track)
        except TimeoutError:
            raise ClientError("no answer to the published offer") from None
        except (FleetError, SdpError, sdp.NegotiationError) as error:
            raise ClientError(f"publishing failed: {error}") from error

    async def _set_layers(self, track: str) -> None:
        if self._publishing and self._publish is not None and track in self._mids and self._rids:
            await self._fleet.set_layers(
                self.participant, self._publish.transport, self._mids[track], self._layers[track]
            )

    def _plan(
        self, text: str, credentials: sdp.Credentials, offered_by_us: bool, streams: Any = ()
    ) -> OpenTransport:
        return sdp.transport_plan(
            transport=self._fleet.new_transport(),
            participant=self.participant,
            text=text,
            host=self._host,
            credentials=credentials,
            offered_by_us=offered_by_us,
            streams=streams,
        )

    async def receive_all(self, count: int, seconds: float) -> None:
        """Wait until media of `count` tracks arrives. Raises `ClientError`."""
        try:
            async with asyncio.timeout(seconds):
                while len(self.tracks) < count and not self.problem:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise ClientError(
                f"participant {self.participant} was offered {len(self.tracks)} of {count} tracks"
            ) from None
        if self.problem:
            raise ClientError(self.problem)
        if self._subscribe is None:
            return
        try:
            await self._fleet.connected(self._subscribe)
            await self._fleet.receiving(self.participant, self._subscribe.transport, seconds)
        except FleetError as error:
            raise ClientError(f"subscribing failed: {error}") from error

    async def leave(self) -> None:
        """Leave politely, whatever state the call is in; how it ends is no problem any more."""
        self._leaving = True
        if self._socket is not None and not self._socket.closed:
            with contextlib.suppress(aiohttp.ClientError, OSError, ConnectionError):
                await self._send({"type": "leave"})
        if self._reader is not None:
            # The server closes. Closing first with its messages unread would reset the
            # connection, and a reset can overtake the `leave`.
            await asyncio.wait((self._reader,), timeout=LEAVE_SECONDS)
            self._reader.cancel()
        if self._socket is not None:
            await self._socket.close()
        for plan in (self._publish, self._subscribe):
            if plan is not None:
                with contextlib.suppress(OSError):
                    await self._fleet.close_transport(self.participant, plan.transport)
        self._people.pop(self._id, None)

    async def _send(self, message: dict[str, Any]) -> None:
        assert self._socket is not None
        await self._socket.send_str(json.dumps(message))

    async def _receive(self) -> dict[str, Any]:
        assert self._socket is not None
        message = await self._socket.receive()
        if message.type is not aiohttp.WSMsgType.TEXT:
            return {"type": "closed"}
        decoded: dict[str, Any] = json.loads(message.data)
        return decoded

    async def _read(self) -> None:
        while not self.problem and not self._ended:
            message = await self._receive()
            try:
                await self._message(message)
            except (FleetError, SdpError, sdp.NegotiationError) as error:
                self._lost(str(error))

    async def _message(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "offer":
            await self._offer(message)
        elif kind == "published" and self._published is not None and not self._published.done():
            self._mids = {row["track"]: row["mid"] for row in message["tracks"]}
            self._published.set_result(message["sdp"])
        elif kind == "layers":
            self._layers[message["track"]] = tuple(message["rids"])
            self.named.update(message["rids"])
            await self._set_layers(message["track"])
        elif kind == "transport" and message["state"] != "connected":
            self._lost(
                f"{message['connection']} connection {message['state']}: "
                f"{message['reason'] or 'no reason'}"
            )
        elif kind == "error":
            self._lost(f"the server says {message['code']}: {message['message']}")
        elif kind in ("closed", "closing", "reset"):
            self._lost({"closed": "the WebSocket was closed"}.get(kind, f"the server says {kind}"))

    def _lost(self, why: str) -> None:
        if self._leaving:
            self._ended = True
        else:
            self.problem = self.problem or f"participant {self.participant}: {why}"
        self._changed.set()
        if self._published is not None and not self._published.done():
            self._published.set_exception(FleetError(why))

    def _awaits(self, offered: dict[str, Any]) -> bool:
        if self._awaited is not None:
            return self._people[offered["participant"]] in self._awaited
        # A voice that is not among the loudest may never come.
        return offered["kind"] == "video" or self._main is None

    async def _offer(self, message: dict[str, Any]) -> None:
        text: str = message["sdp"]
        if self._subscribe is not None and message.get("restart"):
            await self._fleet.close_transport(self.participant, self._subscribe.transport)
            self._subscribe = None
        if self._subscribe is None:
            self._credentials = sdp.Credentials()
            self._subscribe = self._plan(text, self._credentials, False)
            await self._fleet.open(self._subscribe)
        described = parse_sdp(text)
        ssrcs = {line.mid: next(iter(line.ssrcs), 0) for line in described.media}
        repairs = {}
        for line in described.media:
            if line.fid_groups:
                ssrcs[line.mid], repairs[line.mid] = line.fid_groups[0]
        self.tracks = tuple(
            Track(
                ssrcs[t["mid"]],
                "screen" if t["source"] == "screen" else t["kind"],
                self._people[t["participant"]],
                repairs.get(t["mid"], 0),
                awaited=self._awaits(t),
            )
            for t in message["tracks"]
            if t["participant"] in self._people and ssrcs.get(t["mid"])
        )
        await self._fleet.set_tracks(self.participant, self._subscribe.transport, self.tracks)
        fingerprint = self._fleet.fingerprint(self.participant)
        answer = sdp.subscribe_answer(described, self._credentials, fingerprint)
        await self._send({"type": "answer", "id": message["id"], "sdp": answer})
        if self._main is not None:
            await self._send(view_message(message["tracks"], self._people, self._main))
        self._changed.set()


def view_message(
    offered: list[dict[str, Any]], people: dict[str, int], main: int
) -> dict[str, Any]:
    """The `view` of who looks at person number `main` large and at all others small.

    A shared screen takes the large place.
    """
    shared = any(track.get("source") == "screen" for track in offered)
    tracks = []
    for track in offered:
        if track["kind"] == "video":
            screen = track.get("source") == "screen"
            large = screen or (people.get(track["participant"]) == main and not shared)
            width, height = MAIN_TILE if large else THUMBNAIL
            importance = "screen" if screen else "main" if large else "tile"
            tracks.append(
                {
                    "track": track["track"],
                    "width": width,
                    "height": height,
                    "importance": importance,
                }
            )
    return {"type": "view", "tracks": tracks}
