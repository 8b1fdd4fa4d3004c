"""A budget in simulated time."""

from __future__ import annotations

from sfu.net.budget import Budget


def test_a_burst_and_then_the_rate() -> None:
    budget = Budget(10, 20)
    taken = 0
    for tenth in range(100):
        while budget.allows(100 + tenth / 10):
            budget.charge(1)
            taken += 1
    assert taken in range(20 + 98, 20 + 101)


def test_a_debt_is_forgiven_after_twice_the_burst() -> None:
    budget = Budget(10, 20)
    assert budget.allows(100.0)
    budget.charge(1_000_000)
    assert not budget.allows(102.0)
    assert budget.allows(102.1)
