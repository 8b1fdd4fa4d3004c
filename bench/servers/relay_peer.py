"""The bench's side of the naive relay: its process, and a participant's signaling with it.

The relay encodes anew, so what arrives is no recorded media: packets are counted, but neither
compared nor timed, and loss and delay are unknown.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import aiohttp

from bench.light import sdp
from bench.light.channel import OpenTransport, Stream, Track
from bench.light.participant import LightParticipant, LoadGenerator, failing_as
from bench.light.signaling import SIGNALING_SECONDS, ParticipantError, web_socket
from bench.servers import netns
from bench.servers.server import Command, Server, free_port
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


class RelayClient(LightParticipant):
    """One participant."""

    def __init__(self, generator: LoadGenerator, participant: int) -> None:
        super().__init__(generator, participant)
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._kinds: tuple[str, ...] = ()

    async def join(self, room: str) -> None:
        """There is one room."""
        self._socket = await web_socket(self._generator.http, f"{self._generator.url}/ws")

    async def publish(self, kinds: tuple[str, ...]) -> None:
        """Send a track of each kind; returns when the transport is up."""
        self._kinds = kinds
        credentials = sdp.Credentials()
        offer, streams = sdp.publish_offer(self.participant, credentials, self._fingerprint, kinds)
        answer = await self._ask("publish", offer, 0)
        await self._transport(answer["sdp"], credentials, streams)

    async def receive_all(self, count: int, seconds: float) -> None:
        """Ask for `count` tracks and wait until media of all arrives."""
        credentials = sdp.Credentials()
        kinds = self._kinds * (count // max(1, len(self._kinds)))
        offer = sdp.receive_offer(credentials, self._fingerprint, kinds)
        answer = await self._ask("subscribe", offer, count)
        described = parse_sdp(answer["sdp"])
        publishers = {row["mid"]: int(row["participant"]) for row in answer["tracks"]}
        self.tracks = tuple(
            Track(next(iter(line.ssrcs)), line.kind, publishers[line.mid], opaque=True)
            for line in described.media
            if line.mid in publishers and line.ssrcs
        )
        plan = await self._transport(answer["sdp"], credentials, ())
        await self._fleet.set_tracks(self.participant, plan.transport, self.tracks)
        await self._receiving(plan, seconds)

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
            raise ParticipantError(f"the relay gave no answer: {error}") from error
        if reply.type is not aiohttp.WSMsgType.TEXT:
            raise ParticipantError(f"the relay refused to {kind}")
        answer: dict[str, Any] = reply.json()
        return answer

    async def _transport(
        self, text: str, credentials: sdp.Credentials, streams: tuple[Stream, ...]
    ) -> OpenTransport:
        with failing_as("the relay's transport failed"):
            plan = await self._open(text, credentials, offered_by_us=True, streams=streams)
            await self._fleet.connected(plan)
        return plan

    async def leave(self) -> None:
        await super().leave()
        if self._socket is not None:
            await self._socket.close()
