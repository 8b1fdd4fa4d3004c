"""Temporal layers left out, and the numbers that close up over them, from every boundary."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.codecs import vp8
from sfu.codecs.codec import NO_NUMBERS, FrameNumbers
from sfu.codecs.vp8 import temporal_id
from sfu.send.layer_selector import (
    ALL,
    LEFT_OUT_KEPT,
    TemporalFilter,
    frames,
    leave_out,
)
from sfu.send.packet_map import PacketMap
from sfu.wire.packet import MARKER
from tests.sfu.vp8_frames import THREE_LAYERS, TWO_LAYERS, kept, make_frames, payload, tids

SEQ_BOUNDARIES = (0, 32767, 32768, 65534, 65535, 65536)
PICTURE_ID_BOUNDARIES = (0, 126, 127, 128, 32766, 32767)


# The descriptor.


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", -1),
        (b"\x10", -1),
        (b"\x90", -1),
        (b"\x90\x20", -1),
        (b"\x90\x20\x80", 4),
        (b"\x90\x20\xa0", 5),
        (b"\x90\xe0\x12\x07\x40", 2),
        (b"\x90\xe0\x92\x34\x07\x60", 3),
        (b"\x90\xe0\x92\x34\x07", -1),
        (b"\x90\xe0\x92\x34", -1),
        (b"\x90\xc0\x92\x34\x07\x60", -1),
        (b"\x90\x30\x1f\x00", 0),
        (b"\x90\x10\xff\x00", -1),
        (b"\x10\x20\x80\x00", -1),
    ],
)
def test_temporal_id(data, expected):
    assert temporal_id(data) == expected


@given(st.binary(max_size=12))
def test_temporal_id_agrees_with_the_whole_parser(data):
    found = vp8.parse(data)
    if found is not None:
        expected = -1 if found.tid < 0 else found.tid * 2 + found.y
        assert temporal_id(data) == expected


def test_frames_are_cut_at_marker_and_timestamp():
    made = make_frames(THREE_LAYERS, 3)
    whole = [p for frame in made for p in frame]
    parts = frames(whole, vp8.CODEC)
    assert [part.packets for part in parts] == made
    assert [(part.tid, part.sync, part.keyframe, part.start) for part in parts] == [
        (0, False, True, True),
        (2, True, False, True),
        (1, True, False, True),
    ]
    # Without markers the timestamp separates frames; with the same timestamp the marker does.
    assert len(frames([(s, t, 0, d) for s, t, _, d in whole], vp8.CODEC)) == 3
    assert len(frames([(s, 5, m, d) for s, _, m, d in whole], vp8.CODEC)) == 3
    middle = frames(whole[1:], vp8.CODEC)
    assert [part.start for part in middle] == [False, True, True]
    assert frames([], vp8.CODEC) == []


# The temporal filter.


def test_without_temporal_layers_everything_passes():
    filter_ = TemporalFilter(vp8.CODEC)
    filter_.limit = 0
    packets = [p for frame in make_frames(((-1, 0),), 20) for p in frame]
    assert kept(filter_, packets) == packets
    plain = [(n, n * 3000, MARKER, b"\x10\x01abc") for n in range(5)]
    assert kept(filter_, plain) == plain


@pytest.mark.parametrize(("limit", "expected"), [(0, {0}), (1, {0, 1}), (2, {0, 1, 2})])
def test_a_limit_keeps_whole_frames_up_to_it(limit, expected):
    filter_ = TemporalFilter(vp8.CODEC)
    filter_.limit = limit
    for frame in make_frames(THREE_LAYERS, 24, packets=3):
        sent = kept(filter_, frame)
        assert sent == (frame if tids(frame)[0] in expected else [])


@pytest.mark.parametrize("cut", [1, 2])
def test_a_frame_is_never_cut_in_two(cut):
    """Not by a change of the limit in the middle of it, however its packets come."""
    filter_ = TemporalFilter(vp8.CODEC)
    made = make_frames(THREE_LAYERS, 4, packets=3)
    assert kept(filter_, made[0]) == made[0]
    assert kept(filter_, made[1][:cut]) == made[1][:cut]
    filter_.limit = 0
    assert kept(filter_, made[1][cut:]) == made[1][cut:]
    assert kept(filter_, made[2][:cut]) == []
    filter_.limit = ALL
    assert kept(filter_, made[2][cut:]) == []


def test_the_frame_that_was_begun_before_there_was_a_limit_is_finished():
    """While nothing is limited nobody shows the filter what is sent."""
    filter_ = TemporalFilter(vp8.CODEC)
    made = make_frames(THREE_LAYERS, 12, packets=3)
    filter_.limit = 0
    assert kept(filter_, made[1][2:]) == made[1][2:]
    assert kept(filter_, made[2]) == []
    assert kept(filter_, made[3][1:]) == []
    assert kept(filter_, made[4]) == made[4]
    filter_.limit = ALL
    whole = [p for frame in made[5:8] for p in frame]
    kept(filter_, whole)
    filter_.restart()
    assert not filter_.limiting
    filter_.limit = 1
    assert kept(filter_, made[9][1:]) == made[9][1:]
    assert kept(filter_, made[11]) == []


def test_down_at_the_next_frame_up_at_sync_frames_one_layer_at_a_time():
    filter_ = TemporalFilter(vp8.CODEC)
    made = make_frames(THREE_LAYERS, 48, packets=1)
    filter_.limit = 0
    for frame in made[:8]:
        kept(filter_, frame)
    filter_.limit = ALL
    passed = [number for number in range(8, 40) if kept(filter_, made[number])]
    # 9 is a sync frame of layer 2, but layer 1 is missing; 10 is one of layer 1; 17 of layer 2.
    assert passed == [8, 10, 12, 14, 16, *range(17, 40)]
    assert not filter_.limiting


def test_two_layers_go_up_at_the_first_sync_frame():
    filter_ = TemporalFilter(vp8.CODEC)
    made = make_frames(TWO_LAYERS, 12, packets=1)
    filter_.limit = 0
    for frame in made[:3]:
        kept(filter_, frame)
    filter_.limit = 1
    assert [n for n in range(3, 12) if kept(filter_, made[n])] == [4, 5, 6, 7, 8, 9, 10, 11]
    # The publisher may yet add a layer.
    assert filter_.limiting
    filter_.limit = ALL
    assert not filter_.limiting


def test_a_sync_frame_without_its_first_packet_is_no_place_to_go_up():
    filter_ = TemporalFilter(vp8.CODEC)
    made = make_frames(TWO_LAYERS, 6, packets=2)
    filter_.limit = 0
    for frame in made[:4]:
        kept(filter_, frame)
    filter_.limit = ALL
    assert kept(filter_, made[4]) == made[4]
    assert kept(filter_, made[5][1:]) == []


def test_a_keyframe_makes_everything_decodable():
    filter_ = TemporalFilter(vp8.CODEC)
    made = make_frames(THREE_LAYERS, 16, packets=1, keyframes=(0, 12))
    filter_.limit = 0
    for frame in made[:11]:
        kept(filter_, frame)
    filter_.limit = ALL
    assert filter_.raising
    assert [n for n in range(11, 16) if kept(filter_, made[n])] == [12, 13, 14, 15]
    assert not filter_.limiting


def test_a_limit_taken_back_before_anything_was_left_out_changes_nothing():
    filter_ = TemporalFilter(vp8.CODEC)
    made = make_frames(THREE_LAYERS, 6, packets=1)
    kept(filter_, made[0])
    filter_.limit = 0
    assert filter_.limiting
    filter_.limit = ALL
    assert not filter_.limiting
    assert all(kept(filter_, frame) for frame in made[1:])


def references(number, pattern):
    """Frames that frame `number` of a libwebrtc pattern refers to: base, and buffers of layers."""
    tid, sync = pattern[number % len(pattern)]
    found = set()
    for wanted in range(1 if sync else tid + 1):
        for earlier in range(number - 1, -1, -1):
            if pattern[earlier % len(pattern)][0] == wanted:
                found.add(earlier)
                break
    return found


@given(st.lists(st.integers(0, 3), min_size=40, max_size=40), st.sampled_from([2, 3]))
@settings(max_examples=60, deadline=None)
def test_what_is_sent_can_always_be_decoded(limits, layers):
    """Whatever the order of limits: every frame sent refers to frames that were sent."""
    pattern = THREE_LAYERS if layers == 3 else TWO_LAYERS
    filter_ = TemporalFilter(vp8.CODEC)
    sent = set()
    for number, frame in enumerate(make_frames(pattern, 160, packets=1)):
        filter_.limit = limits[number // 4]
        if kept(filter_, frame):
            assert pattern[number % len(pattern)][0] <= filter_.limit
            assert references(number, pattern) <= sent
            sent.add(number)
        else:
            assert pattern[number % len(pattern)][0] > 0
    filter_.limit = ALL
    last = make_frames(pattern, 40, packets=1, keyframes=())
    assert all([bool(kept(filter_, frame)) for frame in last][20:])


# Numbers stay continuous.


class Receiver:
    """A down track as the forwarder works it: the filter, its numbers, what leaves."""

    def __init__(self, first_out=0):
        self.filter = TemporalFilter(vp8.CODEC)
        self.map = PacketMap(first_out)
        self.sent = []

    def switch(self, source, packet, last=None):
        segment = self.map.begin(source, packet[0])
        if last is not None:
            segment.shift = vp8.continued(last, packet[3], None)
        self.filter.restart()

    def send(self, packets):
        for run in self.filter.filter(packets):
            if run.kept:
                for packet in run.packets:
                    self.write(self.map.current, packet)
                self.map.last_out = run.packets[-1][0] + self.map.current.seq_delta
            else:
                leave_out(self.map, run)

    def write(self, segment, packet):
        frame, base = vp8.numbers(packet[3], segment.shift)
        seq = packet[0] + segment.seq_delta
        self.sent.append((seq, frame, base, packet))

    def late(self, source, packet):
        segment = self.map.segment_of_input(source, packet[0])
        if segment is not None and self.filter.admits_late(packet):
            self.write(segment, packet)


def assert_continuous(sent, bits=15):
    """Sequence numbers one by one, picture ids one by one a frame, TL0PICIDX a base frame."""
    size = 1 << bits
    for (seq, picture_id, tl0, old), (seq2, picture_id2, tl02, new) in pairwise(sent):
        assert seq2 == seq + 1
        same = old[3:] == new[3:] or not new[3][0] & 0x10
        assert picture_id2 == (picture_id if same else (picture_id + 1) % size)
        if tl0 >= 0:
            base = not same and temporal_id(new[3]) >> 1 == 0
            assert tl02 == ((tl0 + 1) % 256 if base else tl0)


@pytest.mark.parametrize("first", SEQ_BOUNDARIES)
@pytest.mark.parametrize("picture_id", PICTURE_ID_BOUNDARIES)
def test_numbers_close_up_over_what_is_left_out(first, picture_id):
    receiver = Receiver(first & 0x7FFF)
    made = make_frames(THREE_LAYERS, 40, packets=3, seq=first, picture_id=picture_id, tl0=250)
    receiver.switch("q", made[0][0])
    limits = [ALL, 0, 1, 2, 0, ALL, 1, ALL]
    for number, frame in enumerate(made):
        receiver.filter.limit = limits[number // 5]
        receiver.send(frame)
    assert_continuous(receiver.sent)
    assert receiver.sent[0][0] == first & 0x7FFF
    assert 40 * 3 > len(receiver.sent) > 40


@given(
    st.lists(
        st.tuples(st.sampled_from("qhf"), st.integers(0, 3), st.integers(1, 12)),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from(SEQ_BOUNDARIES),
    st.sampled_from(PICTURE_ID_BOUNDARIES),
    st.sampled_from([0, 254, 255]),
)
@settings(max_examples=60, deadline=None)
def test_numbers_are_continuous_in_every_order_of_switches(steps, seq, picture_id, tl0):
    receiver = Receiver(seq & 0x7FFF)
    streams = {
        rid: iter(
            make_frames(
                THREE_LAYERS,
                64,
                packets=packets,
                seq=seq * packets,
                picture_id=picture_id + packets,
                tl0=tl0 + packets & 0xFF,
                keyframes=range(0, 64, 8),
            )
        )
        for rid, packets in (("q", 1), ("h", 2), ("f", 3))
    }
    current = ""
    for rid, limit, count in steps:
        if rid != current:
            frame = next((f for f in streams[rid] if vp8.is_keyframe(f[0][3][:20])), None)
            if frame is None:
                return
            last = FrameNumbers(*receiver.sent[-1][1:3]) if receiver.sent else None
            receiver.switch(rid, frame[0], last)
            current = rid
            receiver.send(frame)
        receiver.filter.limit = limit
        for _ in range(count):
            frame = next(streams[rid], None)
            if frame is not None:
                receiver.send(frame)
    assert_continuous(receiver.sent)


def test_what_is_missing_inside_a_frame_left_out_is_left_out_too():
    receiver = Receiver()
    made = make_frames(THREE_LAYERS, 3, packets=4, seq=100)
    receiver.switch("q", made[0][0])
    receiver.filter.limit = 1
    receiver.send(made[0])
    receiver.send(made[1][:1])
    receiver.send(made[1][3:])
    receiver.send(made[2])
    assert_continuous(receiver.sent)
    receiver.late("q", made[1][1])
    assert len(receiver.sent) == 8


def test_padding_inside_a_frame_left_out():
    receiver = Receiver()
    made = make_frames(THREE_LAYERS, 3, packets=4, seq=100)
    receiver.switch("q", made[0][0])
    receiver.filter.limit = 1
    receiver.send(made[0])
    receiver.send(made[1][:1])
    receiver.map.leave_out(made[1][1][0], made[1][1][0])
    receiver.send(made[1][2:])
    receiver.send(made[2])
    assert_continuous(receiver.sent)
    assert len(receiver.sent) == 8


def test_a_hole_before_a_frame_left_out_stays_open_for_a_late_packet():
    receiver = Receiver()
    made = make_frames(THREE_LAYERS, 3, packets=2, seq=100)
    receiver.switch("q", made[0][0])
    receiver.filter.limit = 1
    receiver.send(made[0][:1])
    receiver.send(made[1])
    receiver.send(made[2])
    assert [entry[0] for entry in receiver.sent] == [0, 2, 3]
    receiver.late("q", made[0][1])
    receiver.sent.sort(key=lambda entry: entry[0])
    assert_continuous(receiver.sent)


def test_a_late_packet_of_a_frame_left_out_is_not_sent():
    """Its number stays open, but its picture id is another's by now."""
    receiver = Receiver()
    made = make_frames(THREE_LAYERS, 4, packets=2, seq=100)
    receiver.switch("q", made[0][0])
    receiver.filter.limit = 1
    receiver.send(made[0])
    receiver.send(made[1][1:])
    receiver.send(made[2])
    receiver.late("q", made[1][0])
    assert [entry[1] for entry in receiver.sent] == [0, 0, 1, 1]
    assert receiver.filter.left_out(made[1][0][1])
    assert not receiver.filter.left_out(made[0][0][1])


