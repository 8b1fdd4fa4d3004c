"""The counters against an independent truth: known loss, bursts and jitter on a virtual link."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from qos.figures import counts
from qos.receive import ReceiveStatistics
from sfu.measured import DownTotals, StreamTotals
from sfu.net.srtp import AEAD_AES_128_GCM, SrtpContext
from sfu.process.worker_stats import down_totals, stream_totals, up_totals
from sfu.receive import arrival
from sfu.receive.up_track import UpTrack
from sfu.send.down_track import DownTrack
from sfu.send.egress import Egress, Outbox
from sfu.send.forwarder import Forwarder
from sfu.wire import rtcp, rtp
from tests.sfu.fan_out import Wire
from tests.sfu.peers import audio_spec, delta_frame, down_spec, keyframe, video_spec

PACKETS = 10_000
CLOCK = 48_000
FRAME = 0.020
BATCH = 0.003
"""Seconds over which a busy worker gathers."""
KEY = bytes(range(AEAD_AES_128_GCM.key_length + AEAD_AES_128_GCM.salt_length))


@dataclass
class Link:
    """A seeded network: what it drops, and how late the rest comes."""

    loss: float
    run: float = 1.0
    """Mean length of a run of losses, packets."""
    jitter: float = 0.0
    """Seconds, most that a packet is late."""
    seed: int = 1
    dropped: set[int] = field(default_factory=set)
    runs: int = 0
    arrivals: list[tuple[float, int]] = field(default_factory=list)
    """In order: when, and the number."""

    def carry(self, count: int) -> None:
        chance = random.Random(self.seed)
        bad = False
        leave = 1 / self.run
        enter = self.loss * leave / (1 - self.loss) if self.loss < 1 else 1.0
        at = 0.0
        for number in range(count):
            bad = chance.random() >= leave if bad else chance.random() < enter
            # The first and last are known to come: only between two can a loss be seen.
            if bad and 0 < number < count - 1:
                self.dropped.add(number)
                self.runs += number - 1 not in self.dropped
                continue
            # Nothing overtakes: lateness is not the subject of these tests.
            at = max(at, number * FRAME + chance.random() * self.jitter)
            self.arrivals.append((at, number))


def true_jitter(arrivals: list[tuple[float, int]]) -> float:
    """RFC 3550 appendix A.8 in plain words, in seconds."""
    jitter = transit = 0.0
    for place, (at, number) in enumerate(arrivals):
        now = at - number * FRAME
        if place:
            jitter += (abs(now - transit) - jitter) / 16
        transit = now
    return jitter


def receive(link: Link, batch: float = 0.0, first: int = 65_000) -> StreamTotals:
    """A voice over a link, taken as the worker takes it; nobody answers its requests."""
    forwarder = Forwarder(Outbox(Wire()))
    track = UpTrack(audio_spec("a"), "alice", forwarder)
    stream = track.stream_for("", 500)
    now = 0.0
    for at, number in link.arrivals:
        now = at if not batch else (int(at / batch) + 1) * batch
        arrival.receive(
            stream, (first + number) & 0xFFFF, number * 960 & 0xFFFFFFFF, 0, b"v" * 80, now
        )
        forwarder.flush(now)
        assert stream.nack is not None
        stream.nack.due(now, 0.05)
    assert stream.nack is not None
    stream.nack.due(now + 5.0, 0.05)
    return stream_totals(stream, True)


PATHS = [
    (loss, run) for loss in (0.0, 0.01, 0.05, 0.20) for run in (1.0, 4.0) if loss or run == 1.0
]


@pytest.mark.parametrize(("loss", "run"), PATHS)
@pytest.mark.parametrize("batch", [0.0, BATCH])
def test_loss_is_what_was_dropped(loss: float, run: float, batch: float) -> None:
    link = Link(loss, run, jitter=0.004)
    link.carry(PACKETS)
    found = receive(link, batch)
    assert found.packets_expected == PACKETS
    assert found.packets_lost == len(link.dropped)
    assert found.packets_missed == len(link.dropped)
    assert found.loss_events == link.runs
    share = 100 * found.packets_lost / found.packets_expected
    assert share == pytest.approx(100 * len(link.dropped) / PACKETS, abs=0.1)
    if loss:
        assert share == pytest.approx(100 * loss, rel=0.5)


@pytest.mark.parametrize("jitter", [0.002, 0.010, 0.019])
def test_jitter_is_that_of_the_path(jitter: float) -> None:
    link = Link(0.01, jitter=jitter)
    link.carry(PACKETS)
    truth = true_jitter(link.arrivals)
    assert receive(link).jitter == pytest.approx(truth, rel=0.001)


def test_gathering_moves_jitter_by_less_than_what_is_gathered() -> None:
    link = Link(0.0, jitter=0.019)
    link.carry(PACKETS)
    assert receive(link, BATCH).jitter == pytest.approx(true_jitter(link.arrivals), rel=0.05)


def test_what_was_asked_for_and_may_still_come_is_not_lost_yet() -> None:
    track = UpTrack(audio_spec("a"), "alice", Forwarder(Outbox(Wire())))
    stream = track.stream_for("", 500)
    for number in (1, 2, 5):
        arrival.receive(stream, number, number * 960, 0, b"v", number * FRAME)
    assert stream_totals(stream, True).packets_lost == 0
    arrival.receive(stream, 3, 3 * 960, 0, b"v", 0.15)
    stream.nack.due(9.0, 0.05)  # type: ignore[union-attr]
    found = stream_totals(stream, True)
    assert (found.packets_lost, found.packets_missed, found.loss_events) == (1, 2, 1)


def test_frames_keyframes_and_size_of_a_video() -> None:
    forwarder = Forwarder(Outbox(Wire()))
    track = UpTrack(video_spec("v"), "alice", forwarder)
    stream = track.stream_for("", 1000)
    for number in range(1, 91):
        body = keyframe(number) if number % 30 == 1 else delta_frame(number)
        late = 1.0 if number > 60 else 0.0
        now = number / 30 + late
        arrival.receive(stream, 2 * number, number * 3000, 0, body, now)
        arrival.receive(
            stream, 2 * number + 1, number * 3000, 0, b"\x80\xe0\x80\x01\x07\x00tail", now
        )
        forwarder.flush(now)
    found = up_totals(track).streams[0]
    assert (found.frames_received, found.counts) == (90, counts(key_frames=3))
    assert (found.frame_width, found.frame_height) == (320, 240)
    assert found.freeze_count == 1
    assert found.total_freezes_duration == pytest.approx(1 + 1 / 30)
    assert found.packets_received == 180
    assert found.bytes_received == 3 * len(keyframe()) + 87 * len(delta_frame()) + 90 * 10


def test_the_loudest_level_is_that_since_the_last_look() -> None:
    track = UpTrack(audio_spec("a"), "alice", Forwarder(Outbox(Wire())))
    for level in (60, 20, 90):
        track.level = level
        track.hear()
    assert up_totals(track).audio_level == 20
    assert up_totals(track).audio_level == 127
    assert track.pop_level() == 20


def send(link: Link) -> tuple[DownTotals, ReceiveStatistics]:
    """A voice from a perfect publisher, to a receiver behind a link."""
    wire = Wire()
    outbox = Outbox(wire)
    forwarder = Forwarder(outbox)
    track = UpTrack(audio_spec("a"), "alice", forwarder)
    stream = track.stream_for("", 500)
    egress = Egress(outbox, SrtpContext(AEAD_AES_128_GCM, KEY, inbound=False), 16)
    keys = SrtpContext(AEAD_AES_128_GCM, KEY, inbound=True)
    down = DownTrack(down_spec(track.spec, 8000), egress, 100)
    down.up_track = track
    track.attach(down, 0.0)
    far = ReceiveStatistics(CLOCK)
    lateness = {number: at for at, number in link.arrivals}
    for number in range(PACKETS):
        arrival.receive(stream, number & 0xFFFF, number * 960, 0, b"v" * 80, number * FRAME)
        forwarder.flush(number * FRAME)
        outbox.flush(1.0)
        (datagram,) = wire.datagrams()
        wire.messages.clear()
        plain = keys.unprotect(datagram)
        assert plain is not None
        if number in lateness:
            _, _, seq, timestamp, _ = rtp.HEADER.unpack_from(plain)
            far.packet(seq, timestamp, lateness[number], 80)
        if number % 250 == 249:
            fraction, lost, highest, jitter = far.report()
            block = rtcp.ReportBlock(8000, fraction, lost, highest, jitter, 0, 0)
            (report,) = rtcp.parse(rtcp.receiver_report(1, [block]))
            assert isinstance(report, rtcp.ReceiverReport)
            down.report(report.reports[0], fraction / 256, number * FRAME)
    return down_totals(down), far


@pytest.mark.parametrize(("loss", "run"), PATHS)
def test_what_a_receiver_reports_is_what_was_dropped(loss: float, run: float) -> None:
    link = Link(loss, run, jitter=0.004)
    link.carry(PACKETS)
    found, far = send(link)
    assert found.packets_sent == PACKETS
    assert found.bytes_sent == PACKETS * 80
    assert found.reports == PACKETS // 250
    share = 100 * found.reported_lost / PACKETS
    assert share == pytest.approx(100 * len(link.dropped) / PACKETS, abs=0.1)
    assert found.reported_jitter == pytest.approx(true_jitter(link.arrivals), rel=0.05)
    assert found.reported_jitter == pytest.approx(far.jitter_seconds, abs=1 / CLOCK)
