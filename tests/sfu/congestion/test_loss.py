"""Loss that a lower rate cures, and loss that it does not."""

from math import inf

import pytest

from sfu.congestion.loss import LossController

ACKED = 1_000_000


class Link:
    """Feedback each 100 ms on 20 packets, a share of them lost."""

    def __init__(self):
        self.controller = LossController()
        self.now = 0.0
        self.owed = 0.0
        self.backed_off = []

    def play(self, loss, seconds, queued=False):
        """`loss` is a share, or a function of the bound."""
        for _ in range(int(seconds * 10)):
            self.now += 0.1
            bound = self.controller.bound_bps
            self.owed += 20 * (loss(bound) if callable(loss) else loss)
            lost, self.owed = int(self.owed), self.owed % 1
            if self.controller.add(20, lost, queued, ACKED, 0.05, self.now):
                self.backed_off.append(self.now)


@pytest.mark.parametrize("loss", [0.0, 0.01, 0.05, 0.09])
def test_little_loss_bounds_nothing(loss):
    link = Link()
    link.play(loss, 20)
    assert link.controller.bound_bps == inf
    assert link.backed_off == []


def test_much_loss_with_a_queue_lowers_by_half_of_it():
    link = Link()
    link.play(0.3, 0.9, queued=True)
    assert link.controller.bound_bps == pytest.approx(0.85 * ACKED)
    assert link.controller.inherent == 0


def test_a_trial_that_does_not_help_is_taken_back_and_remembered():
    link = Link()
    link.play(0.3, 0.9)
    assert link.controller.trying
    assert link.controller.bound_bps == pytest.approx(0.85 * ACKED)
    link.play(0.3, 2)
    assert not link.controller.trying
    assert link.controller.bound_bps == inf
    assert link.controller.inherent == pytest.approx(0.3, abs=0.03)
    link.play(0.3, 20)
    assert len(link.backed_off) == 1


def test_a_trial_that_helps_stays_and_is_released_slowly():
    def policer(bound):
        return 0.25 if bound > ACKED else 0.0

    link = Link()
    link.play(policer, 3)
    assert 0.85 * ACKED <= link.controller.bound_bps < ACKED
    assert link.controller.inherent == 0
    link.play(0.0, 10)
    assert link.controller.bound_bps > 1.5 * ACKED


def test_what_is_lost_beyond_the_inherent_counts():
    link = Link()
    link.play(0.2, 5)
    assert len(link.backed_off) == 1
    link.play(0.7, 5)
    assert len(link.backed_off) == 2


def test_better_weather_is_noticed():
    link = Link()
    link.play(0.3, 5)
    link.play(0.0, 10)
    assert link.controller.inherent < 0.01


def test_recovered_packets_may_outnumber_the_lost():
    controller = LossController()
    for index in range(50):
        controller.add(20, -1, False, ACKED, 0.05, index / 10)
    assert controller.loss == 0
    assert controller.bound_bps == inf


def test_what_a_full_queue_loses_is_kept_apart():
    link = Link()
    link.play(0.05, 3)
    assert link.controller.unqueued == pytest.approx(0.05, abs=0.02)
    before = link.controller.unqueued
    link.play(0.3, 5, queued=True)
    assert link.controller.loss > 0.2
    assert link.controller.unqueued == before
    link.play(0.0, 3)
    assert link.controller.unqueued == 0