def test_late_packets_of_frames_that_were_never_decided_on():
    receiver = Receiver()
    made = [frame[0] for frame in make_frames(THREE_LAYERS, 12, packets=1, seq=100)]
    receiver.switch("q", made[0])
    receiver.send(made[:1])
    receiver.filter.limit = 1
    # 1 (layer 2) and 2 (layer 1) are missing when 3 (layer 2) shows the limit.
    for number in (3, 4, 5):
        receiver.send([made[number]])
    receiver.late("q", made[2])
    receiver.late("q", made[1])
    # They lie before the change: sent, and no picture id is missing or there twice.
    receiver.sent.sort(key=lambda entry: entry[0])
    assert_continuous(receiver.sent)
    assert [entry[3] for entry in receiver.sent] == [made[n] for n in (0, 1, 2, 4)]
    # After it the limit holds for late ones too.
    for number in (8, 11):
        receiver.send([made[number]])
    count = len(receiver.sent)
    receiver.late("q", made[9])
    assert receiver.filter.left_out(made[9][1])
    assert len(receiver.sent) == count
    receiver.late("q", made[10])
    assert len(receiver.sent) == count + 1


def test_left_out_frames_are_forgotten_in_time():
    filter_ = TemporalFilter(vp8.CODEC)
    filter_.limit = 0
    made = make_frames(TWO_LAYERS, 2 * LEFT_OUT_KEPT + 2, packets=1)
    for frame in made:
        kept(filter_, frame)
    assert not filter_.left_out(made[1][0][1])
    assert filter_.left_out(made[3][0][1])


