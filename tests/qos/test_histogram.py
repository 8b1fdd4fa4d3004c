from __future__ import annotations

import pytest

from qos.histogram import BINS, BOUNDS, Histogram, mean, quantile


def test_bounds_grow_and_are_counted_up_to_and_including() -> None:
    assert list(BOUNDS) == sorted(set(BOUNDS))
    histogram = Histogram()
    for bound in BOUNDS:
        histogram.add(bound)
    histogram.add(0.0, 5)
    histogram.add(BOUNDS[-1] * 2, 7)
    assert histogram.counts == [6, *[1] * (BINS - 2), 7]


@pytest.mark.parametrize("most", [0.0, 0.00005, 0.0004, 0.003, 0.04, 3.0])
@pytest.mark.parametrize("count", [1, 2, 7, 128])
def test_what_is_spread_is_neither_lost_nor_made(most: float, count: int) -> None:
    histogram = Histogram()
    histogram.spread(0.00002, 0.00002 + most, count)
    assert sum(histogram.counts) == count
    assert min(histogram.counts) >= 0


def test_it_is_spread_evenly() -> None:
    histogram = Histogram()
    histogram.spread(0.0, 0.01, 1000)
    assert {
        bound: count for bound, count in zip(BOUNDS, histogram.counts, strict=False) if count
    } == {
        0.0015: 250,
        0.005: 250,
        0.007: 250,
        0.01: 250,
    }
    assert mean(histogram.counts) == pytest.approx(0.005, rel=0.02)


def test_quantiles_lie_between_the_bounds() -> None:
    histogram = Histogram()
    histogram.add(0.002, 90)
    histogram.add(0.05, 10)
    assert quantile(histogram.counts, 0.45) == pytest.approx(0.00175)
    assert quantile(histogram.counts, 0.9) == pytest.approx(0.002)
    assert quantile(histogram.counts, 0.95) == pytest.approx(0.04)
    assert mean(histogram.counts) == pytest.approx((90 * 0.00175 + 10 * 0.04) / 100)


def test_beyond_the_last_bound_it_is_the_last_bound() -> None:
    histogram = Histogram()
    histogram.add(60.0)
    assert quantile(histogram.counts, 0.5) == mean(histogram.counts) == BOUNDS[-1]


def test_nothing_has_no_figures() -> None:
    assert quantile([0] * BINS, 0.5) is None
    assert mean([0] * BINS) is None
