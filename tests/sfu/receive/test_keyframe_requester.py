"""How often a publisher is asked for a keyframe."""

from __future__ import annotations

import itertools

from sfu.receive.keyframe_requester import (
    KEYFRAME_INTERVAL,
    LONGEST_KEYFRAME_INTERVAL,
    KeyframeRequester,
)


def requests(requester: KeyframeRequester, begin: float, seconds: float) -> list[float]:
    """When it asks, looked at a hundred times a second; since `begin`."""
    times = [step / 100 for step in range(round(seconds * 100))]
    return [time for time in times if requester.due(begin + time)]


def test_nobody_is_asked_while_nobody_waits() -> None:
    assert requests(KeyframeRequester(), 0.0, 5.0) == []


def test_who_does_not_answer_is_asked_less_and_less_but_never_no_more() -> None:
    requester = KeyframeRequester()
    requester.wanted = True
    asked = requests(requester, 10.0, 30.0)
    gaps = [round(after - before, 2) for before, after in itertools.pairwise(asked)]
    assert asked[0] == 0.0
    assert gaps[:4] == [0.5, 1.0, 1.5, 2.0]
    assert set(gaps[4:]) == {LONGEST_KEYFRAME_INTERVAL}


def test_an_answer_ends_the_wait_and_the_next_request_comes_at_the_usual_interval() -> None:
    requester = KeyframeRequester()
    requester.wanted = True
    requests(requester, 0.0, 10.0)
    requester.answered()
    assert requests(requester, 10.0, 5.0) == []
    requester.wanted = True
    asked = requests(requester, 20.0, 1.0)
    assert asked == [0.0, KEYFRAME_INTERVAL]


def test_requests_while_the_layer_was_off_do_not_count() -> None:
    requester = KeyframeRequester()
    requester.wanted = True
    requests(requester, 0.0, 10.0)
    requester.forgive()
    assert requester.wanted
    assert requests(requester, 20.0, 1.0) == [0.0, KEYFRAME_INTERVAL]
