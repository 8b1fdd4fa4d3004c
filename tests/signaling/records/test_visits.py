"""People are counted, not joins."""

from __future__ import annotations

import pytest

from signaling.records.visits import Visit, people_of, seconds_of


def grouped(*visits: Visit) -> list[list[str]]:
    return [[one.participant for one in person] for person in people_of(visits)]


def test_who_comes_back_is_one_person_with_two_visits() -> None:
    assert grouped(
        Visit("a", "Rani", 0.0, 100.0),
        Visit("b", "Budi", 5.0, 300.0),
        Visit("c", "rani ", 160.0, None),
    ) == [["a", "c"], ["b"]]


def test_who_reloads_overlaps_with_their_own_ghost() -> None:
    assert grouped(Visit("a", "Rani", 0.0, 105.0), Visit("b", "Rani", 100.0, 200.0)) == [["a", "b"]]


@pytest.mark.parametrize("left", [None, 400.0])
def test_two_of_one_name_at_the_same_time_are_two(left: float | None) -> None:
    assert grouped(Visit("a", "Rani", 0.0, left), Visit("b", "Rani", 100.0, 200.0)) == [
        ["a"],
        ["b"],
    ]


def test_the_third_who_comes_goes_on_as_the_one_who_left() -> None:
    twins = (
        Visit("a", "Rani", 0.0, 500.0),
        Visit("b", "Rani", 10.0, 200.0),
        Visit("c", "Rani", 210.0, 500.0),
    )
    assert grouped(*twins) == [["a"], ["b", "c"]]


def test_time_that_overlaps_counts_once() -> None:
    visits = [Visit("a", "Rani", 0.0, 105.0), Visit("b", "Rani", 100.0, None)]
    assert seconds_of(visits, 160.0) == 160.0
