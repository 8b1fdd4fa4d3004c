from __future__ import annotations

from signaling.edge.turns import Turns


def test_a_crowd_of_one_address_delays_another_by_one() -> None:
    turns: Turns[str] = Turns()
    for number in range(1000):
        turns.add("crowd", f"crowd {number}")
    turns.add("one", "one")
    assert [turns.next() for _ in range(4)] == ["crowd 0", "one", "crowd 1", "crowd 2"]


def test_each_address_keeps_its_order_and_nothing_is_left() -> None:
    turns: Turns[int] = Turns()
    for number in range(9):
        turns.add("abc"[number % 3], number)
    assert [turns.next() for _ in range(9)] == list(range(9))
    assert not turns
