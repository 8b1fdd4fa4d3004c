"""One offset for all streams of a publisher, whatever happens to its clock."""

from __future__ import annotations

import random

import pytest

from sfu.receive.publisher_clock import LEAST_STEP, PublisherClock
from sfu.receive.rtp_stream import RtpStream
from sfu.receive.up_track import UpTrack
from sfu.send.egress import Outbox
from sfu.send.forwarder import Forwarder
from sfu.wire import ntp
from tests.sfu.fan_out import Wire
from tests.sfu.peers import audio_spec, video_spec

OURS = 1_000_000_000.0
"""Unix time of the beginning on our clock."""
AHEAD = -12.5
"""Seconds that the publisher's clock is ahead of ours, at first."""


class Publisher:
    """A voice and a camera, with reports that take 20 to 40 ms."""

    def __init__(self) -> None:
        self.clock = PublisherClock()
        self.random = random.Random(1)
        self.ahead = AHEAD
        self.starts = {"audio": 4_000_000_000, "video": 77}
        """RTP timestamps at the beginning."""
        forwarder = Forwarder(Outbox(Wire()))
        self.streams: dict[str, RtpStream] = {
            spec.kind: UpTrack(spec, "alice", forwarder).stream_for("", ssrc)
            for spec, ssrc in ((audio_spec("a"), 500), (video_spec("v"), 1000))
        }

    def timestamp(self, kind: str, at: float) -> int:
        return int(self.starts[kind] + at * self.streams[kind].clock_rate) & 0xFFFFFFFF

    def report(self, kind: str, at: float, late: float = 0.0) -> None:
        """Made at `at`; it takes its time, and `late` more."""
        arrives = OURS + at + self.random.uniform(0.02, 0.04) + late
        self.clock.report(
            self.streams[kind],
            ntp.from_unix(OURS + at + self.ahead),
            self.timestamp(kind, at),
            ntp.from_unix(arrives),
            self.streams.values(),
        )

    def error(self, kind: str, at: float) -> float:
        """Seconds by which the time reported to receivers for this instant is wrong."""
        stream = self.streams[kind]
        assert self.clock.offset is not None
        elapsed = (ntp.from_unix(OURS + at) - stream.sender_ntp) / 2**32 - self.clock.offset
        found = stream.sender_rtp + int(elapsed * stream.clock_rate)
        wrong = (found - self.timestamp(kind, at) + 0x80000000 & 0xFFFFFFFF) - 0x80000000
        return wrong / stream.clock_rate

    def apart(self, at: float) -> float:
        return abs(self.error("audio", at) - self.error("video", at))

    def settle(self) -> None:
        """Five seconds of reports."""
        for second in range(5):
            self.report("audio", second + 0.1)
            self.report("video", second + 0.6)
        assert self.apart(5.0) < 0.001
        assert abs(self.error("video", 5.0)) < 0.05


@pytest.mark.parametrize("step", [3600.0, -3600.0, 0.3, -0.3, -2.0, 86400.0 * 400])
@pytest.mark.parametrize("first", ["audio", "video"])
def test_a_clock_that_is_set_keeps_lips_together(step: float, first: str) -> None:
    publisher = Publisher()
    publisher.settle()
    publisher.ahead += step
    # Until a report says so nothing is wrong: no clock of theirs is asked in between.
    assert publisher.apart(5.5) < 0.001
    publisher.report(first, 5.7)
    for kind in ("audio", "video"):
        assert abs(publisher.error(kind, 5.8)) < 0.05
    assert publisher.apart(5.8) < 0.001
    for second in range(6, 9):
        for kind in ("audio", "video"):
            publisher.report(kind, second + 0.2)
            assert publisher.apart(second + 0.3) < 0.001
            assert abs(publisher.error(kind, second + 0.3)) < 0.05


def test_a_report_that_comes_late_is_no_step() -> None:
    publisher = Publisher()
    publisher.settle()
    publisher.report("audio", 5.1, late=4.0)
    assert abs(publisher.error("video", 9.2)) < 0.11
    assert publisher.apart(9.2) < 0.001


def test_a_timeline_that_jumps_moves_no_other() -> None:
    """As an encoder's that begins anew."""
    publisher = Publisher()
    publisher.settle()
    publisher.starts["video"] += 90_000 * 50
    before = publisher.error("audio", 6.0)
    publisher.report("video", 5.9)
    assert publisher.error("audio", 6.0) == pytest.approx(before, abs=0.001)
    assert abs(publisher.error("video", 6.0)) < 0.05


def test_a_slow_clock_is_followed_and_less_than_a_step_too() -> None:
    publisher = Publisher()
    publisher.settle()
    publisher.ahead += 0.9 * LEAST_STEP
    for second in range(5, 200):
        publisher.ahead += 50e-6
        publisher.report("audio", second + 0.1)
        publisher.report("video", second + 0.2)
    assert abs(publisher.error("audio", 200)) < 0.06
    assert publisher.apart(200) < 0.001
