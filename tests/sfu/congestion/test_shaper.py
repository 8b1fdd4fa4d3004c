"""What clusters showed and what then gets through give a shaper away."""

from __future__ import annotations

import pytest

from sfu.congestion.shaper import BELIEVED, BELIEVED_SECONDS, UNUSED, ShaperDetector

ESTIMATE, SHOWN, ARRIVES = 300_000, 600_000, 280_000


def shown(used_bps: float = 0.5 * ESTIMATE) -> ShaperDetector:
    """A cluster that began and passed at 1.0 s."""
    shaper = ShaperDetector()
    shaper.cluster_begins(ESTIMATE, used_bps, 1.0)
    shaper.cluster_passed(SHOWN, 1.0)
    return shaper


def test_an_overuse_soon_after_at_much_less_is_a_shapers() -> None:
    shaper = shown()
    assert not shaper.detected
    assert shaper.overused(ARRIVES, 3.0)
    assert shaper.detected
    assert shaper.detections == 1


@pytest.mark.parametrize(
    ("used", "after", "arrives"),
    [
        pytest.param(0.5 * ESTIMATE, BELIEVED_SECONDS, ARRIVES, id="long ago"),
        pytest.param(0.5 * ESTIMATE, 2.0, BELIEVED * SHOWN, id="nearly as much gets through"),
        pytest.param(0.5 * ESTIMATE, 2.0, 0.0, id="what gets through is not known"),
        pytest.param(UNUSED * ESTIMATE, 2.0, ARRIVES, id="all was used, so no bucket was filled"),
        pytest.param(0.0, 2.0, ARRIVES, id="what was used is not known"),
    ],
)
def test_any_other_overuse_proves_nothing(used: float, after: float, arrives: float) -> None:
    shaper = shown(used)
    assert not shaper.overused(arrives, 1.0 + after)
    assert not shaper.detected


def test_each_cluster_is_held_against_it_once() -> None:
    shaper = shown()
    shaper.overused(ARRIVES, 2.0)
    assert shaper.overused(ARRIVES, 3.0)
    assert shaper.detections == 1


def test_a_second_wrong_cluster_counts_as_well() -> None:
    shaper = shown()
    shaper.overused(ARRIVES, 2.0)
    shaper.cluster_begins(ESTIMATE, 0.5 * ESTIMATE, 9.0)
    shaper.cluster_passed(SHOWN, 9.0)
    shaper.overused(ARRIVES, 10.0)
    assert shaper.detections == 2


def test_a_later_success_that_holds_ends_it() -> None:
    shaper = shown()
    shaper.overused(ARRIVES, 2.0)
    shaper.cluster_begins(ESTIMATE, 0.5 * ESTIMATE, 9.0)
    assert shaper.detected
    shaper.cluster_passed(SHOWN, 9.1)
    shaper.cluster_begins(ESTIMATE, 0.5 * ESTIMATE, 9.1 + BELIEVED_SECONDS - 0.1)
    assert shaper.detected
    shaper.cluster_begins(ESTIMATE, 0.5 * ESTIMATE, 9.1 + BELIEVED_SECONDS)
    assert not shaper.detected
