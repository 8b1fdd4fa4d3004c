from __future__ import annotations

import pytest

from signaling.records import statistics
from signaling.records.report import Pair


@pytest.mark.parametrize(
    ("freedom", "quantile"),
    # NIST/SEMATECH e-Handbook of Statistical Methods 1.3.6.7.2, two-sided 95 %.
    [(1, 12.706), (2, 4.303), (4, 2.776), (9, 2.262), (29, 2.045), (99, 1.984), (10_000, 1.960)],
)
def test_student_s_quantile(freedom: int, quantile: float) -> None:
    assert statistics.t_quantile(freedom) == pytest.approx(quantile, abs=6e-4)


@pytest.mark.parametrize(
    ("a", "b", "x", "value"),
    [(1, 1, 0.3, 0.3), (2, 1, 0.5, 0.25), (0.5, 0.5, 0.5, 0.5), (5, 2, 0.8, 0.65536)],
)
def test_incomplete_beta(a: float, b: float, x: float, value: float) -> None:
    assert statistics.incomplete_beta(a, b, x) == pytest.approx(value, abs=1e-9)
    assert statistics.incomplete_beta(b, a, 1 - x) == pytest.approx(1 - value, abs=1e-9)
    assert statistics.incomplete_beta(a, b, 0) == 0
    assert statistics.incomplete_beta(a, b, 1) == 1


def test_mean_deviation_and_interval() -> None:
    # By hand: mean 3.6, squares 3 (1.96 + .36 + .16 + 2.56 + .16) = 15.6, over 14; t(14) = 2.145.
    found = statistics.statistic([5, 3, 4, 2, 4] * 3)
    assert (found.n, found.mean) == (15, 3.6)
    assert found.sd == pytest.approx((15.6 / 14) ** 0.5, abs=1e-6)
    half = 2.144787 * (15.6 / 14) ** 0.5 / 15**0.5
    assert found.low == pytest.approx(3.6 - half, abs=1e-5)
    assert found.high == pytest.approx(3.6 + half, abs=1e-5)


def test_few_votes_have_no_interval() -> None:
    assert statistics.statistic([]).mean is None
    one = statistics.statistic([4.0])
    assert (one.n, one.mean, one.sd, one.low) == (1, 4.0, None, None)
    few = statistics.statistic([4.0, 5.0] * 7)
    assert (few.n, few.mean, few.low, few.high) == (14, 4.5, None, None)
    same = statistics.statistic([4.0] * 15)
    assert (same.sd, same.low, same.high) == (0.0, 4.0, 4.0)


def test_votes_without_an_estimate_count_as_votes_only() -> None:
    pairs = [
        Pair(call="c", participant=str(number), vote=vote, mos=mos)
        for number, (vote, mos) in enumerate([(5, 4.0), (3, 3.5), (1, None)])
    ]
    found = statistics.opinion(pairs)
    assert found.counts == {"excellent": 1, "good": 0, "fair": 1, "poor": 0, "bad": 1}
    assert (found.votes.n, found.votes.mean) == (3, 3.0)
    assert (found.model.n, found.model.mean) == (2, 3.75)
    assert (found.difference.n, found.difference.mean) == (2, 0.25)
    assert found.pairs == tuple(pairs)
