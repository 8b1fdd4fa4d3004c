"""Receive statistics against RFC 3550's own arithmetic and against aiortc's."""

import pytest
from aiortc.rtcrtpreceiver import StreamStatistics
from aiortc.rtp import RtpPacket
from hypothesis import given, settings
from hypothesis import strategies as st

from qos.receive import MAX_DROPOUT, MAX_MISORDER, REFUSED, ReceiveStatistics

RELAXED = settings(deadline=None, max_examples=200)
BOUNDARIES = (0, 1, 32767, 32768, 65534, 65535)


def feed(seqs, clock_rate=8000):
    """One packet every 20 ms by both clocks."""
    statistics = ReceiveStatistics(clock_rate)
    extended = [
        statistics.packet(seq & 0xFFFF, i * clock_rate // 50, i * 0.02, 100)
        for i, seq in enumerate(seqs)
    ]
    return statistics, extended


def test_before_the_first_packet():
    statistics = ReceiveStatistics(90000)
    assert (statistics.received, statistics.bytes, statistics.expected) == (0, 0, 0)
    assert (statistics.lost, statistics.jitter_seconds, statistics.highest) == (0, 0.0, -1)
    assert statistics.report() == (0, 0, 0, 0)


@pytest.mark.parametrize("first", BOUNDARIES)
@pytest.mark.parametrize(
    # Steps from the first number; packets expected; lost.
    ("steps", "expected", "lost"),
    [
        ((0,), 1, 0),
        ((0, 1, 2, 3), 4, 0),
        ((0, 1, 3), 4, 1),
        ((0, 1, 3, 2), 4, 0),
        ((0, 2, 1, 3), 4, 0),
        ((0, 1, 1, 1), 2, -2),
        ((0, 10), 11, 9),
        ((0, 2999), 3000, 2998),
        ((0, 1023, 0), 1024, 1021),
        ((0, 1023, 1), 1024, 1021),
        ((*range(0, 70000, 2500), 70000), 70001, 69972),
    ],
)
def test_numbers_are_extended_from_every_boundary(first, steps, expected, lost):
    statistics, extended = feed([first + step for step in steps])
    assert extended == [first + step for step in steps]
    assert statistics.received == len(steps)
    assert statistics.bytes == 100 * len(steps)
    assert (statistics.expected, statistics.lost) == (expected, lost)
    assert statistics.highest == first + max(steps)
    assert statistics.report()[1:3] == (lost, first + max(steps))


@pytest.mark.parametrize("first", BOUNDARIES)
def test_one_stray_packet_is_refused(first):
    for stray in (MAX_DROPOUT, 20000, 40000, 65536 - MAX_MISORDER):
        statistics, extended = feed([first, first + 1, first + 1 + stray, first + 2, first + 3])
        assert extended == [first, first + 1, REFUSED, first + 2, first + 3]
        assert (statistics.received, statistics.bytes) == (4, 400)
        assert (statistics.expected, statistics.lost) == (4, 0)


@pytest.mark.parametrize("first", BOUNDARIES)
@pytest.mark.parametrize("jump", [MAX_DROPOUT, 20000, 40000, 65536 - MAX_MISORDER - 2])
def test_two_in_sequence_are_a_restart(first, jump):
    new = first + 2 + jump
    statistics, extended = feed([first, first + 2, new, new + 1, new + 2])
    # The low bits stay, and the number goes on upwards.
    assert extended == [first, first + 2, REFUSED, new + 1, new + 2]
    # What was lost before counts on, what the jump passed over does not.
    assert (statistics.received, statistics.expected, statistics.lost) == (4, 5, 1)


def test_strays_that_do_not_follow_each_other_are_no_restart():
    _, extended = feed([0, 1, 20000, 30000, 20002, 40000, 2])
    assert extended == [0, 1, REFUSED, REFUSED, REFUSED, REFUSED, 2]


def test_what_came_before_the_first_cycle_counts_under_negative_numbers():
    statistics, extended = feed([5, 65535, 4, 0])
    assert extended == [5, -1, 4, 0]
    assert (statistics.received, statistics.expected, statistics.lost) == (4, 1, -3)
    statistics, extended = feed([0, 65535, 1, 64600, 2])
    assert extended == [0, -1, 1, -936, 2]
    assert (statistics.received, statistics.expected, statistics.lost) == (5, 3, -2)


def test_a_packet_that_says_no_time_counts_and_changes_no_jitter():
    statistics = ReceiveStatistics(8000)
    for number in range(20):
        if 5 <= number < 10:
            assert statistics.untimed(number, 800, number * 0.02, 16) == number
        else:
            statistics.packet(number, number * 160, number * 0.02, 172)
    assert (statistics.received, statistics.lost, statistics.bytes) == (20, 0, 15 * 172 + 5 * 16)
    assert statistics.jitter == pytest.approx(0, abs=1e-6)


def test_fraction_lost_is_that_of_the_interval():
    statistics = ReceiveStatistics(8000)
    seqs = iter([0, 1, 2, 3, 8, 9, 9, 10, 11, 12])

    def packets(count):
        for _ in range(count):
            statistics.packet(next(seqs), 0, 0.0, 1)

    packets(4)
    assert statistics.report() == (0, 0, 3, 0)
    packets(1)
    # Five expected, one came: 4/5 of 256.
    assert statistics.report() == (204, 4, 8, 0)
    packets(2)
    # A duplicate outweighs nothing: no loss in the interval, one less in all.
    assert statistics.report() == (0, 3, 9, 0)
    packets(3)
    assert statistics.report() == (0, 3, 12, 0)
    # Nothing expected since.
    assert statistics.report() == (0, 3, 12, 0)


def test_packets_lost_is_clamped_to_24_bits():
    statistics = ReceiveStatistics(8000)
    for _ in range(3):
        statistics.packet(7, 0, 0.0, 1)
    statistics.received = 9_000_000
    assert statistics.report()[:2] == (0, -0x800000)
    statistics = ReceiveStatistics(8000)
    for i in range(3600):
        statistics.packet(i * 2999 & 0xFFFF, 0, 0.0, 1)
    assert statistics.lost == 3599 * 2998 > 0x7FFFFF
    # All but one in 2999 lost: 255, not 256.
    assert statistics.report()[:3] == (255, 0x7FFFFF, 3599 * 2999)


def test_jitter_by_hand():
    # Clock 1000 Hz: units are milliseconds. Transit changes by 0, 16, 16, 0.
    statistics = ReceiveStatistics(1000)
    jitters = []
    for seq, (timestamp, arrival) in enumerate(
        [(0, 5.0), (20, 5.020), (40, 5.056), (60, 5.060), (80, 5.080)]
    ):
        statistics.packet(seq, timestamp, arrival, 1)
        jitters.append(statistics.jitter)
    assert jitters == pytest.approx([0, 0, 1.0, 1.9375, 1.81640625])
    assert statistics.report()[3] == 1
    assert statistics.jitter_seconds == pytest.approx(0.00181640625)


def test_packets_of_one_frame_count_their_spacing():
    statistics = ReceiveStatistics(1000)
    statistics.packet(0, 0, 0.0, 1)
    statistics.packet(1, 0, 0.032, 1)
    assert statistics.jitter == pytest.approx(2.0)


def test_jitter_over_the_timestamp_wrap():
    statistics = ReceiveStatistics(90000)
    start = 2**32 - 9000
    for i in range(200):
        # A late packet from before the wrap now and then.
        order = i + 1 if i % 10 == 3 else i - 1 if i % 10 == 4 else i
        statistics.packet(order, (start + order * 900) & 0xFFFFFFFF, order * 0.01, 1)
    assert statistics.jitter == pytest.approx(0, abs=0.01)


def test_a_new_timestamp_origin_is_no_jitter():
    statistics = ReceiveStatistics(90000)
    for i in range(100):
        origin = 12345 if i < 50 else 3_000_000_000
        statistics.packet(i, origin + i * 900, i * 0.01, 1)
    assert statistics.jitter == pytest.approx(0, abs=0.01)


def test_a_restart_is_no_jitter():
    statistics = ReceiveStatistics(90000)
    for i in range(100):
        seq, origin = (i, 0) if i < 50 else (20000 + i, 180000)
        statistics.packet(seq, origin + i * 900, i * 0.01, 1)
    assert statistics.received == 99
    assert statistics.jitter == pytest.approx(0, abs=0.01)


@given(
    st.integers(0, 0xFFFF),
    st.lists(
        st.tuples(st.integers(-5, 40), st.integers(0, 20000), st.floats(0, 0.2)),
        min_size=1,
        max_size=60,
    ),
)
@RELAXED
def test_agrees_with_aiortc(first, packets):
    """On all but jitter, for which aiortc reads the wall clock."""
    ours, theirs = ReceiveStatistics(90000), StreamStatistics(90000)
    seq, timestamp, arrival = first + 100, 0, 1000.0
    ours.packet(seq & 0xFFFF, 0, arrival, 1)
    number = seq & 0xFFFF
    add_to_aiortc(theirs, number, 0, arrival)
    for step, ticks, seconds in packets:
        number = (number + step) & 0xFFFF
        timestamp += ticks + 1
        arrival += seconds
        accepted = ours.packet(number, timestamp, arrival, 1)
        assert accepted == REFUSED or accepted & 0xFFFF == number
        if accepted == REFUSED:
            return
        add_to_aiortc(theirs, number, timestamp, arrival)
    assert (ours.received, ours.lost) == (theirs.packets_received, theirs.packets_lost)
    assert ours.report()[0] == theirs.fraction_lost


def add_to_aiortc(statistics, seq, timestamp, arrival):
    statistics.add(RtpPacket(sequence_number=seq, timestamp=timestamp))


@given(
    st.lists(
        st.tuples(
            st.integers(0, 0xFFFF),
            st.integers(0, 0xFFFFFFFF),
            st.floats(0, 1e6),
            st.integers(0, 2000),
        ),
        max_size=80,
    )
)
@RELAXED
def test_no_input_breaks_it(packets):
    statistics = ReceiveStatistics(48000)
    seen = -1
    for seq, timestamp, arrival, size in packets:
        extended = statistics.packet(seq, timestamp, arrival, size)
        assert extended == REFUSED or extended & 0xFFFF == seq
        assert statistics.highest >= seen
        seen = statistics.highest
        fraction, lost, highest, jitter = statistics.report()
        assert 0 <= fraction <= 255
        assert -0x800000 <= lost <= 0x7FFFFF
        assert 0 <= highest <= 0xFFFFFFFF
        assert 0 <= jitter <= 5 * 48000
