"""One aiortc participant in a process of its own, because aiortc decodes all that it receives.

Theory of operation. `real.aiortc_crew` starts it with two descriptors, the channel and the
recordings. It is a participant as docs/protocol.md has it: a WebSocket and two
`RTCPeerConnection`s, all of aiortc as it is. What it receives is decoded by aiortc; of one video
the number is read from each frame. The process ends when the channel does.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import numpy as np
from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError

from bench.lateness import Lateness
from bench.light import talk
from bench.light.signaling import (
    SIGNALING_SECONDS,
    SOURCES,
    Message,
    ParticipantError,
    Signaling,
    reason_of_loss,
)
from bench.real import aiortc_channel as channel
from bench.real.aiortc_tracks import RecordedTrack
from bench.real.crew import FrameCheck, InboundTrack, OutboundTrack, Snapshot, named, number_of
from bench.recordings.library import Library, received
from bench.recordings.media import read_counter
from bench.recordings.recording import Recording
from sfu.control import Unframer, frame


class ShownFrames:
    """Whether the decoded frames of a video show the frame numbers that their times say."""

    def __init__(self, recording: Recording, publisher: int) -> None:
        self.publisher = publisher
        self._count = len(recording.frames)
        self._step = recording.duration // self._count
        self._first: tuple[int, int] | None = None
        """Time and number of a frame."""
        self._last = 0
        self.clear()

    def clear(self) -> None:
        self.decoded = self.right = self.missing = 0

    def see(self, frame: Any) -> None:
        """The next one of aiortc's."""
        plane = frame.planes[0]
        luma = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[:, : frame.width]
        shown = read_counter(luma)
        if self._first is None:
            self._first = frame.pts, shown
            self._last = frame.pts - self._step
        passed = round((frame.pts - self._first[0]) / self._step)
        self.decoded += 1
        self.right += shown == (self._first[1] + passed) % self._count
        self.missing += max(0, round((frame.pts - self._last) / self._step) - 1)
        self._last = frame.pts

    def result(self) -> FrameCheck:
        return FrameCheck(self.publisher, self.decoded, self.right, self.missing)


