"""Fan-out in memory: what is written, how it is cut into runs, and every order of switches."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu import control
from sfu.net.srtp import AEAD_AES_128_GCM, AES128_CM_SHA1_80, SrtpProfile
from sfu.receive import arrival
from sfu.send.egress import MAX_SEGMENTS
from sfu.send.forwarder import GROUP_PACKETS
from sfu.send.resends import RING
from sfu.wire import rtp
from sfu.wire.packet import MARKER
from tests.sfu.fan_out import Scene, body, picture_ids, seqs, stamps
from tests.sfu.peers import audio_spec, delta_frame, keyframe, video_spec


@pytest.mark.parametrize("profile", [AEAD_AES_128_GCM, AES128_CM_SHA1_80], ids=lambda p: p.name)
@pytest.mark.parametrize("cc", [0, 5])
@pytest.mark.parametrize("first_in", [0, 32766, 65534])
@pytest.mark.parametrize("first_out", [0, 32767])
def test_numbers_go_on_over_every_boundary(
    profile: SrtpProfile, cc: int, first_in: int, first_out: int
) -> None:
    scene = Scene(first_seq=first_out, profile=profile, cc=cc)
    stream = scene.stream()
    scene.attach()
    arrival.receive(stream, first_in, 0xFFFFFFFF, 0, keyframe(1), 1.0)
    for step in range(1, 5):
        seq = (first_in + step) & 0xFFFF
        arrival.receive(
            stream, seq, (0xFFFFFFFF + step) & 0xFFFFFFFF, MARKER, delta_frame(step), 1.0
        )
    packets = scene.take()
    assert seqs(packets) == [first_out + step for step in range(5)]
    assert stamps(packets) == [0xFFFFFFFF, 0, 1, 2, 3]
    assert [packet[1] >> 7 for packet in packets] == [0, 1, 1, 1, 1]
    assert body(packets[0]) == keyframe(1)
    if cc:
        found = [rtp.extension(p, 0, 20, cc) for p in packets]
        assert found == [number.to_bytes(2, "big") for number in range(5)]
    scene.down.settle()
    assert (scene.down.packets, scene.forwarder.refused) == (5, 0)


def test_packets_that_differ_by_one_byte_become_one_run() -> None:
    scene = Scene()
    stream = scene.stream()
    scene.attach()
    sizes = [100, 99, 99, 100, 60]
    for seq, size in enumerate(sizes):
        payload = keyframe(1, size) if seq == 0 else delta_frame(1, size + 7)
        arrival.receive(stream, seq, 0, 0, payload, 1.0)
    scene.forwarder.flush(1.0)
    scene.outbox.flush(scene.now)
    # The last and shorter packet closes the run.
    assert [len(scene.wire.messages)] == [1]
    packets = scene.take()
    assert [len(body(p)) for p in packets] == [116, 115, 115, 116, 76]
    assert [rtp.padding_length(p, 0, len(p)) for p in packets] == [0, 1, 1, 0, 0]


def test_runs_grow_over_groups_and_stay_within_the_kernel_s_limits() -> None:
    scene = Scene(audio_spec("a"))
    stream = scene.stream(ssrc=500)
    scene.attach()
    for seq in range(200):
        arrival.receive(stream, seq, seq * 960, 0, b"\x78" + bytes(50), 1.0)
    scene.forwarder.flush(1.0)
    scene.outbox.flush(scene.now)
    counts = [len(data) // segment for data, segment in scene.wire.messages]
    assert sum(counts) == 200
    assert max(counts) <= MAX_SEGMENTS
    assert len(counts) < 200 / GROUP_PACKETS + 2


def test_more_than_an_egress_holds_leaves_in_order() -> None:
    scene = Scene()
    stream = scene.stream()
    scene.attach()
    for seq in range(300):
        arrival.receive(
            stream, seq, 0, 0, keyframe(1, 1100) if seq == 0 else delta_frame(1, 1100), 1.0
        )
    assert seqs(scene.take()) == list(range(100, 400))


def test_a_late_packet_keeps_its_place() -> None:
    scene = Scene()
    stream = scene.stream()
    scene.attach()
    for seq in (0, 1, 3, 4, 2):
        arrival.receive(stream, seq, seq, 0, keyframe(1) if seq == 0 else delta_frame(seq), 1.0)
    packets = scene.take()
    assert sorted(seqs(packets)) == [100, 101, 102, 103, 104]
    assert body(packets[seqs(packets).index(102)]) == delta_frame(2)
    arrival.receive(stream, 5, 5, 0, delta_frame(5), 1.0)
    assert seqs(scene.take()) == [105]


def test_what_came_before_the_switch_is_not_sent() -> None:
    scene = Scene()
    stream = scene.stream()
    scene.attach()
    arrival.receive(stream, 10, 0, 0, keyframe(1), 1.0)
    arrival.receive(stream, 8, 0, 0, delta_frame(9), 1.0)
    assert seqs(scene.take()) == [100]
    assert scene.forwarder.too_old == 1


def test_padding_only_packets_leave_no_hole() -> None:
    scene = Scene()
    stream = scene.stream()
    scene.attach()
    arrival.receive(stream, 0, 0, 0, keyframe(1), 1.0)
    arrival.skip_padding(stream, 1, 0, 1.0)
    arrival.skip_padding(stream, 2, 0, 1.0)
    arrival.receive(stream, 3, 3000, 0, delta_frame(2), 1.0)
    packets = scene.take()
    assert seqs(packets) == [100, 101]
    assert body(packets[1]) == delta_frame(2)
    scene.down.settle()
    lost = scene.down.map.find_output(101)
    assert lost is not None
    assert lost[1] == 3


def test_padding_behind_a_lost_packet_leaves_no_number_missing_once_that_one_is_repaired() -> None:
    scene = Scene(audio_spec("a"))
    stream = scene.stream(ssrc=500)
    arrival.receive(stream, 0, 0, 0, b"first", 1.0)
    scene.attach()
    arrival.receive(stream, 1, 960, 0, b"second", 1.0)
    # 2 is missing.
    arrival.skip_padding(stream, 3, 1920, 1.0)
    arrival.skip_padding(stream, 4, 1920, 1.0)
    arrival.receive(stream, 5, 2880, 0, b"fourth", 1.0)
    assert seqs(scene.take()) == [100, 102]
    arrival.receive(stream, 2, 1920, 0, b"third", 1.0)
    (late,) = scene.take()
    assert (seqs([late]), body(late)) == ([101], b"third")


def test_a_repair_may_come_before_the_packet_behind_the_padding() -> None:
    scene = Scene(audio_spec("a"))
    stream = scene.stream(ssrc=500)
    arrival.receive(stream, 0, 0, 0, b"first", 1.0)
    scene.attach()
    arrival.receive(stream, 1, 960, 0, b"second", 1.0)
    arrival.skip_padding(stream, 3, 1920, 1.0)
    arrival.receive(stream, 2, 1920, 0, b"third", 1.0)
    arrival.receive(stream, 4, 2880, 0, b"fourth", 1.0)
    assert [body(packet) for packet in scene.take()] == [b"second", b"third", b"fourth"]


def test_late_padding_takes_the_number_that_was_kept_for_it() -> None:
    scene = Scene(audio_spec("a"))
    stream = scene.stream(ssrc=500)
    arrival.receive(stream, 0, 0, 0, b"first", 1.0)
    scene.attach()
    arrival.receive(stream, 1, 960, 0, b"second", 1.0)
    arrival.receive(stream, 3, 1920, 0, b"third", 1.0)
    assert seqs(scene.take()) == [100, 102]
    for _ in range(2):
        arrival.skip_padding(stream, 2, 960, 1.0)
    (late,) = scene.take()
    assert (seqs([late]), body(late)) == ([101], b"")


@given(st.lists(st.booleans(), min_size=2, max_size=40), st.randoms(use_true_random=False),
       st.integers(0, 12), st.sampled_from(["audio", "video"]))  # fmt: skip
@settings(deadline=None, max_examples=200)
def test_when_all_has_come_no_number_is_missing_in_whatever_order(
    carries: list[bool], draw: random.Random, reach: int, kind: str
) -> None:
    """`carries`: whether each packet has a payload; it comes up to `reach` places late."""
    scene = Scene(video_spec("v") if kind == "video" else audio_spec("a"))
    stream = scene.stream(ssrc=500)
    scene.attach()
    arrival.receive(stream, 0, 0, MARKER, keyframe(0), 1.0)
    places = {number: number + draw.uniform(0, reach) for number in range(1, len(carries) + 1)}
    order = sorted(places, key=lambda number: places[number])
    for number in [*order, len(carries) + 1]:
        if number > len(carries) or carries[number - 1]:
            arrival.receive(stream, number, number * 3000, MARKER, delta_frame(number), 1.0)
        else:
            arrival.skip_padding(stream, number, number * 3000, 1.0)
    packets = scene.take()
    numbers = sorted(seqs(packets))
    assert numbers == list(range(100, 100 + len(numbers)))
    by_number = sorted(packets, key=lambda packet: seqs([packet]))
    shown = [body(packet) for packet in by_number if body(packet)]
    sent = [number for number, carried in enumerate(carries, 1) if carried]
    assert shown[1:] == [delta_frame(number) for number in [*sent, len(carries) + 1]]


LAYERS = tuple(control.StreamSpec(rid=rid) for rid in "qhf")


@pytest.mark.parametrize("picture_id", [0, 0x7FFE, 0x7FFF])
@pytest.mark.parametrize("order", ["qhf", "fhq", "qfq", "hfh", "fqf"])
def test_every_order_of_switches_is_one_unbroken_series(order: str, picture_id: int) -> None:
    scene = Scene(video_spec("v", streams=LAYERS), first_seq=32767)
    streams = {rid: scene.stream(rid, 30 + n) for n, rid in enumerate("qhf")}
    scene.attach()
    packets: list[bytes] = []
    next_seq = {"q": 65535, "h": 0, "f": 32767}
    for step, rid in enumerate(order):
        # The layer shown before falls silent, so that going down is right too.
        scene.now += 5.0
        for number in range(3):
            payload = (keyframe if number == 0 else delta_frame)(
                (picture_id + 7 * step + number) & 0x7FFF
            )
            stamp = 1_000_000 * (ord(rid) - 96) + number * 3000
            arrival.receive(
                streams[rid], next_seq[rid], stamp, MARKER, payload, scene.now + number / 30
            )
            next_seq[rid] = (next_seq[rid] + 1) & 0xFFFF
        packets += scene.take()
    assert len(packets) == 9
    assert seqs(packets) == [(32767 + n) & 0xFFFF for n in range(9)]
    assert picture_ids(packets) == [(picture_id + n) & 0x7FFF for n in range(9)]
    steps = [
        (b - a) & 0xFFFFFFFF for a, b in zip(stamps(packets), stamps(packets)[1:], strict=False)
    ]
    assert all(0 < step < 90_000 * 10 for step in steps)
    tl0 = [body(p)[4] for p in packets]
    assert all(0 <= (b - a) & 0xFF <= 1 for a, b in itertools.pairwise(tl0))


def test_sender_reports_align_the_layers_timestamps() -> None:
    scene = Scene(video_spec("v", streams=LAYERS))
    low, high = scene.stream("q", 30), scene.stream("f", 32)
    scene.attach()
    arrival.receive(low, 1, 90_000, 0, keyframe(1), 1.0)
    # At one instant of the publisher's clock the layers stand at 90,000 and 5,000,000.
    low.sender_ntp = high.sender_ntp = 1 << 40
    low.sender_rtp, high.sender_rtp = 90_000, 5_000_000
    arrival.receive(high, 1, 5_009_000, 0, keyframe(5), 1.1)
    assert stamps(scene.take()) == [90_000, 99_000]


def test_a_resend_over_rtx_carries_the_shifted_picture_id() -> None:
    scene = Scene(video_spec("v", streams=LAYERS))
    low, high = scene.stream("q", 30), scene.stream("f", 32)
    scene.attach()
    arrival.receive(low, 1, 0, 0, keyframe(50), 1.0)
    arrival.receive(high, 9, 0, 0, keyframe(10), 1.0)
    sent = scene.take()
    assert picture_ids(sent) == [50, 51]
    assert scene.forwarder.resend(scene.down, seqs(sent), 2.0, 0.0) == 2
    again = scene.take()
    assert [body(p)[:2] for p in again] == [p[2:4] for p in sent]
    assert [body(p)[2:] for p in again] == [body(p) for p in sent]
    assert {p[1] & 0x7F for p in again} == {101}
    assert [rtp.HEADER.unpack_from(p)[4] for p in again] == [7001, 7001]
    assert scene.forwarder.resend(scene.down, seqs(sent), 2.001, 0.05) == 0


def test_a_resend_without_rtx_is_the_very_same_datagram() -> None:
    scene = Scene(rtx=False)
    stream = scene.stream()
    scene.attach()
    arrival.receive(stream, 1, 0, 0, keyframe(1), 1.0)
    scene.forwarder.flush(1.0)
    scene.outbox.flush(scene.now)
    (first,) = scene.wire.datagrams()
    scene.wire.messages.clear()
    assert scene.forwarder.resend(scene.down, [100, 99, 101], 2.0, 0.0) == 1
    scene.outbox.flush(scene.now)
    assert scene.wire.datagrams() == [first]


def test_requests_that_cannot_be_answered_cost_the_receiver_nothing() -> None:
    scene = Scene(rtx=False)
    stream = scene.stream()
    scene.attach()
    arrival.receive(stream, 1, 0, 0, keyframe(1), 1.0)
    scene.take()
    # By then its place is another's.
    scene.down.resends.keep(100 + RING, b"")
    for number in range(200):
        assert scene.forwarder.resend(scene.down, [100], 2.0 + number, 0.0) == 0
    assert not scene.down.resends.limiter.spent


def test_a_refused_packet_never_leaves_in_clear() -> None:
    scene = Scene()
    stream = scene.stream()
    scene.attach()
    arrival.receive(stream, 1, 0, 0, keyframe(1), 1.0)
    scene.take()
    assert scene.down.segment is not None
    # The next packet would use the same number again.
    scene.down.segment.seq_delta -= 1
    stream.output.remove(scene.down)
    stream.output.add(scene.down)
    arrival.receive(stream, 2, 0, 0, delta_frame(2), 1.0)
    scene.forwarder.flush(1.0)
    scene.outbox.flush(scene.now)
    (wiped,) = scene.wire.datagrams()
    assert not any(wiped[:-16])
    assert scene.forwarder.refused == 1


def test_a_changed_ssrc_waits_for_a_keyframe_and_goes_on() -> None:
    scene = Scene()
    arrival.receive(scene.stream(ssrc=1000), 1, 0, 0, keyframe(1), 1.0)
    scene.attach()
    fresh = scene.stream(ssrc=2000)
    arrival.receive(fresh, 500, 77, 0, delta_frame(9), 1.0)
    assert fresh.requester.wanted
    arrival.receive(fresh, 501, 80, 0, keyframe(10), 1.0)
    assert seqs(scene.take()) == [100, 101]


def test_keyframe_requests_are_throttled_the_more_the_less_they_bring() -> None:
    scene = Scene()
    stream = scene.stream()
    arrival.receive(stream, 1, 0, 0, delta_frame(1), 1.0)
    stream.requester.wanted = True
    asked = [now / 100 for now in range(100, 900) if stream.requester.due(now / 100)]
    assert asked == [1.0, 1.5, 2.5, 4.0, 6.0, 8.0]
    arrival.receive(stream, 2, 0, 0, keyframe(2), 9.0)
    scene.forwarder.flush(9.0)
    assert not stream.requester.due(10.0)
    stream.requester.wanted = True
    asked = [now / 100 for now in range(900, 1000) if stream.requester.due(now / 100)]
    assert asked == [9.0, 9.5]
