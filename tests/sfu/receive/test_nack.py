"""Asking for lost packets, and answering within bounds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.receive import nack
from sfu.receive.nack import NackGenerator, ResendLimiter

BOUNDARIES = (0, 32767, 32768, 65535, 65536, 131071)


def wrapped(numbers):
    return [number & 0xFFFF for number in numbers]


def generator(first, steps, now=0.0):
    made = NackGenerator()
    for step in steps:
        made.packet(first + step, now)
    return made


@pytest.mark.parametrize("first", BOUNDARIES)
def test_nothing_is_missing_in_sequence(first):
    made = generator(first, range(100))
    assert made.due(10.0, 0.1) == []
    assert len(made) == 0
    assert made.keyframe_needed is False


@pytest.mark.parametrize("first", BOUNDARIES)
def test_asks_after_three_newer_packets(first):
    made = generator(first, [0, 3])
    assert made.due(0.0, 0.1) == []
    made.packet(first + 4, 0.001)
    assert made.due(0.001, 0.1) == []
    made.packet(first + 5, 0.002)
    assert made.due(0.002, 0.1) == wrapped([first + 1, first + 2])
    assert made.due(0.002, 0.1) == []


@pytest.mark.parametrize("first", BOUNDARIES)
def test_asks_after_ten_milliseconds(first):
    made = generator(first, [0, 2])
    assert made.due(0.009, 0.1) == []
    assert made.due(0.010, 0.1) == wrapped([first + 1])


@pytest.mark.parametrize("first", BOUNDARIES)
def test_reordered_packets_are_not_asked_for(first):
    made = generator(first, [0, 2, 1, 4, 5, 3, 7, 6])
    assert len(made) == 0
    assert made.due(1.0, 0.1) == []


def test_what_came_before_the_first_is_not_missing():
    made = generator(100, [0, -5, -1, 1])
    assert len(made) == 0


@pytest.mark.parametrize(("rtt", "wait"), [(0.0, 0.030), (0.020, 0.030), (0.039, 0.0585)])
def test_repeats_at_one_and_a_half_round_trips(rtt, wait):
    made = generator(0, [0, 2])
    assert made.due(0.010, rtt) == [1]
    assert made.due(0.010 + wait - 0.001, rtt) == []
    assert made.due(0.011 + wait, rtt) == [1]
    made.packet(1, 0.4)
    assert made.due(0.9, rtt) == []
    assert len(made) == 0


def times_asked(made, until, rtt):
    """Milliseconds at which something was asked for."""
    return [tick for tick in range(int(until * 1000)) if made.due((tick + 0.5) / 1000, rtt)]


def test_on_a_long_path_each_request_is_sent_twice():
    made = generator(0, [0, 2])
    assert times_asked(made, 0.9, 0.2) == pytest.approx([10, 25, 310, 325, 610, 625], abs=2)


def test_a_copy_is_not_sent_behind_an_answer():
    made = generator(0, [0, 2])
    assert made.due(0.010, 0.2) == [1]
    made.packet(1, 0.015)
    assert times_asked(made, 0.9, 0.2) == []


def test_requests_repeat_when_answers_are_overdue():
    made = NackGenerator()
    made.packet(0, 0.0)
    for number in range(30):
        # Each even packet is lost and comes 102 to 104 ms after it was asked for.
        at = float(number)
        made.packet(2 * number + 2, at)
        assert made.due(at + 0.010, 0.1) == [2 * number + 1]
        made.packet(2 * number + 1, at + 0.112 + number % 3 * 0.001)
    made.packet(62, 30.0)
    asked = [tick for tick in range(400) if made.due(30 + (tick + 0.5) / 1000, 0.1)]
    assert asked[:2] == pytest.approx([10, 25], abs=2)
    # Not before one and a tenth of a round trip, long before one and a half.
    assert 120 <= asked[2] <= 130


def test_an_answer_to_one_of_several_requests_is_not_timed():
    made = generator(0, [0, 2])
    assert times_asked(made, 0.33, 0.2) == pytest.approx([10, 25, 310, 325], abs=2)
    made.packet(1, 0.330)
    made.packet(4, 0.330)
    assert times_asked(made, 0.7, 0.2) == pytest.approx([340, 355, 640, 655], abs=2)


def test_gives_up_after_ten_requests():
    made = generator(0, [0, 2])
    asked = sum(len(made.due(tick / 1000, 0.0)) for tick in range(900))
    assert asked == nack.MAX_TRIES
    assert len(made) == 0


def test_what_is_missing_is_known_since_when():
    made = generator(5, [0, 3], now=2.0)
    assert (made.missing_since(6), made.missing_since(7)) == (2.0, 2.0)
    assert made.missing_since(8) is None
    made.forget(7)
    assert (made.missing_since(6), made.missing_since(7)) == (None, 2.0)


def test_gives_up_after_a_second():
    made = generator(0, [0, 2])
    assert made.due(0.999, 0.5) == [1]
    assert made.due(1.0, 0.5) == []
    assert len(made) == 0
    assert made.keyframe_needed is False


@pytest.mark.parametrize("first", BOUNDARIES)
def test_too_much_missing_needs_a_keyframe(first):
    made = generator(first, [0, 301])
    assert len(made) == nack.MAX_MISSING
    assert made.keyframe_needed is False
    made.packet(first + 303, 0.0)
    assert made.keyframe_needed is True
    assert len(made) == 0
    assert made.due(0.5, 0.1) == []
    # The count goes on from the newest.
    made.packet(first + 305, 0.5)
    assert made.due(0.6, 0.1) == wrapped([first + 304])
    made.keyframe(first + 306)
    assert made.keyframe_needed is False
    assert len(made) == 0


def test_a_huge_jump_is_no_work():
    made = generator(0, [0, 2**40])
    assert (len(made), made.keyframe_needed) == (0, True)


@pytest.mark.parametrize("first", BOUNDARIES)
def test_a_keyframe_clears_what_is_older(first):
    made = generator(first, [0, 2, 5, 8])
    made.keyframe(first + 5)
    assert made.due(0.02, 0.1) == wrapped([first + 6, first + 7])


@given(
    st.integers(0, 70000),
    st.lists(st.integers(-400, 400), max_size=200),
    st.floats(0, 2),
)
@settings(deadline=None, max_examples=200)
def test_asks_only_for_what_is_missing(first, moves, rtt):
    made = NackGenerator()
    came = {first + 1000}
    made.packet(first + 1000, 0.0)
    for tick, move in enumerate(moves):
        now = tick * 0.005
        seq = max(came) + move
        came.add(seq)
        made.packet(seq, now)
        asked = made.due(now, rtt)
        assert len(asked) <= len(made) <= nack.MAX_MISSING
        assert len(set(asked)) == len(asked)
        newest = max(came)
        for seq16 in asked:
            number = newest - ((newest - seq16) & 0xFFFF)
            assert first + 1000 < number < newest
            assert number not in came


def resends(limiter, seq, now, rtt):
    """Whether a request is answered; if so it counts."""
    allowed = limiter.allows(seq, now, rtt)
    if allowed:
        limiter.resent(seq, now)
    return allowed


def test_a_packet_is_resent_once_per_round_trip():
    limiter = ResendLimiter()
    assert resends(limiter, 7, 0.0, 0.1) is True
    assert resends(limiter, 7, 0.099, 0.1) is False
    assert resends(limiter, 8, 0.099, 0.1) is True
    assert resends(limiter, 7, 0.1, 0.1) is True
    assert resends(limiter, 7, 0.19, 0.1) is False


def test_the_round_trip_is_at_least_ten_milliseconds():
    limiter = ResendLimiter()
    assert resends(limiter, 65535, 0.0, 0.0) is True
    assert resends(limiter, 65535, 0.009, 0.0) is False
    assert resends(limiter, 65535, 0.010, 0.0) is True


def allowed(limiter, count, now):
    return sum(resends(limiter, seq, now, 0.0) for seq in range(count))


def test_resends_are_a_burst_and_then_a_quarter():
    limiter = ResendLimiter()
    assert allowed(limiter, 1000, 0.0) == 50
    assert allowed(limiter, 1000, 1.0) == 0
    limiter.sent(3)
    assert allowed(limiter, 1000, 2.0) == 0
    limiter.sent(1)
    assert allowed(limiter, 1000, 3.0) == 1
    limiter.sent(100)
    assert allowed(limiter, 1000, 4.0) == 25
    # What is saved up stays a burst.
    limiter.sent(100000)
    assert allowed(limiter, 1000, 5.0) == 50


def test_a_refusal_costs_nothing():
    limiter = ResendLimiter()
    for _ in range(100):
        resends(limiter, 1, 0.0, 0.1)
    assert sum(resends(limiter, seq, 0.0, 0.1) for seq in range(2, 100)) == 49


def test_memory_is_bounded():
    limiter = ResendLimiter()
    for seq in range(5000):
        limiter.sent(4)
        assert resends(limiter, seq, seq * 0.00001, 1.0) is True
    # The latest are still held back, the oldest are forgotten.
    assert resends(limiter, 4999 - nack.MAX_REMEMBERED + 1, 0.05, 1.0) is False
    assert resends(limiter, 4999 - nack.MAX_REMEMBERED, 0.05, 1.0) is True


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 20), st.floats(0, 0.1)), max_size=300),
    st.floats(0, 1),
)
@settings(deadline=None, max_examples=200)
def test_no_asking_gets_more_than_the_bound(asks, rtt):
    limiter = ResendLimiter()
    now = 0.0
    sent = resent = 0
    last = {}
    for packets, seq, step in asks:
        now += step
        limiter.sent(packets)
        sent += packets
        if resends(limiter, seq, now, rtt):
            assert now - last.get(seq, -10.0) >= max(rtt, 0.01)
            last[seq] = now
            resent += 1
        assert resent <= nack.BURST + sent / 4