class Peer:
    """The participant."""

    def __init__(
        self, plan: channel.Join, library: Library, send_event: Callable[[channel.Event], None]
    ) -> None:
        self._plan, self._library, self._send_event = plan, library, send_event
        self._late = Lateness()
        # With aiortc's default a second video keeps a transport of its own, which never connects.
        bundled = RTCConfiguration(bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        self._up, self._down = RTCPeerConnection(bundled), RTCPeerConnection(bundled)
        self._http = aiohttp.ClientSession()
        self._signaling = Signaling(self._http, plan.url)
        self._names: dict[str, int] = {}
        self._offered: dict[str, dict[str, Any]] = {}
        """Rows of the newest offer, by mid."""
        self._frames: dict[str, int] = {}
        """Decoded, by the track's id."""
        self._checked: ShownFrames | None = None
        self._reported_all = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._sampled = ""
        """Id of the track whose frames are checked."""
        self.problem = ""

    async def join(self) -> None:
        """Join, publish, and be connected. Raises `ParticipantError`."""
        welcome = await self._signaling.join(self._plan.room, named(self._plan.participant))
        for person in welcome["participants"]:
            self._arrived(person)
        self._down.on("track", lambda track: self._spawn(self._count(track)))
        self._signaling.listen(self._receive)
        if self._plan.kinds:
            await self._publish()

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _publish(self) -> None:
        tracks = [self._recorded(kind) for kind in self._plan.kinds]
        for track in tracks:
            self._up.addTransceiver(track, "sendonly")
        await self._up.setLocalDescription(await self._up.createOffer())
        rows = [
            {"mid": transceiver.mid, "source": track.source, "muted": False}
            for transceiver, track in zip(self._up.getTransceivers(), tracks, strict=True)
        ]
        published = await self._signaling.publish(self._up.localDescription.sdp, rows)
        try:
            async with asyncio.timeout(SIGNALING_SECONDS):
                answer = RTCSessionDescription(published["sdp"], "answer")
                await self._up.setRemoteDescription(answer)
                await self._connected(self._up)
        except TimeoutError:
            raise ParticipantError("publishing did not come about in time") from None

    async def _connected(self, connection: RTCPeerConnection) -> None:
        changed = asyncio.Event()
        connection.on("connectionstatechange", changed.set)
        while connection.connectionState != "connected":
            if connection.connectionState in ("failed", "closed"):
                raise ParticipantError(f"publish connection {connection.connectionState}")
            await changed.wait()
            changed.clear()

    def _recorded(self, kind: str) -> RecordedTrack:
        library, levels = self._library, b""
        if kind == "audio" and library.dtx:
            levels = talk.levels_of(library, self._plan.participant)
        return RecordedTrack(library.of(kind), SOURCES[kind], self._late, levels)

    async def _receive(self, message: Message) -> None:
        # After a call is lost, messages are ignored.
        if self.problem:
            return
        try:
            await self._on_message(message)
        except (ParticipantError, ValueError) as error:
            self._lost(str(error))

    async def _on_message(self, message: Message) -> None:
        if message["type"] == "offer":
            await self._answer(message)
        elif message["type"] == "participantJoined":
            self._arrived(message["participant"])
        elif reason := reason_of_loss(message):
            self._lost(reason)

    def _arrived(self, person: dict[str, Any]) -> None:
        number = number_of(person["name"])
        if number is not None:
            self._names[person["id"]] = number

    async def _answer(self, message: Message) -> None:
        self._offered = {row["mid"]: row for row in message["tracks"]}
        offer = RTCSessionDescription(without_rtx(message["sdp"]), "offer")
        await self._down.setRemoteDescription(offer)
        await self._down.setLocalDescription(await self._down.createAnswer())
        answer = self._down.localDescription.sdp
        await self._signaling.send("answer", id=message["id"], sdp=answer)

    async def _count(self, track: Any) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                self._frames[track.id] = self._frames.get(track.id, 0) + 1
                if track.kind == "video":
                    self._see(track, frame)
                if not self._reported_all and self._receives_all():
                    self._reported_all = True
                    self._send_event(channel.Receives())

    def _see(self, track: Any, frame: Any) -> None:
        if self._checked is None:
            for row, receiver in self._receivers():
                if receiver.track is track and row["source"] == "camera":
                    publisher = self._names[row["participant"]]
                    self._checked = ShownFrames(self._library.video, publisher)
                    self._sampled = track.id
        if self._checked is not None and track.id == self._sampled:
            self._checked.see(frame)

    def _receivers(self) -> list[tuple[dict[str, Any], Any]]:
        """Offered rows of people of the bench, each with aiortc's receiver."""
        return [
            (row, transceiver.receiver)
            for transceiver in self._down.getTransceivers()
            if (row := self._offered.get(transceiver.mid or "")) is not None
            and row["participant"] in self._names
        ]

    def _receives_all(self) -> bool:
        decoded = [
            receiver for _, receiver in self._receivers() if receiver.track.id in self._frames
        ]
        return len(decoded) >= self._plan.tracks

    def begin(self) -> None:
        """The window begins."""
        self._late.clear()
        if self._checked is not None:
            self._checked.clear()

    async def snapshot(self) -> Snapshot:
        tracks, received = [], 0
        for row, receiver in self._receivers():
            stats = (await receiver.getStats()).values()
            received = max([received, *(s.bytesReceived for s in stats if s.type == "transport")])
            clock = 48_000 if row["kind"] == "audio" else 90_000
            tracks += [
                InboundTrack(
                    publisher=self._names[row["participant"]],
                    kind="screen" if row["source"] == "screen" else row["kind"],
                    packets=one.packetsReceived,
                    lost=one.packetsLost,
                    jitter_ms=1000 * one.jitter / clock,
                    frames=self._frames.get(receiver.track.id, 0),
                )
                for one in stats
                if one.type == "inbound-rtp"
            ]
        sent = []
        for sender, kind in zip(self._up.getSenders(), self._plan.kinds, strict=False):
            sent += [
                OutboundTrack(kind=kind, packets=one.packetsSent, bytes=one.bytesSent)
                for one in (await sender.getStats()).values()
                if one.type == "outbound-rtp"
            ]
        return Snapshot(
            participant=self._plan.participant,
            at=time.monotonic(),
            bytes=received,
            received=tuple(tracks),
            sent=tuple(sent),
            problem=self.problem,
            late_p99_ms=self._late.percentile_ms(0.99),
            late_max_ms=self._late.percentile_ms(1.0),
            checked=self._checked.result() if self._checked is not None else None,
        )

    def _lost(self, why: str) -> None:
        self.problem = f"participant {self._plan.participant}: {why}"
        self._send_event(channel.Lost(self.problem))
        self._signaling.fail(why)

    async def leave(self) -> None:
        """As people do; whatever state it is in."""
        self.problem = self.problem or "left"
        await self._signaling.leave()
        await self._http.close()
        await asyncio.gather(self._up.close(), self._down.close(), return_exceptions=True)


def without_rtx(sdp: str) -> str:
    """An offer in which lost packets are sent again as they were (RFC 4585), not as RTX (RFC 4588).

    aiortc's statistics of a receiver are of one SSRC only, and with RTX that may be the resends'.
    """
    lines = sdp.split("\r\n")
    apts = {
        line.partition(":")[2].partition(" ")[0]
        for line in lines
        if line.startswith("a=rtpmap:") and line.partition(" ")[2].startswith("rtx/")
    }
    groups = [line.split() for line in lines if line.startswith("a=ssrc-group:FID ")]
    resends = {words[2] for words in groups if len(words) > 2}
    kept = []
    for line in lines:
        name, _, rest = line.partition(":")
        first = rest.partition(" ")[0]
        if name in ("a=rtpmap", "a=fmtp", "a=rtcp-fb") and first in apts:
            continue
        if (name == "a=ssrc" and first in resends) or line.startswith("a=ssrc-group:FID "):
            continue
        if line.startswith("m="):
            words = line.split(" ")
            line = " ".join([*words[:3], *(word for word in words[3:] if word not in apts)])
        kept.append(line)
    return "\r\n".join(kept)


async def serve(connection: socket.socket, library: Library) -> None:
    """Carry out the channel's commands until it ends."""
    loop = asyncio.get_running_loop()
    connection.setblocking(False)
    peer: Peer | None = None
    unframer = Unframer()

    def send_event(event: channel.Event) -> None:
        with contextlib.suppress(OSError):
            connection.send(frame(event))

    async def join(plan: channel.Join) -> None:
        try:
            await made.join()
        except ParticipantError as error:
            send_event(channel.Lost(f"participant {plan.participant}: {error}"))
        else:
            send_event(channel.Joined())

    joining: asyncio.Task[None] | None = None
    try:
        while data := await loop.sock_recv(connection, 1 << 16):
            for body in unframer.feed(data):
                command = channel.commands.decode(body)
                if isinstance(command, channel.Join):
                    peer = made = Peer(command, library, send_event)
                    joining = asyncio.create_task(join(command))
                elif peer is None or isinstance(command, channel.Leave):
                    return
                elif isinstance(command, channel.Begin):
                    peer.begin()
                else:
                    send_event(channel.Reported(await peer.snapshot()))
    except OSError:
        pass
    finally:
        if joining is not None:
            joining.cancel()
        if peer is not None:
            await peer.leave()


def main() -> None:
    """Arguments: descriptors of the channel and of the recordings."""
    channel_fd, library_fd = map(int, sys.argv[1:3])
    library = received(library_fd)
    # A collection that walks all of the imported modules takes longer than a frame.
    gc.freeze()
    with socket.socket(fileno=channel_fd) as connection:
        asyncio.run(serve(connection, library))
    # aiortc's decoder threads are no daemons, and one that waits would keep the process.
    os._exit(0)


if __name__ == "__main__":
    main()
