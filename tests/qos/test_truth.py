"""What is measured against what is known to have happened: a link from a seed, loss to the packet,
jitter to the millisecond."""

from collections import Counter
from itertools import groupby, pairwise
from random import Random

import pytest

from qos.bursts import Bursts, LossRuns
from qos.receive import ReceiveStatistics
from tests.qos.link import carry, in_runs, scattered

PACKETS = 20_000
FIRST = 65_000
"""So that the numbers wrap soon, and again and again."""


class Receiver:
    """What a media worker keeps of a stream: statistics, and loss runs where they change."""

    def __init__(self, clock_rate=48000):
        self.statistics = ReceiveStatistics(clock_rate)
        self.runs = LossRuns()
        self.jitters = []
        """Seconds, after each packet."""

    def take(self, packets):
        statistics = self.statistics
        for packet in packets:
            highest = statistics.highest
            extended = statistics.packet(
                packet.number & 0xFFFF, packet.timestamp, 1000 + packet.arrival, 100
            )
            assert extended == packet.number
            if extended > highest + 1 and highest >= 0:
                self.runs.passed(highest + 1, extended)
            elif extended <= highest:
                self.runs.late(extended)
            self.jitters.append(statistics.jitter_seconds)
        return self

    @property
    def loss(self):
        """Percent."""
        return 100 * self.statistics.lost / self.statistics.expected


def losses(percent, length):
    rng = Random(f"{percent} {length}")
    if length == 1:
        return scattered(rng, PACKETS, percent)
    return in_runs(rng, PACKETS, percent, length)


def runs_of(lost):
    return sum(1 for place in lost if place - 1 not in lost)


@pytest.mark.parametrize("length", [1, 2, 5, 20])
@pytest.mark.parametrize("percent", [0, 1, 5, 20])
def test_loss(percent, length):
    lost = losses(percent, length)
    packets = carry(PACKETS, lost, lambda _: 0.05, first=FIRST)
    receiver = Receiver().take(packets)
    assert receiver.statistics.expected == PACKETS
    assert receiver.statistics.lost == len(lost) == PACKETS * percent // 100
    assert receiver.loss == pytest.approx(percent, abs=0.1)
    assert (receiver.runs.lost, receiver.runs.runs) == (len(lost), runs_of(lost))
    assert receiver.statistics.report()[0] == int(percent * 256 / 100)


@pytest.mark.parametrize("percent", [0, 1, 5, 20])
def test_loss_of_each_second(percent):
    """As the meter has it: differences of totals. A second's sum is the truth to the packet."""
    lost = losses(percent, 3) if percent else set()
    packets = carry(PACKETS, lost, lambda _: 0.05, first=FIRST)
    receiver, before, measured = Receiver(), 0, []
    second = 50
    for _, group in groupby(packets, lambda packet: (packet.number - FIRST) // second):
        receiver.take(group)
        measured.append(receiver.statistics.lost - before)
        before = receiver.statistics.lost
    # A run at the end of a second is found by the packet that follows it.
    assert sum(measured) == len(lost)
    seconds = Counter(place // second for place in lost)
    truth = [seconds[i] for i in range(PACKETS // second)]
    assert all(abs(a - b) <= 3 for a, b in zip(measured, truth, strict=True))


@pytest.mark.parametrize("percent", [0, 1, 5, 20])
def test_loss_with_reordering(percent):
    """Delays swing by 90 ms: packets pass each other, and none of those counts as lost."""
    rng = Random(5)
    lost = losses(percent, 4) if percent else set()
    packets = carry(PACKETS, lost, lambda _: rng.uniform(0.01, 0.1), first=FIRST)
    assert any(a.number > b.number for a, b in pairwise(packets))
    # The first to come defines where the stream begins.
    packets.sort(key=lambda packet: packet.number != FIRST)
    receiver = Receiver().take(packets)
    assert receiver.loss == pytest.approx(percent, abs=0.1)
    assert (receiver.runs.lost, receiver.runs.runs) == (len(lost), runs_of(lost))


@pytest.mark.parametrize("length", [1, 3, 6])
@pytest.mark.parametrize("percent", [1, 5, 20])
def test_bursts_are_counted_exactly(percent, length):
    lost = losses(percent, length)
    packets = carry(PACKETS, lost, lambda _: 0.0, first=FIRST)
    bursts = Bursts()
    bursts.numbers(packet.number for packet in packets)
    metrics = bursts.metrics()
    # Independently: places of loss, split where 16 packets in a row arrived.
    groups, places = [], sorted(lost)
    for place in places:
        if groups and place - groups[-1][-1] - 1 < 16:
            groups[-1].append(place)
        else:
            groups.append([place])
    true = [group for group in groups if len(group) > 1]
    assert metrics.bursts == len(true)
    assert metrics.burst_lost == sum(map(len, true))
    assert metrics.burst_packets == sum(group[-1] - group[0] + 1 for group in true)
    assert (metrics.lost, metrics.runs) == (len(lost), runs_of(lost))


@pytest.mark.parametrize("milliseconds", [0.5, 5, 30, 100])
@pytest.mark.parametrize("percent", [0, 5])
def test_jitter_that_alternates(milliseconds, percent):
    """Every packet's delay differs from the last one's by the same: that is the jitter."""
    swing = milliseconds / 1000
    lost = set()
    if percent:
        # Pairs, so that the packets that arrive still alternate.
        lost = in_runs(Random(6), PACKETS, percent, 2)
    packets = carry(PACKETS, lost, lambda i: 0.1 + swing * (i % 2), first=FIRST)
    # Above the spacing of 20 ms packets pass each other, and that too would change the neighbours.
    packets.sort(key=lambda packet: packet.number)
    jitters = Receiver().take(packets).jitters
    assert jitters[-1] == pytest.approx(swing, rel=0.05)


@pytest.mark.parametrize("clock_rate", [48000, 90000])
@pytest.mark.parametrize(
    ("name", "draw", "truth"),
    [
        # Mean absolute difference of two draws: width / 3, and 2 sigma / sqrt(pi).
        ("uniform", lambda rng: rng.uniform(0.0, 0.015), 0.005),
        ("normal", lambda rng: max(0.0, rng.gauss(0.05, 0.002)), 0.0022568),
        ("exponential", lambda rng: rng.expovariate(1 / 0.003), 0.003),
    ],
)
def test_jitter_at_random(name, draw, truth, clock_rate):
    """The mean of the figure over the call; a single one swings by its nature (gain 1/16)."""
    rng = Random(name)
    packets = carry(PACKETS, set(), lambda _: draw(rng), clock_rate=clock_rate)
    packets.sort(key=lambda packet: packet.number)
    jitters = Receiver(clock_rate).take(packets).jitters[100:]
    assert sum(jitters) / len(jitters) == pytest.approx(truth, rel=0.05)


@pytest.mark.parametrize("percent", [0, 1, 5, 20])
def test_jitter_packet_by_packet(percent):
    """Against RFC 3550's formula on true delays of packets, without timestamps and clocks."""
    rng = Random(7)
    lost = losses(percent, 2) if percent else set()
    packets = carry(PACKETS, lost, lambda _: rng.uniform(0.0, 0.03), first=FIRST)
    packets.sort(key=lambda packet: packet.number != FIRST)
    jitters = Receiver().take(packets).jitters
    truth, delay = 0.0, None
    for packet, jitter in zip(packets, jitters, strict=True):
        if delay is not None:
            truth += (abs(packet.arrival - packet.sent - delay) - truth) / 16
        delay = packet.arrival - packet.sent
        assert jitter == pytest.approx(truth, rel=0.05, abs=1e-5)
