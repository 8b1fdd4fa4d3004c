"""Whole calls in simulated time whose viewer has only TCP."""

from __future__ import annotations

import random
from collections import deque
from typing import Any

import pytest

from sfu.net.framing import FrameReader
from sfu.net.send_queue import SendQueue
from tests.sfu.congestion.link import VirtualLink
from tests.sfu.room_link import Room
from tests.sfu.room_viewer import Video

WINDOW = 96 * 1024
"""Bytes that the kernel has sent and not seen acknowledged, at most."""


class OrderedLink(VirtualLink):
    """A link over which TCP repairs: a lost packet comes a round trip later, and all others behind
    it wait for it."""

    def __init__(self, rates: float, loss: float, seed: int) -> None:
        super().__init__(rates, seed=seed, delay=0.05, queue_seconds=10.0)
        self.share, self.draw = loss, random.Random(seed)

    def send(self, size: int, now: float) -> float | None:
        arrival = super().send(size, now)
        assert arrival is not None
        # The resend may be lost, too.
        while self.draw.random() < self.share:
            arrival += 2 * self.delay + 0.01
        self._latest = arrival = max(arrival, self._latest)
        return arrival


class Pipe:
    """The server's end of the connection: what `sfu.net.tcp.Connection` is, with a model kernel."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.queue = SendQueue()
        self.reader = FrameReader()
        self.in_flight: deque[tuple[float, int]] = deque()
        self.longest_wait = 0.0
        self.taken = 0

    def waited(self, now: float) -> float:
        return self.queue.waited(now)

    def send_runs(
        self, data: bytearray, runs: list[tuple[int, int]], audio: frozenset[int], now: float
    ) -> None:
        start = 0
        for length, segment in runs:
            for at in range(start, start + length, segment):
                packet = bytes(data[at : min(at + segment, start + length)])
                voice = int.from_bytes(packet[8:12], "big") in audio
                (self.queue.put_audio if voice else self.queue.put_video)(packet, now)
            start += length
        self.flush(now)

    def flush(self, now: float) -> None:
        """As much as the kernel takes."""
        in_flight = self.in_flight
        self.longest_wait = max(self.longest_wait, self.waited(now))
        while in_flight and in_flight[0][0] <= now:
            in_flight.popleft()
        while (room := WINDOW - sum(size for _, size in in_flight)) > 0:
            chunk = self.queue.chunk(now)[:room]
            if not chunk:
                break
            self.queue.sent(len(chunk))
            self.taken += len(chunk)
            for datagram in self.reader.feed(chunk):
                self.room._send(datagram)
            in_flight.append((self.room.link._latest + self.room.link.delay, len(chunk)))


class TcpRoom(Room):
    """A room whose viewer has moved to TCP."""

    def __init__(self, link: VirtualLink, **settings: Any) -> None:
        super().__init__(link, 2, **settings)
        self.pipe = Pipe(self)
        self.outbox.streams = {self.keys.selected: self.pipe}
        self.subscriber.address_selected(0.0)
        self.view(*((track, 640, 360, "tile") for track in self.videos))

    def _is_whole(self, video: Video) -> bool:
        # The queue drops what waits for too long.
        return False

    def _batch(self, now: float) -> None:
        self.pipe.flush(now)
        super()._batch(now)


def top(video: Video, start: float, end: float) -> float:
    """Share of the camera's frames that were shown in the best layer."""
    return video.layers(start, end).count(1) / (25 * (end - start))


@pytest.mark.parametrize("seed", [1, 2])
def test_what_tcp_repairs_takes_no_layers(seed: int) -> None:
    room = TcpRoom(OrderedLink(5e6, 0.02, seed), seed=seed)
    room.run(50)
    for video in room.videos.values():
        assert top(video, 12, 50) > 0.99
        assert video.longest_gap(12, 50) < 0.6
    assert room.pipe.longest_wait < 0.4


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("loss", [0.0, 0.02])
def test_what_the_path_does_not_carry_is_seen_by_what_waits(seed: int, loss: float) -> None:
    room = TcpRoom(OrderedLink(6e5, loss, seed), seed=seed)
    room.run(60)
    assert room.bps(20, 60) < 6e5
    assert room.bps(20, 60) > 3e5
    for video in room.videos.values():
        assert video.fps(20, 60) > 8
    assert max(sound.loss(20, 59) for sound in room.sounds.values()) == 0


class CutLink(OrderedLink):
    """The same; nothing comes through between two times, and what was sent then comes after."""

    cut = (20.0, 25.0)

    def send(self, size: int, now: float) -> float | None:
        arrival = super().send(size, now)
        assert arrival is not None
        if self.cut[0] <= arrival < self.cut[1]:
            self._latest = arrival = self.cut[1]
        return arrival


@pytest.mark.parametrize("seed", [1, 2])
def test_a_connection_that_stood_still_goes_on_as_before(seed: int) -> None:
    room = TcpRoom(CutLink(5e6, 0.0, seed), seed=seed)
    room.run(40)
    for video in room.videos.values():
        assert top(video, 12, 20) > 0.99
        assert top(video, 28, 40) > 0.95
    assert room.lowest_estimate(22, 30) > 600_000


def test_neither_redundancy_nor_copies_go_over_tcp() -> None:
    room = TcpRoom(OrderedLink(5e6, 0.05, 1), voices_ask=False)
    room.run(20)
    assert room.copies == 0
    assert not any(down.copied for down in room.subscriber.down_tracks.values())


def test_a_viewer_that_is_back_on_udp_is_judged_by_delays_again() -> None:
    room = TcpRoom(VirtualLink(5e6))
    room.run(5)
    assert room.downlink.estimator.over_tcp
    room.outbox.streams = {}
    room.subscriber.address_selected(room.now)
    assert not room.downlink.estimator.over_tcp
    room.run(15)
    assert all(set(p.layers(12, 15)) == {1} for p in room.videos.values())
