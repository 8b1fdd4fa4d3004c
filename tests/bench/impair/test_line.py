"""The model of a link, in simulated time."""

from __future__ import annotations

import pytest

from bench.impair.line import Line, Profile

SEED = 7
PACKET = 1200


def arrivals(profile: Profile, count: int = 20_000, apart: float = 0.001) -> list[float | None]:
    line = Line(profile, SEED)
    return [line.send(PACKET, number * apart) for number in range(count)]


def runs_of_loss(found: list[float | None]) -> list[int]:
    runs, length = [], 0
    for arrival in found:
        if arrival is None:
            length += 1
        elif length:
            runs.append(length)
            length = 0
    return runs


def test_a_perfect_link_changes_nothing() -> None:
    assert arrivals(Profile(), 100) == [number * 0.001 for number in range(100)]


def test_the_same_seed_loses_the_same_packets() -> None:
    profile = Profile(delay_ms=10, jitter_ms=5, loss_percent=5, stall_ms=20, burst=3)
    assert arrivals(profile) == arrivals(profile)


@pytest.mark.parametrize("burst", [1, 4])
@pytest.mark.parametrize("percent", [0.5, 5, 30])
def test_the_share_that_is_asked_for_is_lost_in_runs_of_that_length(
    percent: float, burst: float
) -> None:
    found = arrivals(Profile(loss_percent=percent, burst=burst), 400_000)
    runs = runs_of_loss(found)
    assert sum(runs) / len(found) * 100 == pytest.approx(percent, rel=0.1)
    # Independent loss too has runs, the longer the more there is of it.
    length = burst if burst > 1 else 1 / (1 - percent / 100)
    assert sum(runs) / len(runs) == pytest.approx(length, rel=0.05)


def test_jitter_delays_and_does_not_reorder_unless_asked() -> None:
    sent = [number * 0.001 for number in range(2000)]
    found = arrivals(Profile(delay_ms=50, jitter_ms=20), 2000)
    late = [at - was for at, was in zip(found, sent, strict=True) if at is not None]
    assert len(late) == 2000
    assert min(late) >= 0.05
    assert max(late) <= 0.07 + 1e-9
    assert found == sorted(at for at in found if at is not None)
    mixed = arrivals(Profile(delay_ms=50, jitter_ms=20, reorder=True), 2000)
    assert mixed != sorted(at for at in mixed if at is not None)


def test_what_is_sent_in_a_stall_leaves_at_its_end() -> None:
    profile = Profile(stall_ms=60, stall_every_s=0.5)
    found = arrivals(profile, 100_000)
    waits = [at - number * 0.001 for number, at in enumerate(found) if at is not None]
    assert max(waits) == pytest.approx(0.06, abs=0.001)
    stalled = sum(wait > 0 for wait in waits) / len(waits)
    assert stalled == pytest.approx(0.06 / 0.56, rel=0.2)
    assert found == sorted(at for at in found if at is not None)


def test_a_bottleneck_delays_by_its_queue_and_drops_what_exceeds_it() -> None:
    # 9.6 Mbit/s into 4.8: half of it is dropped once the queue of 100 ms is full.
    line = Line(Profile(rate_kbps=4800, queue_ms=100, delay_ms=30), SEED)
    found = [line.send(PACKET, number * 0.001) for number in range(10_000)]
    assert line.overflowed == pytest.approx(5000, rel=0.02)
    assert line.passed + line.overflowed == 10_000
    assert found[0] == pytest.approx(0.002 + 0.03)
    waits = [at - number * 0.001 for number, at in enumerate(found) if at is not None]
    assert max(waits) == pytest.approx(0.1 + 0.002 + 0.03, abs=1e-6)


def test_rate_delay_and_loss_are_combined() -> None:
    line = Line(Profile(rate_kbps=9600, delay_ms=50, loss_percent=10), SEED)
    found = [line.send(PACKET, number * 0.002) for number in range(10_000)]
    assert line.lost / 10_000 == pytest.approx(0.1, rel=0.1)
    assert {round(at - number * 0.002, 6) for number, at in enumerate(found) if at} == {0.051}


def test_a_new_profile_does_not_let_packets_overtake() -> None:
    line = Line(Profile(delay_ms=100), SEED)
    assert line.send(PACKET, 0.0) == pytest.approx(0.1)
    line.change(Profile())
    assert line.send(PACKET, 0.01) == pytest.approx(0.1)
    assert line.send(PACKET, 0.2) == pytest.approx(0.2)


def test_what_is_spared_is_never_lost() -> None:
    line = Line(Profile(loss_percent=100), SEED)
    assert line.send(PACKET, 0.0) is None
    assert line.send(60, 0.0, spared=True) == 0.0
