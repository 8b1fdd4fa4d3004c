"""Who attacks: a participant with an address of its own, who may do what no client does.

An intruder joins, publishes and subscribes as `bench.light.client` does, in the attacker's own
event loop and without recordings: what it sends is up to the attack. Each comes from an address
of the loopback range (127.0.0.0/8), so that limits by address see it apart from the people whose
call is measured.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import struct
import time
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from bench.light import sdp
from bench.light.association import Association
from bench.light.channel import OpenTransport, Stream
from bench.light.signaling import Message, ParticipantError, Signaling, published_tracks
from sfu.net.dtls import Certificate, DtlsConnection
from signaling.negotiation.sdp import parse as parse_sdp

ANSWER_SECONDS = 8.0
"""That an intruder waits for whatever it needs to be able to attack."""
LEAVE_SECONDS = 0.5
_READS = 64
"""Datagrams that are read at once, so that the loop's other work goes on."""
_RTP = struct.Struct("!BBHII")


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
        """Wait for the keys. Raises `ParticipantError`."""
        until = time.monotonic() + ANSWER_SECONDS
        while self.association.state != "connected":
            if self.association.state == "failed" or time.monotonic() > until:
                raise ParticipantError(f"no transport: {self.association.reason or 'no answer'}")
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

    def nomination(self) -> bytes:
        """A signed check that asks to be sent to at wherever it seems to come from."""
        return self.association.check(secrets.token_bytes(12))

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
    """One participant and what hangs on it. Close it."""

    certificate = Certificate.generate()

    def __init__(self, url: str, address: str) -> None:
        """`address` is where all of it comes from."""
        self.address = address
        self.welcome: dict[str, Any] = {}
        self.upstream: Link | None = None
        self.downstream: Link | None = None
        self.streams: tuple[Stream, ...] = ()
        """That `publish` announced."""
        self._host = urlsplit(url).hostname or ""
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, local_addr=(address, 0), force_close=True)
        )
        self._signaling = Signaling(self._http, url, ANSWER_SECONDS)
        self.counts = self._signaling.counts
        """Messages of the server by type, errors as `error CODE`."""
        self.ended = self._signaling.ended
        """The WebSocket is closed, by whomever."""
        self.connect = self._signaling.connect
        self.receive = self._signaling.receive
        self._subscribe_credentials = sdp.Credentials()

    async def ask_to_join(
        self, room: str, name: str = "visitor", password: str | None = None
    ) -> Message:
        """Send `join` and give the answer, welcome or not. Raises `ParticipantError`."""
        answer = await self._signaling.ask_to_join(room, name, password)
        if answer["type"] == "welcome":
            self._welcomed(answer)
        return answer

    async def join(self, room: str, name: str = "visitor", password: str | None = None) -> None:
        """Connect and be in the room. Raises `ParticipantError`."""
        self._welcomed(await self._signaling.join(room, name, password))

    def _welcomed(self, welcome: Message) -> None:
        self.welcome = welcome
        self._signaling.listen(self._receive)

    async def send(self, kind: str, **fields: Any) -> None:
        """Send a message; nothing happens when the socket has ended."""
        with contextlib.suppress(ParticipantError):
            await self._signaling.send(kind, **fields)

    async def _receive(self, message: Message) -> None:
        if message["type"] == "offer":
            await self._answer(message)

    async def publish(
        self, kinds: tuple[str, ...], dtls: type[DtlsConnection] = DtlsConnection
    ) -> Link:
        """A connected publish transport with a track of each kind. Raises `ParticipantError`."""
        credentials = sdp.Credentials()
        offer, self.streams = sdp.publish_offer(0, credentials, self.certificate.fingerprint, kinds)
        published = await self._signaling.publish(offer, published_tracks(self.streams))
        plan = self._plan(published["sdp"], credentials, True)
        self.upstream = Link(plan, self.certificate, self.address, dtls)
        await self.upstream.connected()
        return self.upstream

    async def send_offer(self, number: int, offer: str, *, restart: bool) -> None:
        """`publish` with the streams that stand; nobody waits for the answer."""
        tracks = published_tracks(self.streams)
        await self.send("publish", id=number, sdp=offer, tracks=tracks, restart=restart)

    async def subscribed(self) -> Link:
        """The subscribe transport, once it is up. Raises `ParticipantError`."""
        until = time.monotonic() + ANSWER_SECONDS
        while self.downstream is None:
            if time.monotonic() > until:
                raise ParticipantError("nothing was offered")
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

    async def _answer(self, message: Message) -> None:
        text: str = message["sdp"]
        if self.downstream is None:
            plan = self._plan(text, self._subscribe_credentials, False)
            self.downstream = Link(plan, self.certificate, self.address)
        answer = sdp.subscribe_answer(
            parse_sdp(text), self._subscribe_credentials, self.certificate.fingerprint
        )
        await self.send("answer", id=message["id"], sdp=answer)

    async def close(self) -> None:
        """End everything, politely where that is possible."""
        await self._signaling.leave(LEAVE_SECONDS)
        for link in (self.upstream, self.downstream):
            if link is not None:
                link.close()
        await self._http.close()