def test_what_was_left_out_of_one_stream_says_nothing_of_another():
    filter_ = TemporalFilter(vp8.CODEC)
    filter_.limit = 0
    made = make_frames(TWO_LAYERS, 2, packets=1)
    kept(filter_, made[0] + made[1])
    assert filter_.left_out(made[1][0][1])
    filter_.restart()
    assert not filter_.left_out(made[1][0][1])
    # By its layer, of course.
    assert filter_.admits_late(made[1][0]) is False
    assert filter_.admits_late(made[0][0])


def test_leave_out_without_a_stream_or_behind_the_newest():
    filter_ = TemporalFilter(vp8.CODEC)
    filter_.limit = 0
    made = make_frames(TWO_LAYERS, 2, packets=1, seq=10)
    kept(filter_, made[0])
    (run,) = filter_.filter(made[1])
    assert leave_out(PacketMap(0), run) is None
    numbers = PacketMap(0)
    numbers.begin("q", 10)
    numbers.last_out = 5
    assert leave_out(numbers, run) is None


@pytest.mark.parametrize(
    ("last", "picture_id", "tl0", "expected"),
    [
        (FrameNumbers(32767, 255), 5, 7, (32763, 249)),
        (FrameNumbers(0, 0), 0, 0, (1, 1)),
        (FrameNumbers(-1, 3), 5, 7, (0, -3)),
        (FrameNumbers(3, -1), 5, 7, (-1, 0)),
        (FrameNumbers(3, 3), -1, -1, (0, 0)),
    ],
)
def test_numbers_go_on_from_those_sent_last(last, picture_id, tl0, expected):
    data = payload(0, 0, picture_id, tl0, keyframe=True)
    assert vp8.continued(last, data, None) == expected


def test_numbers_are_those_on_the_wire():
    shift = (5, -1)
    assert vp8.numbers(payload(0, 0, 32765, 0), shift) == FrameNumbers(2, 255)
    assert vp8.numbers(payload(0, 0, 125, 9, bits=7), shift) == FrameNumbers(2, 8)
    assert vp8.numbers(payload(), shift) == NO_NUMBERS
    assert vp8.numbers(b"", shift) == NO_NUMBERS
