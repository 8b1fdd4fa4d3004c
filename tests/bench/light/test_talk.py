"""Talk in turns: who speaks when, and what the packets say of it."""

from __future__ import annotations

from itertools import pairwise

import pytest

from bench.light import talk

STEPS = talk.SECONDS * talk.STEPS_PER_SECOND


@pytest.mark.parametrize("people", [4, 10, 50])
def test_two_or_three_talk_at_any_time(people: int) -> None:
    lines = [talk.levels(n, people) for n in range(people)]
    assert {len(line) for line in lines} == {STEPS}
    at_a_time = [sum(line[step] >= 0x80 for line in lines) for step in range(STEPS)]
    assert set(at_a_time) == {2, 3}
    third = at_a_time.count(3) / STEPS
    assert 0.25 < third < 0.75


def test_nobody_speaks_twice_at_once_and_everybody_does_at_some_time() -> None:
    spurts = talk.spurts(10)
    assert {who for who, _, _ in spurts} == set(range(10))
    for who, begin, until in spurts:
        others = [s for s in spurts if s[0] == who and s[1] < until and s[2] > begin]
        assert others == [(who, begin, until)]


def test_two_people_take_turns() -> None:
    assert {who for who, _, _ in talk.spurts(2)} == {0, 1}
    lines = [talk.levels(n, 2) for n in range(2)]
    assert all((a >= 0x80) != (b >= 0x80) for a, b in zip(*lines, strict=True))


def test_speech_stands_out_of_the_room_and_the_plan_is_the_same_each_time() -> None:
    line = talk.levels(3, 10)
    speech = [value & 0x7F for value in line if value >= 0x80]
    silence = [value for value in line if value < 0x80]
    assert max(speech) < 40
    assert max(speech) - min(speech) > 10
    assert min(silence) > 60
    assert line == talk.levels(3, 10)
    assert line != talk.levels(3, 10, seed=2)


def test_in_a_lecture_the_first_talks_most_and_somebody_asks_at_times() -> None:
    spurts = talk.spurts(10, pattern="lecture")
    spoken = {
        who: sum(until - begin for w, begin, until in spurts if w == who) for who in range(10)
    }
    assert spoken[0] > 0.7 * STEPS
    assert 0 < sum(spoken.values()) - spoken[0] < 0.4 * STEPS


def test_in_turns_never_two_talk_at_once_and_pauses_lie_between() -> None:
    spurts = sorted(talk.spurts(5, pattern="turns"), key=lambda spurt: spurt[1])
    for (_, _, until), (_, begin, _) in pairwise(spurts):
        assert begin > until
    assert len({who for who, _, _ in spurts}) > 2


@pytest.mark.parametrize("pattern", talk.PATTERNS)
@pytest.mark.parametrize("people", [2, 3, 30])
def test_every_pattern_fits_any_number_of_people(pattern: str, people: int) -> None:
    for who, begin, until in talk.spurts(people, 7, pattern):
        assert 0 <= who < people
        assert 0 <= begin < until <= STEPS
