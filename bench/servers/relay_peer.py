"""The bench's side of the naive relay: its process, and a participant's signaling with it.

The relay encodes anew, so what arrives is no recorded media: packets are counted, but neither
compared nor timed, and loss and delay are unknown.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from bench.light import sdp
from bench.light.channel import OpenTransport, Track
from bench.light.client import SIGNALING_SECONDS, ClientError
from bench.light.fleet import Fleet, FleetError
from bench.servers import netns
from bench.servers.server import Command, Server, free_port
from signaling.negotiation.description import SdpError
from signaling.negotiation.sdp import parse as parse_sdp

RELAY_PORT = 8090
_DISCARD_PORT = 9


class Relay(Server):
    """`python -m bench.servers.relay` in a process of its own."""

    name = "relay"

    def __init__(self, host: str, wrap: Command = list) -> None:
        super().__init__(host, wrap)
        # In another namespace nobody else listens.
        self._port = RELAY_PORT if host == netns.SERVER_ADDRESS else free_port(host)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self._port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "bench.servers.relay", self.host, str(self._port)]
        self._launch(command, self._port)


class RelayClient:
    """One participant. Same calls as `light.client.Client`."""

    def __init__(
        self,
        fleet: Fleet,
        session: aiohttp.ClientSession,
        url: str,
        participant: int,
        people: dict[str, int],
    ) -> None:
        self.participant = participant
        self.problem = ""
        self.named: set[str] = set()
        self._fleet, self._http, self._url = fleet, session, url
        self._host = urlsplit(url).hostname or ""
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._kinds: tuple[str, ...] = ()
        self._plans: list[OpenTransport] = []

    async def join(self, room: str) -> None:
        """There is one room. Raises `ClientError`."""
        try:
            self._socket = await self._http.ws_connect(f"{self._url}/ws", max_msg_size=4 << 20)
        except (aiohttp.ClientError, OSError) as error:
            raise ClientError(f"cannot join at {self._url}: {error}") from error

    async def publish(self, kinds: tuple[str, ...]) -> None:
        """Send a track of each kind; returns when the transport is up. Raises `ClientError`."""
        self._kinds = kinds
        credentials = sdp.Credentials()
        fingerprint = self._fleet.fingerprint(self.participant)
        offer, streams = sdp.publish_offer(self.participant, credentials, fingerprint, kinds)
        answer = await self._ask("publish", offer, 0)
        await self._open(answer["sdp"], credentials, streams)

    async def receive_all(self, count: int, seconds: float) -> None:
        """Ask for `count` tracks and wait until media of all arrives. Raises `ClientError`."""
        credentials = sdp.Credentials()
        fingerprint = self._fleet.fingerprint(self.participant)
        kinds = self._kinds * (count // max(1, len(self._kinds)))
        offer = sdp.receive_offer(credentials, fingerprint, kinds)
        answer = await self._ask("subscribe", offer, count)
        described = parse_sdp(answer["sdp"])
        publishers = {row["mid"]: int(row["participant"]) for row in answer["tracks"]}
        tracks = tuple(
            Track(next(iter(line.ssrcs)), line.kind, publishers[line.mid], opaque=True)
            for line in described.media
            if line.mid in publishers and line.ssrcs
        )
        plan = await self._open(answer["sdp"], credentials, ())
        try:
            await self._fleet.set_tracks(self.participant, plan.transport, tracks)
            await self._fleet.receiving(self.participant, plan.transport, seconds)
        except FleetError as error:
            raise ClientError(f"subscribing failed: {error}") from error

    async def _ask(self, kind: str, offer: str, tracks: int) -> dict[str, Any]:
        assert self._socket is not None
        # A full ICE agent begins only when it knows an address: this one leads nowhere, and our
        # checks show it the right one.
        candidate = f"a=candidate:1 1 udp 1 {self._host} {_DISCARD_PORT} typ host\r\n"
        offer = "".join(
            line + (candidate if line.startswith("a=ice-pwd") else "")
            for line in offer.splitlines(keepends=True)
        )
        message = {"type": kind, "participant": self.participant, "sdp": offer, "tracks": tracks}
        try:
            async with asyncio.timeout(2 * SIGNALING_SECONDS):
                await self._socket.send_json(message)
                reply = await self._socket.receive()
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise ClientError(f"the relay gave no answer: {error}") from error
        if reply.type is not aiohttp.WSMsgType.TEXT:
            raise ClientError(f"the relay refused to {kind}")
        answer: dict[str, Any] = reply.json()
        return answer

    async def _open(self, text: str, credentials: sdp.Credentials, streams: Any) -> OpenTransport:
        try:
            plan = sdp.transport_plan(
                transport=self._fleet.new_transport(),
                participant=self.participant,
                text=text,
                host=self._host,
                credentials=credentials,
                offered_by_us=True,
                streams=streams,
            )
            self._plans.append(plan)
            await self._fleet.open(plan)
            await self._fleet.connected(plan)
        except (FleetError, SdpError, sdp.NegotiationError) as error:
            raise ClientError(f"the relay's transport failed: {error}") from error
        return plan

    async def leave(self) -> None:
        """Whatever state the call is in."""
        for plan in self._plans:
            with contextlib.suppress(OSError):
                await self._fleet.close_transport(self.participant, plan.transport)
        if self._socket is not None:
            await self._socket.close()
