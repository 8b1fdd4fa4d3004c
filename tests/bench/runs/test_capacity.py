"""The search for what a box carries, and what breaks it."""

from __future__ import annotations

from typing import Any

import pytest

from bench.runs.capacity import QUESTIONS, Found, Trial, judge, search, sentence, words


@pytest.mark.parametrize("truth", [0, 1, 2, 3, 7, 16, 17, 49, 50])
@pytest.mark.parametrize("first", [1, 2, 10])
def test_search_finds_the_highest_number_that_is_carried(truth: int, first: int) -> None:
    tried: list[int] = []

    def trial(count: int) -> Trial:
        tried.append(count)
        return Trial("") if count <= truth else Trial("quality", "loss")

    found = search(trial, first, 50)
    assert found.carried == truth
    assert found.broken == (None if truth == 50 else truth + 1)
    assert found.by == ("" if truth == 50 else "quality")
    assert len(tried) == len(set(tried)) <= 14
    assert all(1 <= count <= 50 for count in tried)


def test_search_keeps_the_reason_of_the_lowest_number_that_was_not_carried() -> None:
    def trial(count: int) -> Trial:
        if count >= 8:
            return Trial("loadGenerator", "late")
        return Trial("quality", "loss") if count >= 6 else Trial("")

    assert search(trial, 1, 100) == Found(5, 6, "quality", "loss")


def report(
    loss: float = 0.0, p99: float = 1.0, cpu: float = 10.0, problems: tuple[str, ...] = ()
) -> dict[str, Any]:
    return {
        "summary": {"packetLossPercent": loss, "delayMs": {"p99": p99}},
        "server": {
            "processes": [
                {"media": False, "cpuPercent": 99.0},
                {"media": True, "cpuPercent": cpu},
                {"media": True, "cpuPercent": 1.0},
            ]
        },
        "problems": list(problems),
    }


@pytest.mark.parametrize(
    ("outcome", "by", "expected"),
    [
        (report(), "", ""),
        (report(loss=1.0, p99=50.0, cpu=85.0), "", ""),
        (report(loss=1.01), "quality", "loss 1.01 % (at most 1 %)"),
        (report(p99=50.1), "quality", "delay p99 50.1 ms (at most 50 ms)"),
        (report(cpu=85.6), "quality", "CPU 86 % of a core (at most 85 %)"),
        (report(problems=("a transport was lost: x",)), "quality", "a transport was lost: x"),
        (
            report(loss=9.0, problems=("gone", "the load generator was the bottleneck: late")),
            "loadGenerator",
            "the load generator was the bottleneck: late",
        ),
    ],
)
def test_a_call_is_judged_by_the_stated_limits(
    outcome: dict[str, Any], by: str, expected: str
) -> None:
    assert judge(outcome) == (by, expected)


def test_the_answer_is_a_sentence_that_does_not_claim_what_is_not_known() -> None:
    answers = {
        "people": Found(14, 15, "quality", "CPU 90 %"),
        "voices": Found(80, 81, "loadGenerator", "it was late"),
        "rooms": Found(4, None, "", ""),
    }
    assert sentence(answers) == (
        "this box carries 14 people at 720p, at least 80 voices, at least 4 rooms of 5"
    )
    assert words("people", answers["people"]) == "14 people at 720p; at 15: CPU 90 %"
    assert "nothing is known of the server beyond" in words("voices", answers["voices"])
    assert words("rooms", answers["rooms"]) == "4 rooms of 5 are carried, and more was not tried"
    assert sentence({}) == ""


@pytest.mark.parametrize(
    ("name", "count", "rooms"),
    [("people", 50, 1), ("voices", 50, 1), ("voices", 51, 2), ("rooms", 7, 7)],
)
def test_nobody_sits_in_a_room_that_the_server_would_not_have(
    name: str, count: int, rooms: int
) -> None:
    assert QUESTIONS[name].rooms(count) == rooms
