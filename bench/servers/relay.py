"""The naive baseline: a conference server of aiortc and its MediaRelay, as its examples do it.

Every incoming track is decoded, and encoded again for each receiver. Signaling is one WebSocket a
participant: it offers to publish, then offers to receive so many tracks; the answer says whose
each is. One process, started by `servers.relay_peer` only.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import Any

from aiohttp import WSMsgType, web
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaRelay

SUBSCRIBE_SECONDS = 30.0


class Conference:
    """Everybody in one room receives everybody else."""

    def __init__(self) -> None:
        self._relay = MediaRelay()
        self._tracks: dict[str, list[MediaStreamTrack]] = {}
        """By participant."""
        self._changed = asyncio.Condition()

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """One participant, until its WebSocket closes."""
        socket = web.WebSocketResponse(max_msg_size=4 << 20)
        await socket.prepare(request)
        connections: list[RTCPeerConnection] = []
        who = ""
        try:
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    break
                asked = message.json()
                who = str(asked["participant"])
                connection = RTCPeerConnection()
                connections.append(connection)
                offer = RTCSessionDescription(sdp=asked["sdp"], type="offer")
                if asked["type"] == "publish":
                    await socket.send_json(await self._publish(who, connection, offer))
                else:
                    await socket.send_json(
                        await self._subscribe(who, connection, offer, int(asked["tracks"]))
                    )
        finally:
            self._tracks.pop(who, None)
            for connection in connections:
                await connection.close()
        return socket

    async def _publish(
        self, who: str, connection: RTCPeerConnection, offer: RTCSessionDescription
    ) -> dict[str, Any]:
        own = self._tracks.setdefault(who, [])
        connection.on("track", own.append)
        answer = await _answer(connection, offer)
        async with self._changed:
            self._changed.notify_all()
        return {"sdp": answer}

    async def _subscribe(
        self, who: str, connection: RTCPeerConnection, offer: RTCSessionDescription, wanted: int
    ) -> dict[str, Any]:
        async with asyncio.timeout(SUBSCRIBE_SECONDS), self._changed:
            await self._changed.wait_for(lambda: len(self._others(who)) >= wanted)
        await connection.setRemoteDescription(offer)
        sent = {}
        for name, track in self._others(who):
            sender = connection.addTrack(self._relay.subscribe(track))
            sent[sender] = name
        answer = await _answer(connection, None)
        rows = [
            {"mid": t.mid, "participant": sent[t.sender]}
            for t in connection.getTransceivers()
            if t.sender in sent
        ]
        return {"sdp": answer, "tracks": rows}

    def _others(self, who: str) -> list[tuple[str, MediaStreamTrack]]:
        return [(name, t) for name, own in self._tracks.items() if name != who for t in own]


async def _answer(connection: RTCPeerConnection, offer: RTCSessionDescription | None) -> str:
    if offer is not None:
        await connection.setRemoteDescription(offer)
    await connection.setLocalDescription(await connection.createAnswer())
    text: str = connection.localDescription.sdp
    return text


async def serve(host: str, port: int) -> None:
    """Until cancelled."""
    app = web.Application()
    app.router.add_get("/ws", Conference().serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
