"""The wait follows the load."""

from __future__ import annotations

import pytest

from sfu.process.gather import FROM_LOAD, FULL_LOAD, INTERVAL, LONGEST, Gather, wait_for


@pytest.mark.parametrize(
    ("load", "seconds"),
    [(0.0, 0.0), (FROM_LOAD, 0.0), (FULL_LOAD, LONGEST), (1.0, LONGEST)],
)
def test_ends_of_the_scale(load: float, seconds: float) -> None:
    assert wait_for(load) == seconds


def test_the_wait_never_falls_with_the_load() -> None:
    waits = [wait_for(load / 100) for load in range(101)]
    assert waits == sorted(waits)
    assert waits[30] > 0


def test_load_is_smoothed_and_measured_at_intervals() -> None:
    gather = Gather(0.0, 0.0)
    gather.measure(INTERVAL / 2, INTERVAL)
    assert gather.load == 0.0
    for step in range(1, 20):
        gather.measure(step * INTERVAL, step * INTERVAL * 0.9)
    assert gather.load == pytest.approx(0.9, abs=0.01)
    assert gather.seconds == LONGEST
    for step in range(20, 40):
        gather.measure(step * INTERVAL, 20 * INTERVAL * 0.9)
    assert gather.seconds == 0.0


def test_waiting_pays_only_where_packets_are_close() -> None:
    gather = Gather(0.0, 0.0)
    # There is time to spare.
    assert not gather.pays
    for step in range(1, 20):
        gather.measure(step * INTERVAL, step * INTERVAL * 0.9)
    assert gather.pays
    looks = 0
    while gather.pays:
        gather.polled(False)
        looks += 1
    assert 3 < looks < 15
    for _ in range(15):
        gather.polled(True)
    assert gather.pays
