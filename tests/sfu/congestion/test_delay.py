"""Queues that grow, stand, drain or only seem to."""

import random

import pytest

from sfu.congestion.acked import AckedRate
from sfu.congestion.delay import DelayDetector, Usage
from sfu.congestion.history import Outcome


def usages(delay_at, seconds, interval=0.01, batch=5):
    """Usage over time, from flushes whose delay is a function of the time of sending."""
    detector, found, pending = DelayDetector(), [], []
    for index in range(int(seconds / interval)):
        sent_at = index * interval
        arrival = 700.0 + sent_at + delay_at(sent_at)
        pending.append(Outcome(sent_at, 1200, 1, 1, arrival, arrival))
        if len(pending) == batch:
            found.append((sent_at, detector.add(pending, sent_at)))
            pending = []
    return found


def first(found, usage):
    return next((at for at, seen in found if seen is usage), None)


def test_a_growing_queue_is_overuse_before_it_is_long():
    found = usages(lambda at: 0.02 + max(0.0, at - 5) * 0.2, 8)
    assert 5 < first(found, Usage.OVERUSE) < 5.4


def test_a_queue_that_creeps_is_overuse_before_a_tenth_of_a_second():
    """1 % a second: far below any threshold of slope."""
    found = usages(lambda at: 0.02 + max(0.0, at - 2) * 0.01, 20)
    assert 2 < first(found, Usage.OVERUSE) < 9


def test_a_draining_queue_is_underuse():
    found = usages(lambda at: 0.02 + max(0.0, 0.1 - max(0.0, at - 5) * 0.2), 7)
    assert first(found, Usage.UNDERUSE) > 5


@pytest.mark.parametrize("granularity", [0.00025, 0.001, 0.004])
def test_granularity_is_no_queue(granularity):
    found = usages(lambda at: (0.02 + at) // granularity * granularity - at, 20, interval=0.0073)
    assert {usage for _, usage in found} == {Usage.NORMAL}


def test_jitter_is_no_queue():
    draw = random.Random(3)
    found = usages(lambda at: 0.02 + draw.random() * 0.01, 60)
    assert first(found, Usage.OVERUSE) is None


def test_a_path_that_became_longer_is_overuse_for_a_while_only():
    found = usages(lambda at: 0.02 if at < 5 else 0.2, 15)
    assert first(found, Usage.OVERUSE) is not None
    assert all(usage is Usage.NORMAL for at, usage in found if at > 9)


def test_a_jump_of_the_clock_begins_anew():
    found = usages(lambda at: 0.02 if at < 5 else 4000.0, 10)
    assert first(found, Usage.OVERUSE) is None


def test_outcomes_out_of_order_and_lost_ones_are_left_out():
    plain, disturbed = DelayDetector(), DelayDetector()
    for index in range(200):
        sent_at = index / 50
        arrival = 9.0 + sent_at + max(0.0, sent_at - 2) * 0.3
        outcome = Outcome(sent_at, 1200, 1, 1, arrival, arrival)
        lost = Outcome(sent_at + 0.01, 1200, 1, 0, 0.0, 0.0)
        late = Outcome(sent_at - 1, 1200, 1, 1, arrival + 1, arrival + 1)
        assert plain.add([outcome], sent_at) is disturbed.add([outcome, lost, late], sent_at)


def test_what_a_probe_disturbs_has_no_slope():
    def play(quiet_until):
        detector = DelayDetector()
        worst = []
        for index in range(300):
            sent_at = index / 100
            delay = 0.02 + (0.06 * (sent_at - 2) / 0.1 if 2 <= sent_at < 2.1 else 0.0)
            outcome = Outcome(sent_at, 1200, 1, 1, 9.0 + sent_at + delay, 9.0 + sent_at + delay)
            worst.append(detector.add([outcome], sent_at, quiet_until))
        return worst

    assert Usage.OVERUSE in play(-1.0)
    assert Usage.OVERUSE not in play(2.1)


def test_the_rate_of_what_arrives():
    acked = AckedRate()
    assert acked.bps(0.5) == 0
    # 1 Mbit/s for two seconds, then a quarter of it.
    at = 50.0
    for index in range(250):
        at += 0.01 if index < 200 else 0.04
        acked.add([Outcome(index / 100, 1250, 5, 5, at - 0.005, at)])
    assert acked.bps(0.5) == pytest.approx(250_000, rel=0.02)
    assert acked.bps(2.0) == pytest.approx(250_000, rel=0.02)
    acked.add([Outcome(3.0, 1250, 5, 5, at + 100, at + 100)])
    assert acked.bps(0.5) == 0


def test_a_share_of_a_flush_that_arrived_counts_as_that():
    acked = AckedRate()
    for index in range(101):
        acked.add([Outcome(index / 100, 1250, 5, 4, index / 100, index / 100)])
    assert acked.bps(1.0) == pytest.approx(800_000, rel=0.02)
