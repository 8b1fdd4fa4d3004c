"""Frames: rate, freezes on both sides of the threshold, keyframe intervals."""

import math
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qos.video import ENOUGH, FRAMES, FrameMeter, freeze_threshold

RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def fed(gaps, start=100.0):
    meter, now = FrameMeter(), start
    meter.frame(now)
    for gap in gaps:
        now += gap
        meter.frame(now)
    return meter, now


@pytest.mark.parametrize(
    ("mean", "threshold"), [(0.033, 0.183), (0.075, 0.225), (0.1, 0.3), (1.0, 3.0)]
)
def test_threshold(mean, threshold):
    assert freeze_threshold(mean) == pytest.approx(threshold)


def test_before_there_are_frames():
    meter = FrameMeter()
    assert (meter.count, meter.freezes, meter.frozen, meter.key_frames) == (0, 0, 0.0, 0)
    assert (meter.mean_gap, meter.frame_rate, meter.stalled(5.0)) == (None, None, 0.0)
    meter.frame(1.0)
    assert (meter.count, meter.mean_gap, meter.frame_rate) == (1, None, None)


@pytest.mark.parametrize("fps", [5, 15, 25, 30, 60])
def test_frame_rate(fps):
    meter, _ = fed([1 / fps] * 200)
    assert meter.count == 201
    assert meter.frame_rate == pytest.approx(fps)
    assert meter.mean_gap == pytest.approx(1 / fps)
    assert meter.freezes == 0


@pytest.mark.parametrize(
    # The browsers' own cases: milliseconds between frames, the last gap, whether it is a freeze.
    # The last gap is one of the 30 of which the mean is taken.
    ("usual", "gap", "freeze"),
    [
        (30, 184, False),
        (30, 186, True),
        (150, 482, False),
        (150, 484, True),
        (500, 1610, False),
        (500, 1612, True),
    ],
)
def test_freeze_on_both_sides_of_the_threshold(usual, gap, freeze):
    meter, _ = fed([2.0] + [usual / 1000] * FRAMES + [gap / 1000])
    assert meter.freezes == freeze
    assert meter.frozen == pytest.approx(gap / 1000 if freeze else 0)


def test_the_mean_forgets_what_is_more_than_30_gaps_ago():
    meter, _ = fed([9.0] * 40 + [0.04] * FRAMES)
    assert meter.mean_gap == pytest.approx(0.04)


def test_too_few_frames_show_no_freeze():
    # Nine times the usual gap, but only as the fifth is it counted.
    assert fed([0.1] * (ENOUGH - 2) + [0.9])[0].freezes == 0
    assert fed([0.1] * (ENOUGH - 1) + [0.9])[0].freezes == 1


def test_freezes_add_up():
    meter, _ = fed(([0.04] * 50 + [0.5]) * 3)
    assert meter.freezes == 3
    assert meter.frozen == pytest.approx(1.5)


def test_a_video_that_stops_for_good_is_seen_though_no_freeze_is_counted():
    meter, now = fed([0.04] * 50)
    assert meter.stalled(now + 0.18) == 0.0
    assert meter.stalled(now + 0.2) == pytest.approx(0.2)
    assert meter.stalled(now + 60) == pytest.approx(60)
    assert meter.freezes == 0
    assert meter.stalled(now - 60) == 0.0


def test_too_few_frames_show_no_standstill():
    meter, now = fed([0.1] * (ENOUGH - 1))
    assert meter.stalled(now + 5) == 0.0
    meter, now = fed([0.1] * ENOUGH)
    assert meter.stalled(now + 5) == pytest.approx(5)


def test_a_rest_is_no_freeze():
    meter, now = fed([0.04] * 50)
    meter.rest()
    assert meter.stalled(now + 5) == 0.0
    meter.frame(now + 10)
    meter.frame(now + 10.04)
    assert (meter.freezes, meter.count) == (0, 53)
    assert meter.mean_gap == pytest.approx(0.04)


def test_a_clock_that_jumps_back_is_no_freeze():
    meter, now = fed([0.04] * 50)
    meter.frame(now - 3600)
    meter.frame(now - 3600 + 0.04)
    assert (meter.freezes, meter.frozen) == (0, 0.0)
    assert meter.mean_gap == pytest.approx(0.04)


def test_keyframe_intervals():
    meter = FrameMeter()
    for i in range(200):
        meter.frame(i * 0.04, key=i in (0, 25, 150))
    assert meter.key_frames == 3
    assert meter.key_frame_interval == pytest.approx(5.0)
    assert meter.longest_key_frame_interval == pytest.approx(5.0)
    meter.frame(8.0, key=True)
    assert meter.key_frame_interval == pytest.approx(2.0)
    assert meter.longest_key_frame_interval == pytest.approx(5.0)


def test_one_keyframe_has_no_interval():
    meter = FrameMeter()
    meter.frame(0.0, key=True)
    assert (meter.key_frame_interval, meter.longest_key_frame_interval) == (None, 0.0)
    # Nor is the time of a rest between two.
    meter.rest()
    meter.frame(60.0, key=True)
    assert meter.key_frame_interval is None


@given(st.lists(st.floats(0, 20), max_size=150))
@RELAXED
def test_against_the_definition_read_literally(gaps):
    freezes, frozen, times = 0, 0.0, [0.0]
    for gap in gaps:
        times.append(times[-1] + gap)
    real = [b - a for a, b in pairwise(times)]
    near = False
    for i, gap in enumerate(real):
        last = real[max(0, i - FRAMES + 1) : i + 1]
        limit = freeze_threshold(sum(last) / len(last))
        near = near or math.isclose(gap, limit, rel_tol=1e-9)
        if len(last) >= ENOUGH and gap >= limit:
            freezes += 1
            frozen += gap
    meter = FrameMeter()
    for now in times:
        meter.frame(now)
    if not near:
        assert meter.freezes == freezes
        assert meter.frozen == pytest.approx(frozen)
    assert 0 <= meter.frozen <= times[-1] + 1e-6


@given(st.lists(st.tuples(st.floats(-1e9, 1e9), st.booleans()), max_size=80))
@RELAXED
def test_no_clock_breaks_it(frames):
    meter = FrameMeter()
    for now, key in frames:
        meter.frame(now, key)
        assert meter.stalled(now) == 0.0
        assert meter.mean_gap is None or meter.mean_gap >= 0
    assert meter.count == len(frames)
    assert meter.frozen >= 0
    assert meter.freezes <= max(0, meter.count - 1)
