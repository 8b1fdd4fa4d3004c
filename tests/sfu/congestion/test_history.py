"""Flushes and feedback, each sequence from every boundary of the numbers."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.congestion import history
from sfu.congestion.history import HEADERS, Outcome, SentHistory
from sfu.wire import transport_cc
from sfu.wire.transport_cc import TransportCc

BOUNDARIES = (0, 1, 32767, 32768, 65530, 65535)
MS = 4
"""Units of 250 us."""


def feedback(base, arrivals, reference=100, count=0):
    """Through the wire format. `arrivals` in ms since the reference time, None for a loss."""
    deltas, last = [], 0
    for at in arrivals:
        deltas.append(None if at is None else (at - last) * MS)
        last = last if at is None else at
    data = transport_cc.encode(1, 2, base & 0xFFFF, reference, count, deltas)
    return transport_cc.decode(data[4:])


def at(ms, reference=100):
    return pytest.approx(reference * 0.064 + ms / 1000)


def sent(first, *packets):
    """One flush each 10 ms from 1.0 on, 100 bytes a packet with its headers."""
    made = SentHistory(first)
    number = first
    for index, count in enumerate(packets):
        number += count
        made.sent(number & 0xFFFF, (100 - HEADERS) * count, 1.0 + index / 100)
    return made


def counters(made):
    return made.forged, made.stale, made.repeated, made.recovered, made.unreported


@pytest.mark.parametrize("first", BOUNDARIES)
def test_each_flush_is_decided_once(first):
    made = sent(first, 3, 1, 4)
    found = made.acknowledge(feedback(first, [0, 1, 2, 9, 20, 21, 22, 23]), 1.1)
    assert found == [
        Outcome(1.0, 300, 3, 3, at(0), at(2)),
        Outcome(1.01, 100, 1, 1, at(9), at(9)),
        Outcome(1.02, 400, 4, 4, at(20), at(23)),
    ]
    assert made.acknowledge(feedback(first, [0, 1, 2, 9, 20, 21, 22, 23]), 1.1) == []
    assert counters(made) == (0, 0, 8, 0, 0)


@pytest.mark.parametrize("first", BOUNDARIES)
def test_the_ends_of_a_feedback_show_the_delay_and_decide_nothing(first):
    made = sent(first, 3, 1, 4)
    arrived, oldest, newest = made.ends(feedback(first + 1, [1, 2, 9, 20, 21]))
    assert arrived == at(1)
    assert oldest == pytest.approx(6.4 + 0.001 - 1.0)
    assert newest == pytest.approx(6.4 + 0.021 - 1.02)
    assert len(made.acknowledge(feedback(first, [0, 1, 2, 9, 20, 21, 22, 23]), 1.1)) == 3


@pytest.mark.parametrize("first", BOUNDARIES)
def test_losses_and_numbers_that_are_not_known_have_no_ends(first):
    made = sent(first, 3, 1)
    assert made.ends(feedback(first, [0, None, 2])) is None
    assert made.ends(feedback(first, [0, 1, 2, 3, 4])) is None, "never sent"
    assert made.ends(feedback(first - 1, [0, 1])) is None, "before the first"
    assert made.ends(feedback(first + 4, [0])) is None, "the next one"
    assert made.ends(TransportCc(1, 2, first & 0xFFFF, 0, 0, ())) is None
    assert SentHistory(first).ends(feedback(first, [0])) is None


@pytest.mark.parametrize("first", BOUNDARIES)
def test_losses_and_packets_out_of_order(first):
    made = sent(first, 3, 2, 2)
    found = made.acknowledge(feedback(first, [5, None, 3, None, None, 8, 7]), 1.1)
    assert found[0] == Outcome(1.0, 300, 3, 2, at(3), at(5))
    assert found[1][:4] == (1.01, 200, 2, 0)
    assert found[2] == Outcome(1.02, 200, 2, 2, at(7), at(8))


@pytest.mark.parametrize("first", BOUNDARIES)
def test_a_flush_that_two_reports_share_waits_for_the_second(first):
    made = sent(first, 2, 4, 1)
    assert made.acknowledge(feedback(first, [0, 1, 10]), 1.1) == [
        Outcome(1.0, 200, 2, 2, at(0), at(1))
    ]
    assert made.acknowledge(feedback(first + 3, [11, None]), 1.1) == []
    found = made.acknowledge(feedback(first + 5, [13, 14]), 1.2)
    assert found == [
        Outcome(1.01, 400, 4, 3, at(10), at(13)),
        Outcome(1.02, 100, 1, 1, at(14), at(14)),
    ]


def test_a_part_that_no_report_names_is_left_out():
    made = sent(0, 4)
    made.acknowledge(feedback(0, [0]), 1.1)
    assert made.acknowledge(feedback(2, [5, 6]), 1.1) == [Outcome(1.0, 300, 3, 3, at(0), at(6))]


@pytest.mark.parametrize("first", BOUNDARIES)
def test_a_late_packet_is_taken_back_once(first):
    made = sent(first, 2, 2)
    made.acknowledge(feedback(first, [0, None, 2, None]), 1.1)
    again = feedback(first + 1, [9, 2, 8])
    assert made.acknowledge(again, 1.1) == []
    assert made.acknowledge(again, 1.1) == []
    assert made.recovered == 2


def test_reports_out_of_order():
    made = sent(65534, 2, 2)
    second = made.acknowledge(feedback(0, [5, 6]), 1.1)
    first = made.acknowledge(feedback(65534, [0, 1]), 1.1)
    assert second == [Outcome(1.01, 200, 2, 2, at(5), at(6))]
    assert first == [Outcome(1.0, 200, 2, 2, at(0), at(1))]


@pytest.mark.parametrize("first", BOUNDARIES)
def test_forged_numbers_are_counted_only(first):
    made = sent(first, 2)
    assert made.acknowledge(feedback(first + 2, [0, 1, 2]), 1.1) == []
    assert made.acknowledge(feedback(first + 20_000, [0]), 1.1) == []
    assert made.forged == 4
    found = made.acknowledge(feedback(first, [0, 1, 2, 3]), 1.1)
    assert found == [Outcome(1.0, 200, 2, 2, at(0), at(1))]
    assert made.forged == 6


def test_feedback_before_anything_was_sent():
    made = SentHistory(5)
    assert made.acknowledge(feedback(4, [0]), 1.0) == []
    assert made.acknowledge(feedback(5, [0]), 1.0) == []


def test_what_is_old_is_forgotten():
    made = sent(0, 2, 2)
    made.sent(6, 200 - 2 * HEADERS, 12.0)
    found = made.acknowledge(feedback(0, [0, 1, 2, 3, 4, 5]), 12.1)
    assert found == [Outcome(12.0, 200, 2, 2, at(4), at(5))]
    assert counters(made) == (0, 4, 0, 0, 2)


def test_it_stays_bounded_without_feedback():
    made = SentHistory()
    for index in range(1, 40_001):
        made.sent(index & 0xFFFF, 100, 1.0)
    base = 40_000 - history.MAX_ENTRIES
    assert made.acknowledge(feedback(base - 10, range(20)), 1.0)[0].packets == 1
    assert made.stale == 10
    assert made.bytes_sent == 4_000_000


def test_the_reference_time_wraps():
    made = sent(0, 1, 1, 1)
    (before,) = made.acknowledge(feedback(0, [0], reference=0x7FFFFF), 1.1)
    (after,) = made.acknowledge(feedback(1, [0], reference=-0x800000), 1.1)
    (later,) = made.acknowledge(feedback(2, [0], reference=-0x7FFFFF), 1.1)
    assert after.first_arrival - before.first_arrival == pytest.approx(0.064)
    assert later.first_arrival - after.first_arrival == pytest.approx(0.064)


PACKETS = st.builds(
    TransportCc,
    st.just(1),
    st.just(2),
    st.integers(0, 0xFFFF),
    st.integers(-0x800000, 0x7FFFFF),
    st.integers(0, 255),
    st.lists(st.one_of(st.none(), st.integers(-0x8000, 0x7FFF)), min_size=1, max_size=60).map(
        tuple
    ),
)
FLUSHES = st.tuples(st.integers(0, 12), st.integers(0, 20_000), st.floats(0, 3))


@given(
    st.integers(0, 0xFFFF),
    st.lists(st.one_of(FLUSHES, PACKETS, st.integers(-40, 0)), max_size=60),
)
@settings(deadline=None, max_examples=300)
def test_no_feedback_raises_or_decides_twice(first, steps):
    """Any feedback at all, and some that is aimed at what was sent last."""
    made = SentHistory(first)
    number, now, packets, decided = first, 1.0, 0, 0
    seen = set()
    for step in steps:
        if isinstance(step, tuple):
            count, size, wait = step
            now += wait + 0.001
            number += count
            packets += count
            made.sent(number & 0xFFFF, size, now)
            continue
        if isinstance(step, int):
            step = feedback(number + step, range(-step + 3))
        for outcome in made.acknowledge(step, now):
            assert outcome.sent_at not in seen
            seen.add(outcome.sent_at)
            assert 0 <= outcome.received <= outcome.packets > 0
            assert outcome.first_arrival <= outcome.last_arrival
            decided += outcome.packets
    assert decided <= packets
