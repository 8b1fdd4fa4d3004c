"""One WebSocket with our server, as docs/protocol.md has it (version 1).

Theory of operation. All participants of the bench that speak to our server have one `Signaling`,
whatever does their media: the processes of the load generator, aiortc, or an attack. In this
order: `connect` and `ask_to_join` (or `join`, which is both and takes no refusal), `listen`, then
`publish` and `send` as they are needed, `leave`. From `listen` on a task hands each message to the
owner; the last one is `{"type": "closed"}`, which is no message of the server but the socket's end.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import aiohttp

from bench.light.channel import Stream

PROTOCOL = 1
SIGNALING_SECONDS = 20.0
"""For a connection, and for each answer."""
LEAVE_SECONDS = 3.0
"""In which the server closes the WebSocket of somebody who leaves."""
MAX_MESSAGE = 4 << 20
"""Bytes."""
SOURCES = {"audio": "microphone", "video": "camera", "screen": "screen"}
"""Of each kind of track that the bench knows, the protocol's word."""

Message = dict[str, Any]


class ParticipantError(Exception):
    """The server refused, or the call was lost; the text says why."""

    def __init__(self, text: str, code: str = "") -> None:
        """`code` is that of the server's `error`, where it sent one."""
        super().__init__(text)
        self.code = code


class Signaling:
    """The WebSocket of one participant; `leave` ends it, whatever state it is in."""

    def __init__(
        self, http: aiohttp.ClientSession, url: str, seconds: float = SIGNALING_SECONDS
    ) -> None:
        """`url` is the server's; `seconds` is the longest wait for an answer."""
        self.counts: Counter[str] = Counter()
        """Received messages by type, errors as `error CODE`."""
        self.sent: dict[str, float] = {}
        """When the last message of each type was sent (monotonic seconds)."""
        self.ended = asyncio.Event()
        """The WebSocket is closed, by whomever."""
        self._http, self._url, self._seconds = http, url, seconds
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._reader: asyncio.Task[None] | None = None
        self._published: asyncio.Future[Message] | None = None

    async def connect(self) -> None:
        """Open the WebSocket. Raises `ParticipantError`."""
        self._socket = await web_socket(self._http, f"{self._url}/ws", self._seconds)

    async def ask_to_join(self, room: str, name: str, password: str | None = None) -> Message:
        """Send `join` and give the answer, `welcome` or not. Raises `ParticipantError`."""
        given = {} if password is None else {"password": password}
        await self.send("join", version=PROTOCOL, room=room, name=name, **given)
        return await self.receive()

    async def join(self, room: str, name: str, password: str | None = None) -> Message:
        """Connect and join; the `welcome`. Raises `ParticipantError`."""
        await self.connect()
        answer = await self.ask_to_join(room, name, password)
        if answer["type"] != "welcome":
            raise ParticipantError(
                f"the server refused: {answer.get('message', answer)}", answer.get("code", "")
            )
        return answer

    def listen(self, receive: Callable[[Message], Awaitable[None]]) -> None:
        """Hand every message to `receive` from now on, one after the other."""
        self._reader = asyncio.create_task(self._read(receive))

    async def send(self, kind: str, **fields: Any) -> None:
        """One message. Raises `ParticipantError` when the socket has ended."""
        if self._socket is None or self._socket.closed:
            raise ParticipantError("the WebSocket was closed")
        self.sent[kind] = time.monotonic()
        try:
            await self._socket.send_str(json.dumps({"type": kind, **fields}))
        except (aiohttp.ClientError, OSError):
            raise ParticipantError("the WebSocket was closed") from None

    async def receive(self) -> Message:
        """The next message, before `listen`. Raises `ParticipantError`."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._next()
        except TimeoutError:
            raise ParticipantError("no answer on the WebSocket") from None

    async def publish(self, sdp: str, tracks: list[Message]) -> Message:
        """Offer to publish tracks; the server's `published`. Raises `ParticipantError`."""
        self._published = asyncio.get_running_loop().create_future()
        await self.send("publish", id=1, sdp=sdp, tracks=tracks, restart=False)
        try:
            async with asyncio.timeout(self._seconds):
                return await self._published
        except TimeoutError:
            raise ParticipantError("no answer to the published offer") from None

    def fail(self, why: str) -> None:
        """End the wait in `publish`, if there is one: the call is lost."""
        if self._published is not None and not self._published.done():
            self._published.set_exception(ParticipantError(why))
            # Whoever awaits it gets it; nobody needs to.
            self._published.exception()

    async def leave(self, seconds: float = LEAVE_SECONDS) -> None:
        """Leave and close; waits no longer than `seconds` for each."""
        with contextlib.suppress(ParticipantError):
            await self.send("leave")
        if self._reader is not None:
            # The server closes. Closing first with its messages unread would reset the
            # connection, and a reset can overtake the `leave`.
            await asyncio.wait((self._reader,), timeout=seconds)
            self._reader.cancel()
        if self._socket is not None:
            with contextlib.suppress(TimeoutError, aiohttp.ClientError, OSError):
                async with asyncio.timeout(seconds):
                    await self._socket.close()

    async def _next(self) -> Message:
        assert self._socket is not None
        message = await self._socket.receive()
        if message.type is not aiohttp.WSMsgType.TEXT:
            self.ended.set()
            return {"type": "closed"}
        decoded: Message = json.loads(message.data)
        code = f" {decoded['code']}" if decoded["type"] == "error" else ""
        self.counts[decoded["type"] + code] += 1
        return decoded

    async def _read(self, receive: Callable[[Message], Awaitable[None]]) -> None:
        while not self.ended.is_set():
            message = await self._next()
            waits = self._published is not None and not self._published.done()
            if message["type"] == "published" and waits:
                assert self._published is not None
                self._published.set_result(message)
            elif message["type"] == "closed" or (message["type"] == "error" and message.get("id")):
                self.fail(reason_of_loss(message))
            await receive(message)


async def web_socket(
    http: aiohttp.ClientSession,
    url: str,
    seconds: float = SIGNALING_SECONDS,
    protocols: Iterable[str] = (),
) -> aiohttp.ClientWebSocketResponse:
    """Open one, whatever the server's certificate. Raises `ParticipantError`."""
    try:
        async with asyncio.timeout(seconds):
            return await http.ws_connect(
                url, protocols=protocols, ssl=False, max_msg_size=MAX_MESSAGE
            )
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise ParticipantError(f"cannot join at {url}: {error or 'no answer'}") from error


def reason_of_loss(message: Message) -> str:
    """Why a call is over when this message comes; empty when it is not."""
    kind = message["type"]
    if kind == "transport" and message["state"] != "connected":
        reason = message["reason"] or "no reason"
        return f"{message['connection']} connection {message['state']}: {reason}"
    if kind == "error":
        return f"the server reports {message['code']}: {message['message']}"
    if kind in ("closing", "reset"):
        return f"the server sent {kind}"
    return "the WebSocket was closed" if kind == "closed" else ""


def published_tracks(streams: Iterable[Stream]) -> list[Message]:
    """The `tracks` of `publish`: one a track, however many simulcast layers it has."""
    kinds = {stream.mid: stream.kind for stream in streams}
    return [{"mid": mid, "source": SOURCES[kind], "muted": False} for mid, kind in kinds.items()]
