"""A room in simulated time: publishers, one subscriber's whole downlink, its network, its browser.

Everything between the up tracks and the datagrams is real; the worker's loop is stepped as the
worker steps it: packets each `BATCH`, media each `MEDIA`, requests each `REPAIR` while any are due,
what waits in a pacer when its subscriber is due. The same arguments give the same run.
"""

from __future__ import annotations

import ctypes
import heapq
import math
import random
from typing import Any, Final, cast

import pytest

from sfu import control
from sfu.process.deadlines import NEVER, Deadlines
from sfu.receive import arrival, in_order
from sfu.send import audio_repair
from sfu.send.egress import Outbox
from sfu.send.forwarder import Forwarder
from sfu.send.subscriber import Subscriber
from sfu.wire import ntp, rtcp
from tests.sfu.congestion.link import Receiver, VirtualLink
from tests.sfu.keyed_transport import KeyedTransport
from tests.sfu.peers import down_spec
from tests.sfu.room_sources import HALVES, UPLINK, Arrival, Camera, LayerPlan, Source, Voice
from tests.sfu.room_uplink import Uplink
from tests.sfu.room_viewer import Sound, Video, body

BATCH, MEDIA, REPAIR = 0.003, 0.1, 0.01
UDP_IP: Final = 28
"""Bytes of headers that a link's rate counts too."""


