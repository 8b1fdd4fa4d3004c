"""Transport-wide feedback, read back by our own parser."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.congestion import feedback
from sfu.congestion.feedback import TransportCcFeedback
from sfu.wire import rtcp
from sfu.wire.transport_cc import MAX_STATUSES, TransportCc

BOUNDARIES = (0, 1, 32767, 32768, 65534, 65535)


def read(packets):
    found = []
    for data in packets:
        assert len(data) <= 1200
        (packet,) = rtcp.parse(data)
        assert isinstance(packet, TransportCc)
        assert 0 < len(packet.arrivals) <= MAX_STATUSES
        found.append(packet)
    return found


def ticks_of(seconds):
    return int(seconds * 4000 + 0.5)


def arrivals(packets):
    """16-bit number to time in units of 250 us, None where it was reported as missing."""
    found = {}
    for packet in read(packets):
        for index, ticks in enumerate(packet.ticks()):
            found[(packet.base_seq + index) & 0xFFFF] = ticks
    return found


def test_by_the_byte():
    made = TransportCcFeedback(0x01020304)
    # 1.000 s is 15 * 64 ms and 160 quarters of a millisecond.
    made.packet(65534, 1.000)
    made.packet(65535, 1.001)
    made.packet(2, 1.101)
    (data,) = made.build(1.2, 0xAABBCCDD)
    assert data.hex(" ", -4) == (
        "afcd0006 01020304 aabbccdd "
        "fffe0005 "  # from 65534 on, five packets
        "00000f00 "  # 15 * 64 ms, feedback 0
        "d420a004 "  # small, small, missing, missing, large; 160, 4
        "01900002"  # 400; two bytes of padding
    )


def test_nothing_new_is_no_packet():
    made = TransportCcFeedback(1)
    assert made.build(0.0, 2) == []
    made.packet(7, 0.5)
    assert len(made.build(0.6, 2)) == 1
    assert made.build(0.7, 2) == []
    # A duplicate is nothing new.
    made.packet(7, 0.8)
    assert made.build(0.9, 2) == []


@pytest.mark.parametrize("first", BOUNDARIES)
def test_covers_everything_since_the_last(first):
    made = TransportCcFeedback(1)
    for step in (0, 1, 4):
        made.packet((first + step) & 0xFFFF, 10 + step / 1000)
    (packet,) = read(made.build(10.1, 2))
    assert (packet.sender_ssrc, packet.media_ssrc, packet.feedback_count) == (1, 2, 0)
    assert packet.base_seq == first
    assert packet.ticks() == [40000, 40004, None, None, 40016]
    for step in (6, 8):
        made.packet((first + step) & 0xFFFF, 11 + step / 1000)
    (packet,) = read(made.build(11.1, 2))
    assert (packet.base_seq, packet.feedback_count) == ((first + 5) & 0xFFFF, 1)
    assert packet.ticks() == [None, 44024, None, 44032]


@pytest.mark.parametrize("first", BOUNDARIES)
def test_reordered_within_a_report(first):
    made = TransportCcFeedback(1)
    for step, arrival in ((2, 1.0), (0, 1.25), (1, 1.5), (3, 1.75)):
        made.packet((first + step) & 0xFFFF, arrival)
    (packet,) = read(made.build(2.0, 2))
    assert packet.base_seq == first
    assert packet.ticks() == [5000, 6000, 4000, 7000]


@pytest.mark.parametrize("first", BOUNDARIES)
def test_a_late_packet_is_reported_again_with_what_follows(first):
    made = TransportCcFeedback(1)
    for step in (0, 2, 3):
        made.packet((first + step) & 0xFFFF, 1.0)
    made.build(1.1, 2)
    made.packet((first + 1) & 0xFFFF, 1.2)
    made.packet((first + 4) & 0xFFFF, 1.2)
    (packet,) = read(made.build(1.3, 2))
    assert packet.base_seq == (first + 1) & 0xFFFF
    assert packet.ticks() == [4800, 4000, 4000, 4800]
    assert made.build(1.4, 2) == []


def test_what_is_forgotten_is_not_reported_again():
    made = TransportCcFeedback(1)
    made.packet(0, 1.0)
    made.packet(5, 1.0)
    made.packet(9, 1.8)
    made.build(1.9, 2)
    # 0 and 5 are more than half a second old: to repeat them as missing would be a lie.
    made.packet(4, 1.9)
    assert made.build(2.0, 2) == []
    made.packet(7, 2.0)
    assert arrivals(made.build(2.1, 2)) == {7: 8000, 8: None, 9: 7200}


def test_far_apart_in_time_means_two_packets():
    made = TransportCcFeedback(1)
    made.packet(10, 1.0)
    made.packet(12, 1.0 + 32767 / 4000)
    made.packet(13, 1.0 + 2 * 32768 / 4000)
    made.packet(15, 1.0)
    packets = read(made.build(20.0, 2))
    assert [packet.base_seq for packet in packets] == [10, 13, 14]
    assert [packet.ticks() for packet in packets] == [[4000, None, 36767], [69536], [None, 4000]]
    assert [packet.feedback_count for packet in packets] == [0, 1, 2]


def test_the_reference_time_wraps():
    made = TransportCcFeedback(1)
    half, full = 0x800000 * 0.064, 0x1000000 * 0.064
    references = []
    for seq, arrival in enumerate((half - 0.064, half, full - 0.064, full, full + 0.128)):
        made.packet(seq, arrival + 0.001)
        (packet,) = read(made.build(arrival + 0.002, 2))
        references.append(packet.reference_time)
        assert packet.arrivals == (4,)
    assert references == [0x7FFFFF, -0x800000, -1, 0, 2]


def test_the_feedback_count_wraps():
    made = TransportCcFeedback(1)
    counts = []
    for seq in range(258):
        made.packet(seq, seq / 10)
        counts += [packet.feedback_count for packet in read(made.build(seq / 10, 2))]
    assert counts == [*range(256), 0, 1]


@pytest.mark.parametrize("step", [1, 2, 7, 8, 14, 15, 16, 2048])
@pytest.mark.parametrize("wait", [0, 255, 256])
def test_packets_stay_small_and_whole(step, wait):
    made = TransportCcFeedback(1)
    sent = {}
    for index in range(min(600, 60000 // step)):
        seq = (65000 + index * step) & 0xFFFF
        made.packet(seq, index * wait / 4000)
        sent[seq] = index * wait
    packets = made.build(0.0, 2)
    found = arrivals(packets)
    assert {seq: ticks for seq, ticks in found.items() if ticks is not None} == sent
    assert len(found) == (len(sent) - 1) * step + 1
    assert len(packets) <= 1 + len(sent) // 100 + len(found) // 6000


@pytest.mark.parametrize("jump", [2049, 30000, 32768, 40000, 63000])
def test_a_forged_jump_begins_anew(jump):
    made = TransportCcFeedback(1)
    made.packet(100, 1.0)
    made.packet((100 + jump) & 0xFFFF, 1.001)
    made.packet((101 + jump) & 0xFFFF, 1.002)
    (packet,) = read(made.build(1.1, 2))
    assert packet.base_seq == (100 + jump) & 0xFFFF
    assert packet.ticks() == [4004, 4008]


def test_memory_is_bounded_without_build():
    made = TransportCcFeedback(1)
    for index in range(20000):
        made.packet(index & 0xFFFF, index / 1000)
    found = arrivals(made.build(20.0, 2))
    kept = range(20000 - feedback.MAX_KEPT, 20000)
    assert found == {seq & 0xFFFF: seq * 4 for seq in kept}


STEPS = st.tuples(
    st.one_of(st.integers(-30, 30), st.just(1), st.integers(-2048, 2048)),
    st.floats(0, 0.05),
    st.booleans(),
)


@given(st.integers(0, 0xFFFF), st.lists(STEPS, max_size=150))
@settings(deadline=None, max_examples=300)
def test_any_sequence_of_arrivals_is_read_back(first, steps):
    """Each first arrival is reported, unless one further on came half a second earlier."""
    made = TransportCcFeedback(1)
    newest = first + 65536
    now = 1.0
    made.packet(first, now)
    came = {newest: ticks_of(now)}
    reported = {}
    counts = []

    def build():
        for packet in read(made.build(now, 2)):
            counts.append(packet.feedback_count)
            base = newest - ((newest - packet.base_seq) & 0xFFFF)
            for index, ticks in enumerate(packet.ticks()):
                seq = base + index
                assert seq <= newest
                # What was reported as received is never taken back.
                assert ticks is not None or reported.get(seq) is None
                reported[seq] = ticks

    for step, wait, flush in steps:
        now += wait
        seq = newest + step
        newest = max(newest, seq)
        came.setdefault(seq, ticks_of(now))
        made.packet(seq & 0xFFFF, now)
        if flush:
            build()
    build()

    def too_late(seq):
        return any(other > seq and came[other] <= came[seq] - 1999 for other in came)

    for seq, ticks in reported.items():
        # Reported as missing, and never reported when it came so late.
        assert ticks == came.get(seq) or (ticks is None and too_late(seq))
    for seq in came.keys() - reported.keys():
        assert too_late(seq)
    assert newest in reported
    assert counts == [index & 0xFF for index in range(len(counts))]


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.floats(0, 1e7)), max_size=100))
@settings(deadline=None, max_examples=200)
def test_no_input_raises(packets):
    made = TransportCcFeedback(0xFFFFFFFF)
    for seq, arrival in packets:
        made.packet(seq, arrival)
    found = read(made.build(0.0, 0xFFFFFFFF))
    assert bool(found) is bool(packets)
    assert sum(len(packet.arrivals) for packet in found) <= 2049 * max(1, len(packets))


class Remembering(TransportCcFeedback):
    """Keeps the past of a stream that is in line, too."""

    def _enter_line(self, now):
        pass


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("disorder", [0.0, 0.002, 0.02])
def test_a_stream_in_line_is_reported_as_any_other(seed, disorder):
    chance = random.Random(seed)
    short, full = TransportCcFeedback(1), Remembering(1)
    number, now = 65000, 10.0
    late = []
    for _ in range(300):
        numbers = []
        for _ in range(chance.randrange(1, 8)):
            if late and chance.random() < 0.2:
                numbers.append(late.pop())
            if chance.random() < disorder:
                late.append(number & 0xFFFF)
            else:
                numbers.append(number & 0xFFFF)
            number += 1
        now += chance.choice([0.002, 0.003, 0.02, 0.09])
        for made in (short, full) if numbers else ():
            made.packets(list(numbers), now)
        if chance.random() < 0.2:
            assert arrivals(short.build(now, 2)) == arrivals(full.build(now, 2))
    assert arrivals(short.build(now, 2)) == arrivals(full.build(now, 2))
    if not disorder:
        assert not short._arrivals, "nothing of the past is kept"
