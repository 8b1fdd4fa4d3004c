"""How late what was due is done."""

from __future__ import annotations

import pytest

from bench.lateness import Lateness


def test_nothing_due_has_no_percentile() -> None:
    assert Lateness().percentile_ms(0.99) is None


def test_percentiles_are_of_the_nearest_rank_and_the_longest_is_exact() -> None:
    late = Lateness()
    for step in range(100):
        late.note(step / 1000 + 0.00005)
    assert late.percentile_ms(0.5) == pytest.approx(49.0)
    assert late.percentile_ms(0.99) == pytest.approx(98.0)
    assert late.percentile_ms(1.0) == pytest.approx(99.05)


def test_what_is_later_than_all_buckets_is_counted_and_cleared() -> None:
    late = Lateness()
    late.note(7.0)
    assert late.percentile_ms(1.0) == pytest.approx(7000.0)
    assert late.percentile_ms(0.99) == pytest.approx(999.9)
    late.clear()
    assert late.percentile_ms(1.0) is None
