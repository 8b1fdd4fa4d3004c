"""What the arrival of a cluster shows of the link."""

from __future__ import annotations

import pytest

from sfu.congestion.history import Outcome
from sfu.congestion.probe_result import MAX_RATIO, UNQUEUED, ProbeResult, measure

KBIT = 1000


def cluster_at(
    capacity: float, send_bps: float, *, bursts: int = 4, lost: int = 0, delay: float = 5000.0
) -> list[Outcome]:
    """Outcomes of bursts 5 ms apart that a link of `capacity` spreads out."""
    size = int(send_bps * 0.005 / 8)
    free, found = 0.0, []
    for index in range(bursts):
        at = index * 0.005
        packets = 5
        first = max(free, at) + size / packets * 8 / capacity
        free = max(free, at) + size * 8 / capacity
        found.append(Outcome(at, size, packets, packets - lost, delay + first, delay + free))
    return found


def shown(outcomes: list[Outcome], loss: float = 0.0) -> ProbeResult:
    result = measure(outcomes, loss)
    assert result is not None
    return result


@pytest.mark.parametrize("capacity", [300 * KBIT, 1000 * KBIT, 8000 * KBIT])
def test_a_bottleneck_is_measured(capacity: int) -> None:
    result = shown(cluster_at(capacity, 3 * capacity))
    assert result.saturated
    assert result.bps == pytest.approx(capacity, rel=0.1)


def test_what_is_not_slowed_down_is_believed_up_to_what_was_sent() -> None:
    result = shown(cluster_at(10_000 * KBIT, 2000 * KBIT))
    assert not result.saturated
    assert result.bps == pytest.approx(2000 * KBIT, rel=0.02)


def test_usual_loss_is_no_bottleneck() -> None:
    outcomes = cluster_at(2000 * KBIT, 2000 * KBIT, lost=1)
    assert not shown(outcomes, loss=0.2).saturated
    assert shown(outcomes, loss=0.0).saturated


def test_a_last_burst_that_met_no_queue_shows_that_all_before_it_was_carried() -> None:
    """The receiver reads all of it at once, long after the first burst came."""
    outcomes = [Outcome(i * 0.005, 5000, 4, 4, 9.1, 9.1 + i / 1e4) for i in range(4)]
    delay = outcomes[-1].last_arrival - outcomes[-1].sent_at
    assert measure(outcomes) is None
    result = measure(outcomes, lowest_delay=delay - UNQUEUED / 2)
    assert result is not None
    assert not result.saturated
    assert result.bps == pytest.approx(8_000 * KBIT)
    assert measure(outcomes, lowest_delay=delay - 2 * UNQUEUED) is None


@pytest.mark.parametrize(
    "outcomes",
    [
        pytest.param([], id="nothing sent"),
        pytest.param(cluster_at(KBIT * 1000, KBIT * 1000, bursts=1), id="one burst"),
        pytest.param(
            [Outcome(i / 100, 5000, 4, 4, 9.0, 9.0 + i / 10000) for i in range(4)],
            id="held up in the network and let go at once",
        ),
        pytest.param(
            [o._replace(received=2) for o in cluster_at(KBIT * 1000, KBIT * 1000)],
            id="more than half is lost",
        ),
        pytest.param(
            [o._replace(sent_at=1.0) for o in cluster_at(KBIT * 1000, KBIT * 1000)],
            id="sent at one moment",
        ),
    ],
)
def test_what_shows_nothing(outcomes: list[Outcome]) -> None:
    assert measure(outcomes) is None


@pytest.mark.parametrize(("ratio", "shows"), [(0.95 * MAX_RATIO, True), (1.1 * MAX_RATIO, False)])
def test_what_arrives_much_faster_than_it_was_sent_was_held_up(ratio: float, shows: bool) -> None:
    outcomes = [
        Outcome(i * 0.01, 5000, 5, 5, 9 + (i + 0.2) * 0.01 / ratio, 9 + (i + 1) * 0.01 / ratio)
        for i in range(5)
    ]
    assert (measure(outcomes) is not None) is shows
