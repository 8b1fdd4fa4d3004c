"""One queue says what is due and how long the loop may wait."""

from __future__ import annotations

import pytest

from sfu.process.deadlines import AFTER_FAILURE, NEVER, Deadline, Deadlines, next_multiple


class Scene:
    """A queue, and who was called when."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, float]] = []
        self.failures: list[str] = []
        self.deadlines = Deadlines(self.failures.append)
        self.again: dict[str, float] = {}
        """Seconds after which a deadline is due once more."""

    def add(self, name: str, spacing: float = 0.0) -> Deadline:
        def call(now: float) -> float:
            self.calls.append((name, now))
            if name == "bad":
                raise ValueError(name)
            return now + self.again.get(name, NEVER)

        return self.deadlines.add(name, call, spacing)

    def run(self, now: float) -> list[str]:
        """Who is called now."""
        self.calls.clear()
        self.deadlines.run(now)
        assert all(at == now for _, at in self.calls)
        return [name for name, _ in self.calls]


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_nobody_is_called_before_the_time(scene: Scene) -> None:
    scene.add("a").by(2.0)
    scene.add("b").by(1.0)
    assert scene.deadlines.next_at == 1.0
    assert scene.run(0.9) == []
    assert scene.run(1.0) == ["b"]
    assert scene.deadlines.next_at == 2.0
    assert scene.run(2.5) == ["a"]
    assert scene.deadlines.next_at == NEVER


def test_who_is_due_at_once_is_called_in_the_order_of_wanting(scene: Scene) -> None:
    for name in "cab":
        scene.add(name).by(1.0)
    assert scene.run(1.0) == ["c", "a", "b"]


def test_an_empty_queue_waits_for_ever(scene: Scene) -> None:
    assert scene.deadlines.next_at == NEVER
    assert scene.run(1e9) == []


def test_a_call_says_when_the_next_one_is_due(scene: Scene) -> None:
    scene.again["a"] = 0.5
    scene.add("a").by(1.0)
    assert scene.run(1.1) == ["a"]
    assert scene.deadlines.next_at == 1.6
    assert scene.run(1.6) == ["a"]


def test_the_earlier_of_two_wishes_counts(scene: Scene) -> None:
    deadline = scene.add("a")
    deadline.by(3.0)
    deadline.by(1.0)
    deadline.by(2.0)
    assert scene.deadlines.next_at == 1.0
    assert scene.run(1.0) == ["a"]
    assert scene.run(4.0) == []


def test_what_is_cancelled_is_not_called(scene: Scene) -> None:
    deadline = scene.add("a")
    deadline.by(1.0)
    scene.add("b").by(2.0)
    deadline.cancel()
    assert scene.deadlines.next_at == 2.0
    assert scene.run(1.5) == []
    deadline.by(1.6)
    assert scene.run(2.0) == ["a", "b"]


def test_soon_is_at_once_the_first_time_and_keeps_calls_apart_from_then_on(scene: Scene) -> None:
    deadline = scene.add("a", spacing=0.01)
    deadline.soon()
    assert scene.run(5.0) == ["a"]
    deadline.soon()
    assert scene.run(5.005) == []
    assert scene.deadlines.next_at == 5.01
    assert scene.run(5.01) == ["a"]
    deadline.soon()
    assert scene.run(6.0) == ["a"]


def test_who_wants_to_be_called_soon_while_being_called_waits_for_the_next_turn(
    scene: Scene,
) -> None:
    calls: list[float] = []

    def call(now: float) -> float:
        calls.append(now)
        deadline.soon()
        return NEVER

    deadline = scene.deadlines.add("a", call)
    deadline.soon()
    scene.deadlines.run(1.0)
    assert calls == [1.0]
    scene.deadlines.run(1.0)
    assert calls == [1.0, 1.0]


def test_one_may_cancel_another_that_is_due_too(scene: Scene) -> None:
    other = scene.add("other")

    def call(now: float) -> float:
        other.cancel()
        return NEVER

    scene.deadlines.add("first", call).by(1.0)
    other.by(1.0)
    assert scene.run(1.0) == []


def test_whose_call_fails_keeps_nobody_else_from_being_called_and_is_called_again(
    scene: Scene,
) -> None:
    scene.add("bad").by(1.0)
    scene.add("good").by(1.0)
    assert scene.run(1.0) == ["bad", "good"]
    assert scene.failures == ["bad"]
    assert scene.deadlines.next_at == 1.0 + AFTER_FAILURE


def test_wanting_on_each_packet_leaves_no_entries_behind(scene: Scene) -> None:
    scene.again["a"] = 0.1
    deadline = scene.add("a", spacing=0.01)
    most = 0
    for packet in range(10_000):
        deadline.soon()
        scene.run(packet / 1000)
        most = max(most, len(scene.deadlines))
    assert most <= 20


@pytest.mark.parametrize("now", [0.0, 0.0049, 0.015, 0.035, 12.3456, 1e6 + 0.001])
def test_those_who_are_called_at_multiples_are_called_together(now: float) -> None:
    at = next_multiple(now, 0.005)
    assert now < at <= now + 0.00501
    assert next_multiple((now + at) / 2, 0.005) == at
