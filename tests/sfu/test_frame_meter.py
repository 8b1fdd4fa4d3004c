from __future__ import annotations

import pytest

from sfu.frame_meter import FRAMES, FrameMeter


def play(gaps: list[float], start: float = 100.0) -> FrameMeter:
    meter, now = FrameMeter(), start
    meter.frame(now)
    for gap in gaps:
        now += gap
        meter.frame(now)
    return meter


STEADY = [1 / 30] * FRAMES


def test_a_steady_picture_does_not_freeze() -> None:
    meter = play(STEADY * 3)
    assert (meter.count, meter.freezes) == (3 * FRAMES + 1, 0)


@pytest.mark.parametrize(("gap", "freezes"), [(0.18, 0), (0.19, 1), (2.0, 1)])
def test_a_gap_counts_from_150_ms_over_the_mean(gap: float, freezes: int) -> None:
    meter = play([*STEADY, gap])
    assert meter.freezes == freezes
    assert meter.frozen == pytest.approx(gap if freezes else 0.0)


@pytest.mark.parametrize(("gap", "freezes"), [(0.29, 0), (0.31, 1)])
def test_a_slow_picture_needs_three_gaps(gap: float, freezes: int) -> None:
    assert play([*[0.1] * FRAMES, gap]).freezes == freezes


def test_before_it_is_known_what_is_usual_nothing_is_a_freeze() -> None:
    assert play([0.03, 0.03, 2.0]).freezes == 0


def test_a_rest_is_no_freeze() -> None:
    meter = play(STEADY)
    meter.rest()
    meter.frame(200.0)
    assert meter.freezes == 0
    meter.frame(200.5)
    assert meter.freezes == 1
