"""Votes and estimates as n, mean, standard deviation and 95 % interval of the mean. No I/O."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

from signaling.records.report import Opinion, Pair, Statistic, Word

PAIRS_KEPT = 500
MIN_VOTES = 15
"""Below this many votes no interval is given and nothing is concluded. ITU-T P.910 (clause on
viewers) and P.913 call four an absolute minimum and ask for 15 at least in general; ITU-R BT.500
has the same 15. Those are selected viewers in a room: a survey in the field varies more."""
_WORDS: tuple[Word, ...] = ("excellent", "good", "fair", "poor", "bad")


def opinion(pairs: Sequence[Pair]) -> Opinion:
    """One medium's votes, the newest first, against what was estimated for the same people."""
    both = [(pair.vote, pair.mos) for pair in pairs if pair.mos is not None]
    return Opinion(
        counts={
            word: sum(pair.vote == score for pair in pairs)
            for score, word in zip((5, 4, 3, 2, 1), _WORDS, strict=True)
        },
        votes=statistic([float(pair.vote) for pair in pairs]),
        model=statistic([mos for _, mos in both]),
        difference=statistic([vote - mos for vote, mos in both]),
        pairs=tuple(pairs[:PAIRS_KEPT]),
    )


def statistic(values: Sequence[float]) -> Statistic:
    """The interval is mean -/+ t(0.975, n - 1) SD / sqrt(n): Student's, as n is small.

    From `MIN_VOTES` values on; with fewer there are only n, mean and SD.
    """
    n = len(values)
    if not n:
        return Statistic(n=0, mean=None, sd=None, low=None, high=None)
    mean = math.fsum(values) / n
    if n == 1:
        return Statistic(n=1, mean=round(mean, 6), sd=None, low=None, high=None)
    sd = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    if n < MIN_VOTES:
        return Statistic(n=n, mean=round(mean, 6), sd=round(sd, 6), low=None, high=None)
    half = t_quantile(n - 1) * sd / math.sqrt(n)
    return Statistic(
        n=n,
        mean=round(mean, 6),
        sd=round(sd, 6),
        low=round(mean - half, 6),
        high=round(mean + half, 6),
    )


@functools.lru_cache(maxsize=1024)
def t_quantile(freedom: int) -> float:
    """The 0.975 quantile of Student's t with that many degrees of freedom, 1 at least."""
    low, high = 1.9, 13.0
    for _ in range(60):
        middle = (low + high) / 2
        # Two tails: P(|t| > x) = I(freedom / 2, 1/2, freedom / (freedom + x^2)).
        if incomplete_beta(freedom / 2, 0.5, freedom / (freedom + middle * middle)) > 0.05:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def incomplete_beta(a: float, b: float, x: float) -> float:
    """Regularised, by its continued fraction (NIST DLMF 8.17.22), for 0 <= x <= 1."""
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    if x > (a + 1) / (a + b + 2):
        # Where the fraction converges slowly its mirror image does not (DLMF 8.17.4).
        return 1.0 - incomplete_beta(b, a, 1.0 - x)
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    return front / a * _fraction(a, b, x)


def _fraction(a: float, b: float, x: float) -> float:
    """Modified Lentz's method."""
    tiny = 1e-300
    c, d = 1.0, 1.0 / max(tiny, 1.0 - (a + b) * x / (a + 1.0))
    value = d
    for m in range(1, 300):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for step in (even, odd):
            d = 1.0 / (1.0 + step * d or tiny)
            c = 1.0 + step / c or tiny
            value *= c * d
        if abs(c * d - 1.0) < 1e-14:
            break
    return value
