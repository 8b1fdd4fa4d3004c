"""Who attacks: a participant with an address of its own, who may do what no client does.

An intruder joins, publishes and subscribes as `bench.light.client` does, in the attacker's own
event loop and without recordings: what it sends is up to the attack. Each comes from an address
of the loopback range (127.0.0.0/8), so that limits by address see it apart from the people whose
call is measured.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
import time
from collections import Counter
from typing import Any

import aiohttp

from bench.light import sdp
from bench.light.association import Association
from bench.light.channel import OpenTransport, Stream
from bench.light.client import PROTOCOL, SOURCES
from sfu.net.dtls import Certificate, DtlsConnection
from signaling.negotiation.sdp import parse as parse_sdp

ANSWER_SECONDS = 8.0
"""That an intruder waits for whatever it needs to be able to attack."""
_READS = 64
"""Datagrams that are read at once, so that the loop's other work goes on."""
_RTP = struct.Struct("!BBHII")


class IntruderError(Exception):
    """An attack could not be mounted; the text says why."""


class Link:
    """One ICE / DTLS / SRTP association of an intruder; counts the media that it receives."""

    def __init__(
        self,
        plan: OpenTransport,
        certificate: Certificate,
        source: str,
        dtls: type[DtlsConnection] = DtlsConnection,
    ) -> None:
        """`source` is the address that datagrams come from."""
        self.plan = plan
        self.association = Association(plan, certificate, time.monotonic(), source, dtls)
        self.media_packets = self.media_bytes = 0
        """SRTP as it arrived."""
        self.newest: dict[int, int] = {}
        """SSRC -> the number that came last; both are clear in SRTP."""
        self.by_ssrc: Counter[int] = Counter()
        """Packets."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self.association.fd, self._readable)
        self._ticking = asyncio.create_task(self._tick())

    async def connected(self) -> None:
        """Wait for the keys. Raises `IntruderError`."""
        until = time.monotonic() + ANSWER_SECONDS
        while self.association.state != "connected":
            if self.association.state == "failed" or time.monotonic() > until:
                raise IntruderError(f"no transport: {self.association.reason or 'no answer'}")
            await asyncio.sleep(0.01)

    async def _tick(self) -> None:
        while self.association.state != "closed":
            await asyncio.sleep(min(0.1, self.association.tick(time.monotonic())))

    def _readable(self) -> None:
        for _ in range(_READS):
            try:
                data = self.association.socket.recv(2048)
            except OSError:
                return
            if len(data) > 12 and 128 <= data[0] < 192:
                if not 192 <= data[1] < 224:
                    _, _, seq, _, ssrc = _RTP.unpack_from(data)
                    self.newest[ssrc] = seq
                    self.by_ssrc[ssrc] += 1
                    self.media_packets += 1
                    self.media_bytes += len(data)
            elif data:
                self.association.datagram(data, time.monotonic())

    def send_rtp(self, ssrc: int, payload_type: int, seq: int, timestamp: int, body: bytes) -> None:
        """One protected RTP packet with the marker set."""
        context = self.association.outbound
        if context is None:
            return
        header = _RTP.pack(0x80, 0x80 | payload_type, seq & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)
        protected = context.protect(header + body)
        if protected is not None:
            self.association.send(protected)

    def rest(self) -> None:
        """Send no checks of its own any more."""
        self._ticking.cancel()

    def close(self) -> None:
        """Stop reading, say goodbye."""
        self._ticking.cancel()
        with contextlib.suppress(OSError, ValueError):
            self._loop.remove_reader(self.association.fd)
        self.association.close()


class Intruder:
    """One WebSocket and what hangs on it. Close it."""

    certificate = Certificate.generate()

    def __init__(self, url: str, address: str) -> None:
        """`address` is where all of it comes from."""
        self.address = address
        self.counts: Counter[str] = Counter()
        """Messages of the server by type, errors as `error CODE`."""
        self.welcome: dict[str, Any] = {}
        self.upstream: Link | None = None
        self.downstream: Link | None = None
        self.streams: tuple[Stream, ...] = ()
        """That `publish` announced."""
        self.answers = True
        """Whether it answers offers."""
        self._url = url
        self._host = url.partition("://")[2].partition(":")[0]
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, local_addr=(address, 0), force_close=True)
        )
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._reader: asyncio.Task[None] | None = None
        self._published: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._offers = 0
        self._subscribe_credentials = sdp.Credentials()
        self.ended = asyncio.Event()
        """The WebSocket is closed, by whomever."""

    async def connect(self) -> None:
        """Open the WebSocket. Raises `IntruderError`."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                self._socket = await self._http.ws_connect(
                    f"{self._url}/ws", ssl=False, max_msg_size=4 << 20, compress=0
                )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise IntruderError(f"no WebSocket: {error or 'no answer'}") from error

    async def ask_to_join(
        self, room: str, name: str = "visitor", password: str | None = None
    ) -> dict[str, Any]:
        """Send `join` and give the answer, welcome or not. Raises `IntruderError`."""
        message = {"type": "join", "version": PROTOCOL, "room": room, "name": name}
        if password is not None:
            message["password"] = password
        await self.send(message)
        answer = await self.receive()
        if answer["type"] == "welcome":
            self.welcome = answer
            self._reader = asyncio.create_task(self._read())
        return answer

    async def join(self, room: str, name: str = "visitor", password: str | None = None) -> None:
        """Connect and be in the room. Raises `IntruderError`."""
        await self.connect()
        answer = await self.ask_to_join(room, name, password)
        if answer["type"] != "welcome":
            raise IntruderError(f"not let in: {answer.get('message', answer['type'])}")

    async def send(self, message: dict[str, Any]) -> None:
        """Send a message; nothing happens when the socket has ended."""
        if self._socket is not None and not self._socket.closed:
            with contextlib.suppress(ConnectionError, aiohttp.ClientError):
                await self._socket.send_str(json.dumps(message))

    async def receive(self) -> dict[str, Any]:
        """The next message; `closed` when there is none any more. Raises `IntruderError`."""
        assert self._socket is not None
        try:
            message = await self._socket.receive(ANSWER_SECONDS)
        except TimeoutError:
            raise IntruderError("no answer on the WebSocket") from None
        if message.type is not aiohttp.WSMsgType.TEXT:
            self.ended.set()
            return {"type": "closed"}
        decoded: dict[str, Any] = json.loads(message.data)
        code = f" {decoded['code']}" if decoded["type"] == "error" else ""
        self.counts[decoded["type"] + code] += 1
        return decoded

    async def _read(self) -> None:
        while not self.ended.is_set():
            with contextlib.suppress(IntruderError):
                await self._message(await self.receive())

    async def _message(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "published" and not self._published.done():
            self._published.set_result(message["sdp"])
        elif kind == "error" and message.get("id") and not self._published.done():
            self._published.set_exception(IntruderError(f"refused: {message['message']}"))
            self._published.exception()
        elif kind == "offer" and self.answers:
            await self._answer(message)

    async def publish(
        self, kinds: tuple[str, ...], dtls: type[DtlsConnection] = DtlsConnection
    ) -> Link:
        """A connected publish transport with a track of each kind. Raises `IntruderError`."""
        credentials = sdp.Credentials()
        offer, self.streams = sdp.publish_offer(0, credentials, self.certificate.fingerprint, kinds)
        await self.send(self.offer_message(1, offer))
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                text = await self._published
        except TimeoutError:
            raise IntruderError("no answer to the published offer") from None
        plan = self._plan(text, credentials, True)
        self.upstream = Link(plan, self.certificate, self.address, dtls)
        await self.upstream.connected()
        return self.upstream

    def offer_message(self, number: int, offer: str, *, restart: bool = False) -> dict[str, Any]:
        """`publish` with the streams that stand."""
        by_mid = {stream.mid: stream.kind for stream in self.streams}
        tracks = [
            {"mid": mid, "source": SOURCES[kind], "muted": False} for mid, kind in by_mid.items()
        ]
        return {"type": "publish", "id": number, "sdp": offer, "tracks": tracks,
                "restart": restart}  # fmt: skip

    async def subscribed(self) -> Link:
        """The subscribe transport, once it is up. Raises `IntruderError`."""
        until = time.monotonic() + ANSWER_SECONDS
        while self.downstream is None:
            if time.monotonic() > until:
                raise IntruderError("nothing was offered")
            await asyncio.sleep(0.01)
        await self.downstream.connected()
        return self.downstream

    def _plan(self, text: str, credentials: sdp.Credentials, offered_by_us: bool) -> OpenTransport:
        return sdp.transport_plan(
            transport=1 if offered_by_us else 2,
            participant=0,
            text=text,
            host=self._host,
            credentials=credentials,
            offered_by_us=offered_by_us,
            streams=self.streams if offered_by_us else (),
        )

    async def _answer(self, message: dict[str, Any]) -> None:
        text: str = message["sdp"]
        if self.downstream is None:
            plan = self._plan(text, self._subscribe_credentials, False)
            self.downstream = Link(plan, self.certificate, self.address)
        answer = sdp.subscribe_answer(
            parse_sdp(text), self._subscribe_credentials, self.certificate.fingerprint
        )
        await self.send({"type": "answer", "id": message["id"], "sdp": answer})

    async def close(self) -> None:
        """End everything, politely where that is possible."""
        await self.send({"type": "leave"})
        if self._reader is not None:
            await asyncio.wait((self._reader,), timeout=0.5)
            self._reader.cancel()
        for link in (self.upstream, self.downstream):
            if link is not None:
                link.close()
        if self._socket is not None:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self._socket.close(), 1)
        await self._http.close()
