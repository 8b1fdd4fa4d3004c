"""Behind a gap video waits: for the repair, for a frame that can be used, not for padding."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.receive import arrival, in_order
from sfu.receive.rtp_stream import RtpStream
from sfu.wire.packet import MARKER, Packet
from tests.sfu.congestion.link import VirtualLink
from tests.sfu.fan_out import Scene, body, seqs
from tests.sfu.peers import audio_spec, video_spec
from tests.sfu.room_link import Room
from tests.sfu.room_sources import LayerPlan
from tests.sfu.room_uplink import Uplink
from tests.sfu.vp8_frames import THREE_LAYERS, make_frames

SEEDS = (1, 2)
BOUNDARIES = (0, 32766, 65534)
"""First numbers: the series wraps, or the sign of its difference does."""
RTT = 0.1
PLAIN = ((-1, 0),)
"""No temporal layers."""


class Series:
    """Frames of two packets each, to be given to a stream in whatever order."""

    def __init__(self, pattern: tuple[tuple[int, int], ...] = PLAIN, first: int = 0) -> None:
        self.scene = Scene()
        self.stream: RtpStream = self.scene.stream()
        frames = make_frames(pattern, 40, seq=first)
        self.packets: list[Packet] = [packet for frame in frames for packet in frame]
        self.scene.attach()
        self.now = 1.0
        self.sent: list[bytes] = []

    def give(self, *places: int) -> Series:
        """The packets at these places arrive."""
        for place in places:
            seq, timestamp, marker, payload = self.packets[place]
            arrival.receive(self.stream, seq & 0xFFFF, timestamp, marker, payload, self.now)
        self.sent += self.scene.take()
        return self

    def check(self, seconds: float = 0.0, rtt: float = RTT) -> Series:
        """As the repair tick, `seconds` later."""
        self.now += seconds
        in_order.check(self.stream, self.now, rtt)
        self.sent += self.scene.take()
        return self

    def assert_sent(self, *places: int) -> None:
        """Just these have left, numbered without a hole."""
        assert [body(packet) for packet in self.sent] == [self.packets[p][3] for p in places]
        numbers = seqs(self.sent)
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


@pytest.mark.parametrize("first", BOUNDARIES)
def test_what_is_behind_a_gap_leaves_with_the_repair_in_order(first: int) -> None:
    series = Series(first=first).give(0, 1, 2, 4, 5)
    series.assert_sent(0, 1, 2)
    series.give(6, 3, 7)
    series.assert_sent(*range(8))
    assert series.stream.gate == -1
    assert series.stream.fast_payload_type == series.stream.track.spec.payload_type


@pytest.mark.parametrize("first", BOUNDARIES)
def test_of_several_gaps_each_is_waited_for(first: int) -> None:
    series = Series(first=first).give(0, 1, 3, 5, 6, 8, 2)
    series.assert_sent(*range(4))
    series.give(7)
    series.assert_sent(*range(4))
    series.give(4)
    series.assert_sent(*range(9))


def test_a_repair_is_waited_for_as_long_as_answers_may_come() -> None:
    series = Series().give(0, 1, 2, 4, 5).check(0.3)
    assert not series.stream.requester.wanted
    series.give(3)
    series.assert_sent(*range(6))


def test_one_that_does_not_come_in_time_is_waited_for_while_a_keyframe_is_asked_for() -> None:
    series = Series().give(0, 1, 2, 4, 5).check(in_order.MOST_PATIENCE)
    assert series.stream.requester.wanted
    series.give(6)
    series.assert_sent(0, 1, 2)
    series.give(3)
    series.assert_sent(*range(7))


def keyframe_at(series: Series, place: int) -> None:
    """Let the frame that begins there be a keyframe."""
    (again,) = make_frames(PLAIN, 1, seq=series.packets[place][0], picture_id=place // 2)
    for offset, packet in enumerate(again):
        series.packets[place + offset] = (packet[0], series.packets[place][1], *packet[2:])


def test_a_keyframe_ends_the_wait_when_the_repair_is_overdue() -> None:
    series = Series()
    keyframe_at(series, 8)
    series.give(0, 1, 2, *range(4, 10)).check(1.2 * RTT)
    series.assert_sent(0, 1, 2)
    series.check(0.2 * RTT)
    series.assert_sent(0, 1, 2, 8, 9)
    series.give(3, 10)
    series.assert_sent(0, 1, 2, 8, 9, 10)


def test_a_keyframe_that_was_asked_for_is_sent_at_once() -> None:
    series = Series()
    keyframe_at(series, 8)
    series.give(0, 1, 2, 4, 5).check(in_order.MOST_PATIENCE).give(6, 7, 8)
    series.assert_sent(0, 1, 2, 8)
    assert not series.stream.requester.wanted
    assert len(series.stream.nack or ()) == 0


def test_a_publisher_that_answers_nothing_is_sent_on_in_the_end() -> None:
    series = Series().give(0, 1, 2, 4, 5, 6).check(in_order.MOST_PATIENCE)
    series.check(in_order.LAST_RESORT - 0.1)
    series.assert_sent(0, 1, 2)
    series.check(0.2)
    series.assert_sent(0, 1, 2, 4, 5, 6)
    assert series.stream.requester.wanted


def test_with_temporal_layers_the_next_frame_of_the_base_layer_will_do() -> None:
    # Half of frame 3 is lost, which is of the top layer; frame 4 is of the base layer.
    series = Series(THREE_LAYERS).give(*range(6), 7, 8, 9)
    series.assert_sent(*range(6))
    series.check(in_order.MOST_PATIENCE).give(10)
    series.assert_sent(*range(6), 8, 9, 10)
    assert not series.stream.requester.wanted
    # The same with what was lost at hand before the base layer is.
    series = Series(THREE_LAYERS).give(*range(6), 7).check(in_order.MOST_PATIENCE).give(8)
    series.assert_sent(*range(6), 8)


def test_with_temporal_layers_a_lost_base_layer_needs_a_keyframe() -> None:
    series = Series(THREE_LAYERS).give(*range(8), *range(10, 16)).check(in_order.MOST_PATIENCE)
    series.assert_sent(*range(8))
    assert series.stream.requester.wanted
    series.give(16, 17)
    series.assert_sent(*range(8))


def test_padding_that_was_lost_is_not_waited_for() -> None:
    series = Series()
    series.packets = [
        (seq + 3 * (place >= 4), *rest) for place, (seq, *rest) in enumerate(series.packets)
    ]
    series.give(0, 1, 2, 3)
    # 4 and 6 are lost.
    arrival.skip_padding(series.stream, 5, 0, series.now)
    series.give(4, 5)
    series.assert_sent(*range(6))


def test_padding_behind_a_gap_is_closed_up_when_the_gap_is_repaired() -> None:
    series = Series()
    series.packets = [
        (seq + 2 * (place >= 4), *rest) for place, (seq, *rest) in enumerate(series.packets)
    ]
    series.give(0, 1, 2)
    for number in (4, 5):
        arrival.skip_padding(series.stream, number, 0, series.now)
    series.give(4, 5)
    series.assert_sent(0, 1, 2)
    series.give(3)
    series.assert_sent(*range(6))


def test_after_an_outage_nothing_is_waited_for_but_a_keyframe() -> None:
    series = Series().give(0, 1, 2)
    series.now += 5.0
    series.give(60)
    assert series.stream.requester.wanted


def test_on_a_still_screen_a_single_packet_is_waited_for() -> None:
    series = Series().give(0, 1, 2)
    series.now += 5.0
    series.give(4)
    assert not series.stream.requester.wanted
    series.give(3)
    series.assert_sent(*range(5))


def test_a_gap_too_large_to_ask_for_needs_a_keyframe() -> None:
    series = Series().give(0, 1)
    series.packets[10] = (2000, *series.packets[10][1:])
    series.give(10).check()
    assert series.stream.requester.wanted


def test_who_comes_meanwhile_gets_nothing_twice() -> None:
    series = Series().give(0, 1, 2, 4, 5)
    series.scene.track.detach(series.scene.down)
    series.scene.attach()
    series.give(3)
    numbers = seqs(series.sent)
    assert len(set(numbers)) == len(numbers)


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["media", "media", "media", "padding", "check"]),
        st.integers(-30, 40),
        st.integers(0, 5),
    ),
    max_size=120,
)


@given(EVENTS, st.sampled_from(BOUNDARIES), st.sampled_from([PLAIN, THREE_LAYERS]))
@settings(deadline=None, max_examples=200)
def test_whatever_comes_what_leaves_is_numbered_without_a_hole(
    events: list[tuple[str, int, int]], first: int, pattern: tuple[tuple[int, int], ...]
) -> None:
    series = Series(pattern, first).give(0)
    frames = make_frames(pattern, 400, seq=first, keyframes=(0, 60, 61, 150))
    packets = [packet for frame in frames for packet in frame]
    place = 0
    for kind, step, tenths in events:
        series.now += tenths / 10
        if kind == "check":
            series.check()
            continue
        place = max(0, min(len(packets) - 1, place + (step if step % 3 else 1)))
        seq, timestamp, marker, payload = packets[place]
        if kind == "media":
            arrival.receive(series.stream, seq & 0xFFFF, timestamp, marker, payload, series.now)
        else:
            arrival.skip_padding(series.stream, seq & 0xFFFF, timestamp, series.now)
        series.stream.tick(series.now)
    series.sent += series.scene.take()
    numbers = seqs(series.sent)
    assert numbers == list(range(100, 100 + len(numbers)))


def test_voices_and_videos_that_nobody_may_ask_for_do_not_wait() -> None:
    for spec in (audio_spec("a"), video_spec("v", nack=False)):
        scene = Scene(spec)
        stream = scene.stream(ssrc=500)
        scene.attach()
        packets = [packet for frame in make_frames(PLAIN, 4) for packet in frame]
        for seq, timestamp, marker, payload in (packets[0], packets[1], packets[3]):
            arrival.receive(stream, seq, timestamp, marker, payload, 1.0)
            scene.attach() if stream.newest is packets[0] else None
        assert stream.gate == -1


def test_work_behind_a_gap_does_not_grow_with_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = 0
    judge = in_order._judge

    def count(before: Packet | None, packet: Packet) -> int:
        nonlocal looked
        looked += 1
        return judge(before, packet)

    monkeypatch.setattr(in_order, "_judge", count)
    series = Series(THREE_LAYERS).give(0, 1, 2, 4).check(in_order.MOST_PATIENCE)
    seq, timestamp, _, payload = series.packets[4]
    for number in range(5, 3000):
        arrival.receive(series.stream, seq + number, timestamp, MARKER, payload, series.now)
    assert looked < 10


@pytest.mark.parametrize("temporal", [True, False])
@pytest.mark.parametrize(("loss", "rtt", "most"), [(0.02, 0.15, 1.0), (0.05, 0.1, 0.5)])
def test_a_viewer_of_a_far_and_lossy_publisher_asks_for_nothing_and_sees_all(
    loss: float, rtt: float, most: float, temporal: bool
) -> None:
    """`most` is what a minute is frozen for on average, in seconds: minutes differ fourfold."""
    frozen = []
    for seed in (1, 2, 3):
        uplink = Uplink(loss, rtt, seed)
        plans = (LayerPlan("f", 640, 360, 700_000),)
        link = VirtualLink(100e6, seed=seed)
        room = Room(link, 1, plans, temporal=temporal, seed=seed, uplink=uplink)
        room.view(("v0", 640, 360, "main"))
        room.run(65)
        video, sound = room.videos["v0"], room.sounds["a0"]
        assert video.asked_for == []
        assert video.fps(5, 65) > 24.8
        assert video.longest_gap(5, 65) < 0.5
        assert room.cameras[0].layers[0].stream.counts.keyframes <= 2
        # A voice is never held: half the round trip, and the answers that still come in time.
        assert sound.longest_delay(5, 65) < rtt / 2 + 0.03
        frozen.append(video.frozen(5, 65))
    assert sum(frozen) / len(frozen) < most
