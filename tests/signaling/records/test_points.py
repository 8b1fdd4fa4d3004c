from __future__ import annotations

import math
import zlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from signaling.meter.samples import BrowserFigures, Figures
from signaling.records import points

NUMBERS = st.integers(-(2**40), 2**40)
POINTS = st.lists(NUMBERS, min_size=points.LENGTH, max_size=points.LENGTH).map(tuple)


@given(st.lists(POINTS, min_size=1, max_size=12))
def test_blocks_give_back_what_went_in(made: list[points.Point]) -> None:
    rows = [(number, 1_800_000_000 + number, *point) for number, point in enumerate(made)]
    assert points.decode(points.encode(rows)) == rows


@given(POINTS, POINTS, POINTS)
def test_points_add_up_in_any_grouping(
    one: points.Point, two: points.Point, three: points.Point
) -> None:
    left = points.merge(points.merge(one, two), three)
    assert left == points.merge(one, points.merge(three, two))
    assert points.merge(points.NOTHING, points.merge(points.NOTHING, one)) == points.merge(
        one, points.NOTHING
    )


@example(b"\x01\x00\x00\x00\x00\x00\x00", True)
@given(st.binary(max_size=200), st.booleans())
def test_anything_else_is_no_block(data: bytes, deflate: bool) -> None:
    with pytest.raises(points.BlockError):
        points.decode(zlib.compress(data) if deflate else data)


def test_a_block_of_a_release_with_more_counters_is_read_without_them() -> None:
    row = (1, 2, *points.NOTHING)
    assert points.decode(points.encode([(*row, 7), (*row, 8)])) == [row, row]


def test_a_cut_block_is_no_block() -> None:
    whole = points.encode([(1, 2, *points.NOTHING), (1, 3, *points.NOTHING)])
    for end in range(len(whole)):
        with pytest.raises(points.BlockError):
            points.decode(whole[:end])


def test_means_are_weighted_and_worst_seconds_kept() -> None:
    quiet = points.of_figures(
        Figures(
            packets=10, packets_lost=0, loss=0.0, jitter=0.002, delay=0.02, mos=4.4, bitrate=8e3
        )
    )
    busy = points.of_figures(
        Figures(packets=90, packets_lost=9, loss=10.0, jitter=0.004, delay=0.06, mos=3.4)
    )
    both = points.merge(quiet, busy)
    assert points.count(both, "seconds") == 2
    assert points.loss(both) == 9.0
    assert points.worst(both, "loss") == 10.0
    assert points.mean(both, "jitter") == 0.003
    assert points.worst(both, "jitter") == 0.004
    assert points.worst(both, "delay") == 0.06
    assert points.mean(both, "mos") == 3.9
    assert points.worst(both, "mos") == 3.4
    # Known in one of both seconds only.
    assert points.mean(both, "bitrate") == 8e3


def test_the_mean_gap_is_time_by_packets() -> None:
    slow = points.of_figures(Figures(packets=10, mean_inter_arrival=0.1))
    fast = points.of_figures(Figures(packets=100, packets_lost=10, mean_inter_arrival=1 / 90))
    assert points.mean(points.merge(slow, fast), "mean_inter_arrival") == pytest.approx(
        2 / 100, abs=1e-6
    )


def repeated(point: points.Point, times: int) -> points.Point:
    whole = point
    for _ in range(times - 1):
        whole = points.merge(whole, point)
    return whole


def test_late_packets_take_losses_back() -> None:
    lossy = points.of_figures(Figures(packets=50, packets_lost=5, loss=10.0))
    late = points.of_figures(Figures(packets=50, packets_lost=-5, loss=0.0))
    assert points.loss(points.merge(repeated(lossy, 5), repeated(late, 5))) == 0.0
    assert points.loss(repeated(late, 10)) == 0.0
    assert points.loss(points.NOTHING) is None


def test_losses_that_are_reported_at_once_were_spread() -> None:
    """A receiver's report each five seconds; the percentage holds until the next."""
    quiet = points.of_figures(Figures(packets=50, packets_lost=0, loss=4.0))
    reported = points.of_figures(Figures(packets=50, packets_lost=10, loss=4.0))
    five = points.merge(reported, repeated(quiet, 4))
    assert points.loss(reported) == points.loss(quiet) == points.loss(five) == 4.0
    assert points.loss(points.merge(five, five)) == 4.0


def test_loss_that_nobody_reported_is_not_none() -> None:
    unheard = points.of_figures(Figures(packets=50, packets_lost=0))
    assert points.loss(repeated(unheard, 30)) is None


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None])
def test_what_is_no_number_is_not_known(value: float | None) -> None:
    point = points.of_figures(
        Figures(bitrate=value, jitter=value, mos=value, loss=value),
        frames_per_second=value,
        browser=BrowserFigures(age=0.0, jitter=value, freezes_duration=value or 0.0),
    )
    for name in ("bitrate", "jitter", "mos", "frames_per_second", "browser_jitter"):
        assert points.mean(point, name) is None
    assert points.worst(point, "loss") is None


def test_absurd_figures_are_bounded() -> None:
    browser = BrowserFigures(age=0.0, freeze_count=10**12, freezes_duration=1e30, bitrate=1e300)
    point = points.of_figures(Figures(bitrate=1e300, packets=1, jitter=-5.0), browser=browser)
    assert points.count(point, "browser_freezes") == 1000
    assert points.count(point, "browser_freezes_ms") == 60_000
    assert points.mean(point, "jitter") == 0.0
    month = point
    for _ in range(22):
        month = points.merge(month, month)
    assert points.decode(points.encode([(0, 0, *month)]))[0][2:] == month
