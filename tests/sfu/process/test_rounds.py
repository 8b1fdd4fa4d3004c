"""A round is done piece by piece, and what fails in it stays where it is."""

from __future__ import annotations

import pytest

from sfu.process.rounds import PIECE, Round, Step


class Scene:
    """A clock that each step moves on."""

    def __init__(self) -> None:
        self.now = 100.0
        self.taken: list[tuple[str, float, int]] = []
        self.failures: list[str] = []
        self.round = Round(lambda: self.now, self.failures.append)

    def step(self, name: str, seconds: float) -> Step:
        def take(now: float, ntp_now: int) -> None:
            self.taken.append((name, now, ntp_now))
            self.now += seconds
            if name == "bad":
                raise ValueError(name)

        return take

    def names(self) -> list[str]:
        return [name for name, _, _ in self.taken]


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_short_steps_share_a_piece_and_are_given_one_time(scene: Scene) -> None:
    scene.round.add("a", [scene.step(str(number), PIECE / 8) for number in range(5)])
    assert scene.round
    scene.round.go_on(scene.now, 7)
    assert scene.taken == [(str(number), 100.0, 7) for number in range(5)]
    assert not scene.round


def test_what_does_not_fit_follows_in_order(scene: Scene) -> None:
    scene.round.add("a", [scene.step(str(number), PIECE * 0.7) for number in range(5)])
    scene.round.go_on(scene.now, 0)
    assert scene.names() == ["0", "1"]
    scene.round.add("b", [scene.step("next", 0.0)])
    scene.round.go_on(scene.now, 0)
    assert scene.names() == ["0", "1", "2", "3"]
    scene.round.go_on(scene.now, 0)
    assert scene.names() == ["0", "1", "2", "3", "4", "next"]


def test_a_step_longer_than_a_piece_is_taken_alone(scene: Scene) -> None:
    scene.round.add("a", [scene.step("long", PIECE * 9), scene.step("after", 0.0)])
    scene.round.go_on(scene.now, 0)
    assert scene.names() == ["long"]
    assert scene.round


def test_one_rooms_trouble_is_not_the_others(scene: Scene) -> None:
    scene.round.add("a", [scene.step("bad", 0.0)])
    scene.round.add("b", [scene.step("good", 0.0)])
    scene.round.go_on(scene.now, 0)
    assert scene.names() == ["bad", "good"]
    assert scene.failures == ["a tick of room a"]


def test_what_is_left_is_taken_before_the_next_round(scene: Scene) -> None:
    scene.round.add("a", [scene.step(str(number), PIECE * 2) for number in range(4)])
    scene.round.go_on(scene.now, 0)
    scene.round.finish(scene.now, 0)
    assert scene.names() == ["0", "1", "2", "3"]
    assert not scene.round


def test_nothing_to_do_is_no_error(scene: Scene) -> None:
    scene.round.go_on(scene.now, 0)
    scene.round.finish(scene.now, 0)
    assert not scene.taken
