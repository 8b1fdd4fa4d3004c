from __future__ import annotations

from signaling.access import tokens
from signaling.records import voters
from signaling.records.voters import Voters


def test_who_left_may_vote_for_a_while() -> None:
    some = Voters()
    some.left("p1", tokens.digest("secret"), "call1", now=100.0)
    assert some.call_of("p1", "secret", now=101.0) == "call1"
    assert some.call_of("p1", "wrong", now=101.0) is None
    assert some.call_of("p2", "secret", now=101.0) is None
    assert some.call_of("p1", "secret", now=100.0 + voters.FOR - 1) == "call1"
    assert some.call_of("p1", "secret", now=100.0 + voters.FOR) is None
    assert len(some) == 0


def test_votes_are_few() -> None:
    some = Voters()
    some.left("p1", tokens.digest("secret"), "call1", now=0.0)
    waits = [some.wait("p1", now=1.0) for _ in range(voters.VOTES + 1)]
    assert waits[:-1] == [0.0] * voters.VOTES
    assert waits[-1] > 0
    assert some.wait("p1", now=1.0 + waits[-1] + 0.001) == 0.0


def test_memory_is_bounded() -> None:
    some = Voters()
    for number in range(voters.CAPACITY + 10):
        some.left(f"p{number}", tokens.digest("secret"), "call", now=1.0)
    assert len(some) == voters.CAPACITY
    assert some.call_of("p0", "secret", now=1.0) is None
    assert some.call_of(f"p{voters.CAPACITY}", "secret", now=1.0) == "call"
