from __future__ import annotations

from signaling.edge.places import Place, Places


class Held:
    """Places, and what became of each."""

    def __init__(self, most: int, most_of_one: int) -> None:
        self.places = Places(most, most_of_one)
        self.closed: list[str] = []

    def take(self, key: str, name: str = "", now: float = 0.0) -> Place | None:
        place = self.places.take(key, now, 10.0)
        if place is not None:
            place.close = lambda: self.closed.append(name)
        return place

    def busy(self, key: str, name: str = "") -> Place:
        place = self.take(key, name)
        assert place is not None
        self.places.busy(place)
        return place


def test_the_longest_idle_of_an_address_makes_room_for_its_next() -> None:
    held = Held(10, 2)
    held.take("b", "other")
    held.take("a", "first")
    held.take("a", "second")
    assert held.take("a", "third") is not None
    assert held.closed == ["first"]
    assert len(held.places) == 3


def test_who_is_silent_locks_nobody_out() -> None:
    held = Held(4, 2)
    for number in range(1000):
        assert held.take(f"attacker {number}", str(number)) is not None
    assert held.take("somebody", "somebody") is not None
    assert len(held.places) == 4
    assert held.places.displaced == 997


def test_who_is_answered_is_never_displaced() -> None:
    held = Held(3, 2)
    busy = [held.busy("a", "a1"), held.busy("a", "a2")]
    assert held.take("a") is None
    held.busy("b", "b1")
    assert held.take("c") is None
    assert held.closed == []
    assert held.places.refused == 2
    held.places.idle(busy[0], 1.0, 5.0)
    assert held.take("c") is not None
    assert held.closed == ["a1"]


def test_a_proxy_counts_in_all_only() -> None:
    held = Held(5, 2)
    for _ in range(5):
        held.busy("")
    assert len(held.places) == 5
    assert held.take("") is None


def test_deadlines_are_those_of_the_last_idleness() -> None:
    held = Held(5, 5)
    place = held.take("a", now=0.0)
    assert place is not None
    assert held.places.expired(9.9) == []
    assert held.places.expired(10.0) == [place]
    held.places.busy(place)
    assert held.places.expired(1000.0) == []
    held.places.idle(place, 1000.0, 3.0)
    assert held.places.expired(1002.9) == []
    assert held.places.expired(1003.0) == [place]


def test_what_is_free_is_forgotten() -> None:
    held = Held(2, 2)
    for _ in range(100):
        place = held.busy("a")
        held.places.free(place)
        held.places.free(place)
        held.places.idle(place, 0.0, 1.0)
    assert len(held.places) == 0
    assert held.places.expired(1e9) == []
    assert held.take("a") is not None