class Room:
    """One subscriber who sees `cameras` and hears `voices`."""

    def __init__(
        self,
        link: VirtualLink,
        cameras: int = 4,
        plans: tuple[LayerPlan, ...] = HALVES,
        *,
        temporal: bool = True,
        seed: int = 1,
        voice_bytes: int = 60,
        feedback: float = 0.075,
        transport_cc: bool = True,
        feedback_loss: float = 0.0,
        uplink: Uplink | None = None,
        voices_ask: bool = True,
    ) -> None:
        """`voices_ask`: the browser negotiates requests for lost voice, as Chromium and not as
        Firefox does."""
        self.link = link
        self.random = random.Random(seed)
        self.outbox = Outbox(self)
        self.forwarder = Forwarder(self.outbox)
        self.keys = KeyedTransport()
        self.now = 0.0
        self.deadlines = Deadlines(pytest.fail)
        self._repairs = self.deadlines.add("repairs", self._repairs_due, REPAIR)
        self.deadlines.add("media", self._media_due).by(0.0)
        self.cameras = [
            self._camera(number, plans, temporal=temporal, seed=seed) for number in range(cameras)
        ]
        self.voices = [self._voice(number, voice_bytes, seed) for number in range(cameras)]
        self.sources: list[Source] = [*self.cameras, *self.voices]
        self.transport_cc = transport_cc
        self.reports = True
        """Whether the viewer sends transport-wide feedback."""
        self.remb_bps = 0
        """What the viewer sends in REMB; 0: it sends none."""
        self.feedback_loss = feedback_loss
        self.uplink = uplink
        """Of all publishers; None: short, and without loss."""
        self.stalls: list[tuple[float, float]] = []
        """Between these times the viewer's machine does nothing."""
        self.server_stalls: list[tuple[float, float]] = []
        self.receiver = Receiver(interval=feedback)
        self.estimates: list[tuple[float, int]] = []
        self.wire: list[tuple[float, int]] = []
        """When each datagram entered the link, and its bytes."""
        self._coming: list[Arrival] = []
        self._arrivals: list[tuple[float, int, bytes]] = []
        self._back: list[tuple[float, int, bytes]] = []
        self._order = 0
        self._next_batch = self._next_requests = 0.0
        self._next_report = 1.0
        self._voices_ask = voices_ask
        # What was sent lately, protected and plain.
        self._sealed: dict[bytes, bytes] = {}
        # SSRC and number: a second one is a replay.
        self._came: set[tuple[int, int]] = set()
        self.copies = 0
        """Packets sent a second time."""
        self._join()

    def _camera(self, number: int, plans: tuple[LayerPlan, ...], **settings: Any) -> Camera:
        return Camera(f"v{number}", self.forwarder, self._repairs.soon, plans, **settings)

    def _voice(self, number: int, size: int, seed: int) -> Voice:
        return Voice(f"a{number}", self.forwarder, self._repairs.soon, size, seed)

    def _join(self) -> None:
        first = self.random.randrange(0x8000)
        self.subscriber = Subscriber(
            self.keys, self.forwarder, self.outbox, 16, lambda: first, self.deadlines
        )
        self.subscriber.connected(0.0)
        self.videos: dict[str, Video] = {}
        self.sounds: dict[str, Sound] = {}
        self._by_ssrc: dict[int, Video | Sound] = {}
        specs = []
        for place, source in enumerate(self.sources):
            asks = source.track.kind == "video" or self._voices_ask
            spec = down_spec(source.track.spec, 7000 + 10 * place, nack=asks, copies=not asks)
            specs.append(spec)
            end: Video | Sound
            if spec.kind == "video":
                end = self.videos[spec.up_track] = Video(spec)
            else:
                end = self.sounds[spec.up_track] = Sound(spec)
            self._by_ssrc[spec.ssrc] = self._by_ssrc[spec.rtx_ssrc or spec.ssrc] = end
        tracks = {source.track.track: source.track for source in self.sources}
        extensions = control.Extensions(transport_cc=5 if self.transport_cc else 0)
        new, _ = self.subscriber.set_tracks(
            control.SetDownTracks("t", extensions, tuple(specs)), 0.0
        )
        for down in new:
            down.up_track = tracks[down.spec.up_track]
            down.up_track.attach(down, 0.0)
        assert self.subscriber.downlink is not None
        self.downlink = self.subscriber.downlink

    def no_reports(self) -> None:
        """The viewer sends no receiver reports."""
        self._next_report = math.inf

    def view(
        self, *views: tuple[str, int, int, str], max_bps: int = 0, quality: str = "auto"
    ) -> None:
        """Track, width, height, importance of each."""
        found = tuple(
            control.TrackView(
                up_track=track, width=width, height=height,
                importance=cast(Any, importance), quality=cast(Any, quality),
            )
            for track, width, height, importance in views
        )  # fmt: skip
        self.subscriber.set_view(
            control.SetView(transport="t", views=found, max_bitrate_bps=max_bps), self.now
        )
        self._next_tick = self._next_media = self.now

    # The network.

    def send(
        self, names: list[int], bases: list[int], lengths: list[int], segments: list[int]
    ) -> None:
        """As a `Batch`: datagrams enter the link."""
        for base, length, segment in zip(bases, lengths, segments, strict=True):
            run = ctypes.string_at(base, length)
            for at in range(0, length, segment):
                self._send(run[at : at + segment])

    def _send(self, datagram: bytes) -> None:
        now = self.now
        plain = self._open(datagram)
        end = self._by_ssrc[int.from_bytes(plain[8:12], "big")]
        if isinstance(end, Video):
            end.octets.append((now, len(datagram) + UDP_IP))
            if plain[1] & 0x7F == end.spec.payload_type:
                payload = body(plain)
                end.sent.packet(int.from_bytes(plain[2:4], "big"), payload, self._is_whole(end))
        size = len(datagram) + UDP_IP
        self.wire.append((now, size))
        arrival = self.link.send(size, now)
        if arrival is None:
            return
        arrival = self._after(arrival, self.stalls)
        self._order += 1
        heapq.heappush(self._arrivals, (arrival, self._order, plain))
        if self.transport_cc:
            self.receiver.expect(int.from_bytes(plain[17:19], "big"), arrival)

    def _open(self, datagram: bytes) -> bytes:
        """What is in it; one that was sent before must be the very same."""
        plain = self._sealed.get(datagram) or self.keys.far_end.unprotect(datagram)
        assert plain is not None
        self.copies += datagram in self._sealed
        self._sealed[datagram] = plain
        if len(self._sealed) > 2000:
            for old in list(self._sealed)[:1000]:
                del self._sealed[old]
        return plain

    def _is_whole(self, video: Video) -> bool:
        camera = next(c for c in self.cameras if c.track.track == video.spec.up_track)
        return not camera.outages and self.uplink is None

    @staticmethod
    def _after(at: float, stalls: list[tuple[float, float]]) -> float:
        return next((end for start, end in stalls if start <= at < end), at)

    def _reply(self, data: bytes, at: float) -> None:
        if self.random.random() >= self.feedback_loss:
            self._order += 1
            heapq.heappush(self._back, (at + self.link.delay, self._order, data))

    # The browser.

    def _browse(self, now: float) -> None:
        while self._arrivals and self._arrivals[0][0] <= now:
            at, _, plain = heapq.heappop(self._arrivals)
            self._take(plain, at)
        if self._after(now, self.stalls) > now:
            return
        if now >= self._next_requests:
            self._next_requests = now + 0.02
            for video in self.videos.values():
                video.play(now)
                for request in video.requests(now, 2 * self.link.delay):
                    self._reply(request, now)
        if now >= self._next_report:
            self._next_report = now + 1.0
            middle = ntp.middle(ntp.from_unix(1e9 + now - self.link.delay))
            heard = () if self._voices_ask else self.sounds.values()
            blocks = [
                rtcp.ReportBlock(end.spec.ssrc, end.take_loss(), 0, 0, 0, middle, 0)
                for end in (*self.videos.values(), *heard)
            ]
            self._reply(rtcp.receiver_report(1, blocks), now)
            if self.remb_bps:
                self._reply(rtcp.remb(1, self.remb_bps, [7000]), now)

    def _take(self, plain: bytes, at: float) -> None:
        ssrc, number = int.from_bytes(plain[8:12], "big"), int.from_bytes(plain[2:4], "big")
        end = self._by_ssrc[ssrc]
        payload = body(plain)
        if isinstance(end, Sound):
            if (ssrc, number) in self._came:
                return
            self._came.add((ssrc, number))
            end.number(number)
            end.packet(payload, at)
            return
        seq = int.from_bytes(plain[2:4], "big")
        resent = plain[1] & 0x7F == end.spec.rtx_payload_type
        if resent:
            if len(payload) < 3:
                # Mere padding.
                return
            seq, payload = int.from_bytes(payload[:2], "big"), payload[2:]
        end.packet(seq, payload, at, resent)

    # The worker.

    def _batch(self, now: float) -> None:
        for source in self.sources:
            for sent in source.step(now, self._order):
                coming = sent if self.uplink is None else self.uplink.send(sent)
                if coming is not None:
                    heapq.heappush(self._coming, coming)
            self._order += 1000
        while self._coming and self._coming[0].at <= now:
            _, _, stream, seq, timestamp, marker, payload = heapq.heappop(self._coming)
            if self.uplink is None or not stream.has(seq):
                arrival.receive(stream, seq, timestamp, marker, payload, now)
        while self._back and self._back[0][0] <= now:
            _, _, data = heapq.heappop(self._back)
            for packet in rtcp.parse(data):
                self.subscriber.receive_rtcp(packet, now, ntp.from_unix(1e9 + now))
        if self.transport_cc and self._after(now, self.stalls) <= now:
            for feedback in self.receiver.reports(now):
                arrives = self.random.random() >= self.feedback_loss
                if self.reports and arrives and self.subscriber.wants_feedback(now):
                    self.subscriber.receive_rtcp(feedback, now, ntp.from_unix(1e9 + now))
        self.forwarder.flush(now)
        self.outbox.flush(now)

    def _media_due(self, now: float) -> float:
        self._repairs.by(self._repairs_due(now))
        for source in self.sources:
            source.track.tick(now)
        self.subscriber.tick(now, ntp.from_unix(1e9 + now), lambda _: None)
        for camera in self.cameras:
            rids = camera.track.changed_demand(now)
            if rids is not None:
                camera.want(rids, now + UPLINK)
        self.estimates.append((now, self.downlink.estimate_bps))
        return now + MEDIA

    def _repairs_due(self, now: float) -> float:
        more = self.uplink is not None and self._repair(self.uplink, now)
        for camera in self.cameras:
            camera.ask_keyframes(now)
            more = more or any(encoder.stream.requester.wanted for encoder in camera.layers)
        return now + REPAIR if more else NEVER

    def _repair(self, uplink: Uplink, now: float) -> bool:
        """As `Publisher.repair`."""
        more = False
        for source in self.sources:
            for stream in source.track.streams:
                if stream.gate >= 0:
                    in_order.check(stream, now, uplink.rtt)
                if not stream.nack:
                    continue
                more = True
                if not stream.is_video:
                    stream.nack.max_age = audio_repair.budget(stream.loss) - uplink.rtt
                if stream.nack.keyframe_needed and stream.output.is_wanted:
                    stream.requester.wanted = True
                for again in uplink.ask(stream, stream.nack.due(now, uplink.rtt), now):
                    self._order += 1
                    heapq.heappush(self._coming, again._replace(order=self._order))
        return more

    def run(self, until: float) -> None:
        """On to this time."""
        while self.now < until:
            now = self.now = self._after(self._next_batch, self.server_stalls)
            self._next_batch = now + BATCH
            self._browse(now)
            self._batch(now)
            self.deadlines.run(now)
            self.forwarder.flush(now)
            self.outbox.flush(now)

    # What a test asks.

    def estimate(self, start: float, end: float) -> float:
        """Mean, bit/s."""
        values = [bps for at, bps in self.estimates if start <= at < end]
        return sum(values) / len(values)

    def lowest_estimate(self, start: float, end: float) -> int:
        return min(bps for at, bps in self.estimates if start <= at < end)

    def bps(self, start: float, end: float) -> float:
        """Sent, all headers counted."""
        return sum(size for at, size in self.wire if start <= at < end) * 8 / (end - start)

    def decoded(self, start: float, end: float) -> float:
        """Share of the frames captured at the layer that is shown, of all cameras."""
        shown = sum(p.fps(start, end) for p in self.videos.values())
        return shown / (25.0 * len(self.videos))
