"""A real worker and a client that knows exactly what it sent, and the meter between them."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest

from qos.figures import count
from sfu.control import Extensions, WorkerStats
from sfu.wire import ntp, rtcp, rtp
from signaling.meter.meter import Meter
from signaling.meter.samples import Sample, ServerSample, TrackSample
from signaling.meter.state import PersonState, Received
from tests.sfu.peers import (
    DEADLINE,
    Browser,
    WorkerProcess,
    audio_spec,
    delta_frame,
    down_spec,
    keyframe,
    open_room,
    publish,
    subscribe,
    video_spec,
    worker,
)
from tests.signaling.meter.test_meter import Summary

SERVER = ServerSample(cpu=0.0, rss_bytes=1, memory_used=0.0, machine_cpu=0.0, uptime=0.0)
PACKETS = 2000
PAYLOAD = b"\x78" + bytes(19)
"""Small, so that all packets at once are within what a voice may come with after a stall."""


class Scene:
    """Alice publishes a voice and video, Bob receives both, a meter looks on."""

    def __init__(self, process: WorkerProcess) -> None:
        self.process = process
        voice, camera = audio_spec("ta"), video_spec("tv", nack=False)
        self.alice = publish(process, "alice", voice, camera)
        self.bob = subscribe(
            process, "bob", down_spec(voice, 8000), down_spec(camera, 7000),
            extensions=Extensions(),
        )  # fmt: skip
        summary = Summary()
        ada, _ = summary.people
        summary.pid = process.ready.pid
        flowing = Received("flowing", 0, False)
        summary.people = (
            PersonState("ada", "Ada", 1.0, True, tracks=ada.tracks, publish=self.alice.id),
            PersonState(
                "bo", "Bo", 1.0, True, subscribe=self.bob.id,
                receiving={"ta": flowing, "tv": flowing},
            ),
        )  # fmt: skip
        self.meter = Meter(summary, lambda: SERVER)
        self.samples: list[Sample] = []

    def second(self) -> Sample:
        """The next message of the worker, as a sample; the clients are looked after meanwhile."""
        self.alice.pump(0)
        self.bob.pump(0)
        stats = self.process.wait(WorkerStats)
        assert self.meter.receive(0, self.process.ready.pid, stats, stats.at)
        self.samples.append(self.meter.sample(stats.at, 1e9 + stats.at).sample)
        return self.samples[-1]

    def until(self, person: int, track: str, packets: int) -> list[TrackSample]:
        """Samples of a track until so many packets were expected of it, and one more."""
        end = time.monotonic() + DEADLINE
        found: list[TrackSample] = []
        while time.monotonic() < end:
            done = sum(one.figures.packets for one in found) >= packets
            self.second()
            found = [self.track(sample, person, track) for sample in self.samples]
            if done:
                return found
        raise TimeoutError(track)

    @staticmethod
    def track(sample: Sample, person: int, name: str) -> TrackSample:
        tracks = sample.rooms[0].people[person].tracks
        return next(track for track in tracks if track.track == name)


@pytest.fixture
def scene() -> Iterator[Scene]:
    with worker(hasty=False) as running:
        open_room(running)
        yield Scene(running)


def send(scene: Scene, dropped: set[int]) -> None:
    """A voice as fast as it goes, but for those that the network lost."""
    for number in range(PACKETS):
        if number not in dropped:
            scene.alice.send_rtp(rtp.build(111, number, number * 960, 500, PAYLOAD))
        if number % 50 == 0:
            scene.alice.pump(0.001)
            scene.bob.pump(0)


@pytest.mark.parametrize("loss", [0.0, 0.01, 0.05, 0.20])
def test_loss_of_a_publisher(scene: Scene, loss: float) -> None:
    chance = random.Random(4)
    dropped = {number for number in range(1, PACKETS - 1) if chance.random() < loss}
    scene.second()
    send(scene, dropped)
    # Those asked for in vain are given up after a while: only then they are lost.
    voices = scene.until(0, "ta", PACKETS)
    while sum(voice.figures.packets_lost for voice in voices) < len(dropped):
        voices.append(scene.track(scene.second(), 0, "ta"))
    packets = sum(voice.figures.packets for voice in voices)
    lost = sum(voice.figures.packets_lost for voice in voices)
    assert packets == PACKETS
    assert 100 * lost / packets == pytest.approx(100 * len(dropped) / PACKETS, abs=0.1)
    sent = scene.until(1, "ta", PACKETS - len(dropped))
    assert sum(voice.figures.packets for voice in sent) == PACKETS - len(dropped)
    delays = [sum(sample.workers[0].forwarding_delay) for sample in scene.samples]
    assert sum(delays) == PACKETS - len(dropped)


def test_what_a_receiver_reports_and_both_round_trips(scene: Scene) -> None:
    scene.second()
    send(scene, set())
    scene.until(1, "ta", PACKETS)
    report = rtcp.ReportBlock(8000, 5, 40, 2000, 480, 0, 0)
    scene.bob.send_rtcp(rtcp.receiver_report(1, [report]))
    answer_reference_time(scene)
    end = time.monotonic() + DEADLINE
    loss = rtt = None
    while (loss is None or rtt is None) and time.monotonic() < end:
        sample = scene.second()
        loss = scene.track(sample, 1, "ta").figures.loss
        rtt = sample.rooms[0].people[0].up.round_trip_time
    assert loss == pytest.approx(100 * 40 / PACKETS, abs=0.1)
    assert scene.track(sample, 1, "ta").figures.jitter == pytest.approx(0.010)
    assert rtt is not None
    assert 0.2 < rtt < 0.2 + DEADLINE


def answer_reference_time(scene: Scene) -> None:
    """As a browser that only sends: how long ago it got the server's reference time.

    It reports 0.2 s less than it was, so the server must find a round trip of 0.2 s at least.
    """
    alice: Browser = scene.alice

    def references() -> list[rtcp.ReceiverReferenceTime]:
        return [
            packet
            for data in alice.rtcp
            for packet in rtcp.parse(data)
            if isinstance(packet, rtcp.ReceiverReferenceTime)
        ]

    alice.receive_until(lambda: bool(references()))
    reference = references()[-1]
    middle = (ntp.middle(reference.ntp) - int(0.2 * 65536)) & 0xFFFFFFFF
    entries = [(reference.ssrc, middle, 0)]
    alice.send_rtcp(rtcp.receiver_report(500) + rtcp.xr_dlrr(500, entries))


def test_a_video(scene: Scene) -> None:
    scene.second()
    sizes = 0
    for number in range(300):
        body = keyframe(number) if number % 100 == 0 else delta_frame(number, 500)
        sizes += len(body)
        packet = rtp.build(96, number, number * 3000, 1000, body, marker=True)
        scene.alice.send_rtp(packet)
        if number % 20 == 0:
            scene.alice.pump(0.001)
    cameras = scene.until(0, "tv", 300)
    assert sum(count(camera.counts, "key_frames") for camera in cameras) == 3
    assert {(camera.width, camera.height) for camera in cameras if camera.width} == {(320, 240)}
    octets = frames = 0.0
    for before, after in zip(scene.samples, scene.samples[1:], strict=False):
        seconds = after.at - before.at
        camera = scene.track(after, 0, "tv")
        octets += (camera.figures.bitrate or 0.0) * seconds / 8
        frames += (camera.frames_per_second or 0.0) * seconds
    assert octets == pytest.approx(sizes, rel=0.001)
    assert frames == pytest.approx(300, rel=0.001)
