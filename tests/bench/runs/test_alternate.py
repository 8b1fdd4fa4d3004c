"""Sides of a comparison take turns, and an interrupt keeps what there is."""

from __future__ import annotations

from typing import Any

import pytest

from bench.runs.alternate import alternately
from bench.runs.run import InterruptedRunError


def outcome(*, partial: bool = False) -> dict[str, Any]:
    return {"partial": partial}


def test_who_goes_first_alternates() -> None:
    announced: list[str] = []
    runs = alternately(("a", "b"), 2, announced.append, lambda _: outcome())
    assert [line.rpartition(" ")[2] for line in announced] == ["a", "b", "b", "a"]
    assert {side: len(found) for side, found in runs.items()} == {"a": 2, "b": 2}


def test_a_partial_run_is_kept_and_is_the_last() -> None:
    runs = alternately(("a", "b"), 3, lambda _: None, lambda side: outcome(partial=side == "b"))
    assert {side: len(found) for side, found in runs.items()} == {"a": 1, "b": 1}


def test_a_side_may_give_nothing() -> None:
    def measure(side: str) -> dict[str, Any] | None:
        return None if side == "b" else outcome()

    runs = alternately(("a", "b"), 2, lambda _: None, measure)
    assert {side: len(found) for side, found in runs.items()} == {"a": 2, "b": 0}


def test_an_interrupt_keeps_what_was_measured_and_nothing_is_no_result() -> None:
    left = [outcome()]

    def measure(_: str) -> dict[str, Any]:
        if not left:
            raise InterruptedRunError("ended")
        return left.pop()

    runs = alternately(("a", "b"), 2, lambda _: None, measure)
    assert {side: len(found) for side, found in runs.items()} == {"a": 1, "b": 0}
    with pytest.raises(InterruptedRunError):
        alternately(("a", "b"), 2, lambda _: None, measure)
