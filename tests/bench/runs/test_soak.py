"""What counts as growth."""

from __future__ import annotations

import pytest

from bench.runs.run import Load
from bench.runs.soak import growth, report

LOAD = Load("soak", 4, 60.0, ("audio",))


def samples(values: list[float]) -> list[dict[str, float]]:
    return [
        {"at": 2.0 * n, "rssMiB": value, "descriptors": 20 + n // 8, "participants": 4}
        for n, value in enumerate(values)
    ]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([50.0] * 16, 0.0),
        ([10.0, 20.0, 30.0, 40.0, *[50.0] * 12], 0.0),  # the first quarter is not counted
        ([50.0 + n for n in range(16)], 8.0),
        ([50.0, 60.0], None),
    ],
)
def test_growth_is_last_quarter_less_second(values: list[float], expected: float | None) -> None:
    assert growth(samples(values), "rssMiB") == expected


def test_report_calls_a_leak_a_leak() -> None:
    steady = report(LOAD, 100, [], samples([50.0] * 16), False)
    assert steady["flat"]
    assert steady["valid"]
    assert not report(LOAD, 100, [], samples([50.0 + n for n in range(16)]), False)["flat"]


def test_failed_joins_make_it_invalid_and_are_reported() -> None:
    outcome = report(LOAD, 3, ["room is full"] * 30, samples([50.0] * 16), True)
    assert (outcome["valid"], outcome["failures"], outcome["partial"]) == (False, 30, True)
    assert len(outcome["problems"]) == 20


def test_nothing_sampled_is_no_error() -> None:
    outcome = report(LOAD, 0, [], [], True)
    assert (outcome["seconds"], outcome["flat"]) == (0.0, None)
