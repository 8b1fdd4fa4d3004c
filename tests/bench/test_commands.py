"""Repeats, and what ends them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bench import commands
from bench.runs.run import InterruptedRunError
from tests.bench.sample_runs import run, several


def outcomes(*given: Any) -> Callable[[], dict[str, Any]]:
    """Gives one after the other; raises what is an exception."""
    left = list(given)

    def once() -> dict[str, Any]:
        following = left.pop(0)
        if isinstance(following, BaseException):
            raise following
        return dict(following)

    return once


def repeated(times: int, *given: Any) -> dict[str, Any]:
    return commands.repeated("scenario2", times, lambda _: None, outcomes(*given))


def test_one_run_is_itself() -> None:
    assert repeated(1, run()) == run()


def test_several_are_one_report() -> None:
    made = repeated(2, run(), run(seconds=9.0))
    assert len(made["runs"]) == 2
    assert made["participants"] == 2
    # They differ.
    assert "seconds" not in made
    assert (made["valid"], made["partial"]) == (True, False)
    assert {"machine", "commit", "command", "at"} <= set(made)


def test_runs_with_labels_are_put_side_by_side() -> None:
    cells = several([run(label="a"), run(label="b")])
    made = repeated(2, cells, cells)
    assert [one["label"] for one in made["runs"]] == ["a", "b", "a", "b"]


def test_the_answers_of_searches_stay() -> None:
    made = repeated(3, run(sentence="8 people"), run(sentence="9 people"), run(sentence="8 people"))
    assert made["sentence"] == "8 people; 9 people"
    assert "sentence" not in repeated(2, run(), run())


def test_a_problem_of_one_is_one_of_all() -> None:
    made = repeated(2, run(), run(valid=False, problems=["too late"]))
    assert made["problems"] == ["too late"]
    assert not made["valid"]


@pytest.mark.parametrize(
    "following", [InterruptedRunError("ended"), KeyboardInterrupt(), run(partial=True)]
)
def test_an_interrupt_keeps_what_was_measured(following: Any) -> None:
    made = repeated(5, run(), following)
    assert made["partial"]
    assert made["valid"]
    assert 1 <= len(made["runs"]) <= 2


def test_an_interrupt_before_anything_was_measured_is_no_report() -> None:
    with pytest.raises(InterruptedRunError):
        repeated(3, InterruptedRunError("ended"))
