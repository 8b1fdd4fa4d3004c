"""Load shedding: quick up, slow down, one step at a time."""

from __future__ import annotations

import itertools

from sfu.process.shedding import DOWN_AFTER, RECOVERED, STEPS, TOO_MUCH, UP_AFTER, LoadShedder


def run(shedder: LoadShedder, loads: list[float], start: float) -> list[int]:
    steps = []
    for second, load in enumerate(loads, 1):
        shedder.update(load, start + second)
        steps.append(shedder.step)
    return steps


def test_a_short_peak_changes_nothing() -> None:
    shedder = LoadShedder(0.0)
    assert run(shedder, [0.5, 0.99, 0.5, 0.99, 0.8], 0.0) == [0] * 5


def test_too_much_goes_up_step_by_step_and_stops_at_the_last() -> None:
    shedder = LoadShedder(0.0)
    steps = run(shedder, [TOO_MUCH + 0.01] * (UP_AFTER * len(STEPS) + 4), 0.0)
    assert steps[: UP_AFTER * 2] == [0, 1, 1, 2]
    assert steps[-1] == len(STEPS) - 1


def test_it_comes_back_slowly_and_only_from_well_below() -> None:
    shedder = LoadShedder(0.0)
    run(shedder, [1.0] * UP_AFTER, 0.0)
    assert run(shedder, [RECOVERED + 0.1] * 30, 10.0) == [1] * 30
    assert run(shedder, [RECOVERED - 0.1] * DOWN_AFTER, 50.0) == [1] * (DOWN_AFTER - 1) + [0]


def test_looks_between_two_seconds_do_not_count() -> None:
    shedder = LoadShedder(0.0)
    assert [shedder.update(1.0, 0.1 * i) for i in range(1, 10)] == [False] * 9


def test_each_step_sends_no_more_than_the_one_before() -> None:
    for before, after in itertools.pairwise(STEPS):
        assert after.tile_layer <= before.tile_layer
        assert after.main_layer <= before.main_layer
        assert after.main_layer >= after.tile_layer
        assert after.voices <= (before.voices or 99)
    assert all(step.voices != 1 for step in STEPS)
