"""Which layers a publisher must send: on at once, off after a while, and more where one starves."""

from __future__ import annotations

from sfu.congestion.layer_demand import (
    LEAST_USUAL,
    OFF_AFTER,
    PACE_SECONDS,
    RETRY_SECONDS,
    USUAL_SECONDS,
    WAKES_WITHIN,
    LayerDemand,
)


def test_a_layer_without_need_rests_after_a_while():
    demand = LayerDemand(3, 0.0)
    assert demand.wanted == (0, 1, 2)
    arriving = (0, 1, 2)
    assert not demand.update({0}, arriving, OFF_AFTER - 0.01)
    assert demand.update({0}, arriving, OFF_AFTER)
    assert demand.wanted == (0,)
    assert demand.update({0, 2}, (0,), OFF_AFTER + 0.1)
    assert demand.wanted == (0, 2)
    assert not demand.update({0}, (0, 2), 2 * OFF_AFTER)
    assert demand.update({0}, (0, 2), 2 * OFF_AFTER + 0.2)
    assert demand.wanted == (0,)


def test_nobody_looks():
    demand = LayerDemand(2, 0.0)
    assert demand.update((), (0,), OFF_AFTER)
    assert demand.wanted == ()
    assert not demand.update((-1, 7), (), OFF_AFTER + 1)
    assert demand.update((-1, 1), (), OFF_AFTER + 1)
    assert demand.wanted == (1,)


def test_everything_is_asked_for_while_a_publisher_is_cut_off():
    demand = LayerDemand(3, 0.0)
    assert demand.update({2}, (0, 1, 2), OFF_AFTER)
    assert demand.wanted == (2,)
    gone = OFF_AFTER + WAKES_WITHIN
    assert demand.obtainable((), gone) == (0, 1, 2)
    assert demand.update({2}, (), gone)
    assert demand.wanted == (0, 1, 2)
    # The lowest comes first: it is to be had, and the others stay asked for.
    back = gone + 10 * WAKES_WITHIN
    assert demand.obtainable((0,), back) == (0,)
    assert not demand.update({0}, (0,), back)
    # But nobody's wish is to rest.
    assert demand.update((), (0,), back + OFF_AFTER)
    assert demand.wanted == ()
    assert demand.obtainable((), back + 2 * OFF_AFTER) == (0, 1, 2)


def test_a_layer_that_does_not_come_is_not_turned_off_and_on():
    demand = LayerDemand(3, 0.0)
    assert demand.obtainable((0, 1), 0.0) == (0, 1, 2)
    assert demand.obtainable((0, 1), WAKES_WITHIN) == (0, 1)
    for tick in range(100):
        assert not demand.update({0, 1}, (0, 1), tick / 10)
    assert demand.wanted == (0, 1, 2)
    # It comes after all: it may be chosen for a while; nobody does, so it rests.
    assert demand.obtainable((0, 1, 2), 10.0) == (0, 1, 2)
    assert not demand.update({0, 1}, (0, 1, 2), 10.0)
    assert not demand.update({0, 1}, (0, 1, 2), 9.9 + OFF_AFTER)
    assert demand.update({0, 1}, (0, 1, 2), 10.0 + OFF_AFTER)
    assert demand.wanted == (0, 1)
    assert demand.obtainable((0, 1), 20.0) == (0, 1, 2)
    assert demand.update({0, 2}, (0, 1), 20.0)
    assert demand.obtainable((0, 1), 20.0 + WAKES_WITHIN - 0.01) == (0, 1, 2)
    assert demand.obtainable((0, 1), 20.0 + WAKES_WITHIN) == (0, 1)


# A publisher whose own path is too thin.


class Publisher:
    """Two layers in simulated time; somebody looks at the best that comes."""

    def __init__(self) -> None:
        self.demand = LayerDemand(2, 0.0)
        self.now = 0.0
        self.frames = {0: 0.0, 1: 0.0}
        self.wanted: list[tuple[float, tuple[int, ...]]] = []
        """Each change, and when."""

    def run(self, seconds: float, low: float, top: float) -> None:
        """Frames a second of each layer, where it is wanted."""
        for _ in range(round(seconds / 0.2)):
            self.now += 0.2
            rates = {n: fps for n, fps in ((0, low), (1, top)) if n in self.demand.wanted and fps}
            for spatial, fps in rates.items():
                self.frames[spatial] += fps * 0.2
            needed = {max(rates, default=0)}
            counts = {spatial: int(count) for spatial, count in self.frames.items()}
            if self.demand.update(needed, rates, self.now, counts):
                self.wanted.append((self.now, self.demand.wanted))

    def changes(self) -> list[tuple[float, tuple[int, ...]]]:
        found, self.wanted = self.wanted, []
        return found


def test_the_low_layer_comes_back_where_the_top_one_starves_and_rests_when_it_is_whole() -> None:
    publisher = Publisher()
    publisher.run(20, 25, 25)
    assert [layers for _, layers in publisher.changes()] == [(1,)]
    cut = publisher.now
    publisher.run(5, 25, 10)
    [(at, layers)] = publisher.changes()
    assert layers == (0, 1)
    assert at - cut <= 2 * PACE_SECONDS + 0.2
    # The encoder now gives its bits to the low one; the top one stays asked for.
    publisher.run(20, 25, 0)
    assert publisher.changes() == []
    whole = publisher.now
    publisher.run(20, 25, 25)
    [(at, layers)] = publisher.changes()
    assert layers == (1,)
    assert at - whole < OFF_AFTER + PACE_SECONDS


def test_a_top_layer_that_stands_still_starves_too() -> None:
    publisher = Publisher()
    publisher.run(20, 25, 25)
    publisher.run(4, 25, 0.4)
    assert publisher.demand.wanted == (0, 1)


def test_both_layers_stay_while_the_top_one_starves_beside_a_whole_low_one() -> None:
    publisher = Publisher()
    publisher.run(20, 25, 25)
    publisher.changes()
    publisher.run(12, 25, 8)
    assert [layers for _, layers in publisher.changes()] == [(0, 1)]


def test_a_camera_that_became_slow_wakes_no_layer_for_long() -> None:
    """In the dark, or on a machine that cannot do more."""
    publisher = Publisher()
    publisher.run(20, 25, 25)
    publisher.changes()
    publisher.run(RETRY_SECONDS + USUAL_SECONDS, 10, 10)
    found = publisher.changes()
    assert [layers for _, layers in found] == [(0, 1), (1,)]
    assert found[1][0] - found[0][0] < 2 * PACE_SECONDS + OFF_AFTER + 1


def test_what_hardly_ever_moved_does_not_starve() -> None:
    publisher = Publisher()
    publisher.run(20, 4, LEAST_USUAL - 1)
    publisher.changes()
    publisher.run(20, 4, 1)
    assert publisher.changes() == []
