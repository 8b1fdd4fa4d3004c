"""Who gets a track's packets in plaintext, what they are, and what a bad sink may spoil."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from sfu import control
from sfu.codecs import red
from sfu.receive import arrival
from sfu.receive.rtp_stream import RtpStream
from sfu.wire.packet import MARKER, PAYLOAD, SEQ, Packet
from tests.sfu.fan_out import Scene, body, seqs
from tests.sfu.peers import audio_spec, delta_frame, keyframe, video_spec


class Tape:
    """A sink that keeps what it gets."""

    def __init__(self) -> None:
        self.got: list[Packet] = []
        self.arrivals: list[float] = []
        self.ssrcs: list[int] = []
        self.over = 0

    def packets(self, stream: RtpStream, packets: Sequence[Packet], now: float) -> None:
        self.got += packets
        self.arrivals += [now] * len(packets)
        self.ssrcs.append(stream.ssrc)

    def closed(self) -> None:
        self.over += 1

    @property
    def numbers(self) -> list[int]:
        return [packet[SEQ] for packet in self.got]


class Torn(Tape):
    """One that fails at everything."""

    def packets(self, stream: RtpStream, packets: Sequence[Packet], now: float) -> None:
        super().packets(stream, packets, now)
        raise RuntimeError("torn")

    def closed(self) -> None:
        super().closed()
        raise RuntimeError("torn")


def voice(scene: Scene, first: int, count: int = 3) -> None:
    """So many packets of 20 ms, and all that is pending sent on."""
    stream = scene.stream("", 500)
    for number in range(first, first + count):
        payload = b"\x78" + number.to_bytes(4, "big")
        arrival.receive(stream, number & 0xFFFF, number * 960 & 0xFFFFFFFF, 0, payload, scene.now)
    scene.forwarder.flush(scene.now)


@pytest.fixture
def scene() -> Scene:
    return Scene(audio_spec("a"))


@pytest.mark.parametrize("first", [0, 32766, 65534])
def test_a_sink_gets_what_receivers_get_with_numbers_that_do_not_wrap(
    scene: Scene, first: int
) -> None:
    scene.attach()
    tape = Tape()
    scene.track.add_sink(tape)
    voice(scene, first, 5)
    assert [number - tape.numbers[0] for number in tape.numbers] == [0, 1, 2, 3, 4]
    assert [packet[PAYLOAD] for packet in tape.got] == [body(packet) for packet in scene.take()]
    assert tape.arrivals == [scene.now] * 5
    assert set(tape.ssrcs) == {500}


def test_without_any_receiver_a_sink_gets_everything_all_the_same(scene: Scene) -> None:
    tape = Tape()
    scene.track.add_sink(tape)
    voice(scene, 7, 4)
    assert len(tape.got) == 4


def test_sinks_come_and_go_while_packets_flow(scene: Scene) -> None:
    scene.attach()
    early, late = Tape(), Tape()
    scene.track.add_sink(early)
    voice(scene, 0)
    scene.track.add_sink(late)
    voice(scene, 3)
    scene.track.remove_sink(early)
    scene.track.remove_sink(early)
    voice(scene, 6)
    first = early.numbers[0]
    assert [number - first for number in early.numbers] == [0, 1, 2, 3, 4, 5]
    assert [number - first for number in late.numbers] == [3, 4, 5, 6, 7, 8]
    assert len(scene.take()) == 9


def test_a_sink_that_raises_is_taken_off_and_harms_nobody(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.attach()
    torn, tape = Torn(), Tape()
    scene.track.add_sink(torn)
    scene.track.add_sink(tape)
    voice(scene, 0)
    voice(scene, 3)
    # The first packet of a stream goes by itself.
    assert len(torn.got) == 1
    assert len(tape.got) == len(scene.take()) == 6
    assert ["track a" in record.getMessage() for record in caplog.records] == [True]


def test_at_the_end_of_the_track_each_sink_is_notified_once_whatever_others_do(
    scene: Scene,
) -> None:
    torn, tape = Torn(), Tape()
    scene.track.add_sink(torn)
    scene.track.add_sink(tape)
    scene.track.transport_closed()
    scene.track.transport_closed()
    assert (torn.over, tape.over) == (1, 1)


def test_a_packet_of_a_voice_that_came_late_follows(scene: Scene) -> None:
    scene.attach()
    tape = Tape()
    scene.track.add_sink(tape)
    voice(scene, 10, 1)
    voice(scene, 12, 1)
    voice(scene, 11, 1)
    assert [number - tape.numbers[0] for number in tape.numbers] == [0, 2, 1]


def test_redundancy_ends_before_a_sink() -> None:
    scene = Scene(audio_spec("a", red_payload_type=63))
    tape = Tape()
    scene.track.add_sink(tape)
    stream = scene.stream("", 500)
    frames = [b"\x78one", b"\x78two", b"\x78three"]
    arrival.receive(stream, 1, 960, 0, frames[0], 1.0)
    redundant = red.encode(frames[2], 2880, [(1920, frames[1]), (960, frames[0])], 111)
    assert arrival.receive_redundant(stream, 3, 2880, redundant, 1.06) is None
    scene.forwarder.flush(1.06)
    assert [packet[PAYLOAD] for packet in tape.got] == frames


def test_video_reaches_a_sink_repaired_and_in_order() -> None:
    scene = Scene(video_spec("v"))
    scene.attach()
    tape = Tape()
    scene.track.add_sink(tape)
    stream = scene.stream()
    for seq in (0, 1, 3, 4, 2):
        payload = delta_frame(seq) if seq else keyframe(0)
        arrival.receive(stream, seq, seq * 3000, MARKER, payload, 1.0)
    scene.forwarder.flush(1.0)
    assert [number - tape.numbers[0] for number in tape.numbers] == [0, 1, 2, 3, 4]
    assert seqs(scene.take()) == [100, 101, 102, 103, 104]


def test_a_sink_alone_is_reason_enough_to_ask_for_a_keyframe() -> None:
    scene = Scene(video_spec("v"))
    stream = scene.stream()
    arrival.receive(stream, 0, 0, MARKER, delta_frame(0), 1.0)
    assert not stream.requester.wanted
    assert not stream.output.is_wanted
    tape = Tape()
    scene.track.add_sink(tape)
    assert stream.requester.wanted
    assert stream.output.is_wanted
    scene.track.remove_sink(tape)
    assert not stream.output.is_wanted


def test_no_layer_rests_while_a_sink_is_there() -> None:
    layers = tuple(control.StreamSpec(rid=rid, ssrc=30 + n) for n, rid in enumerate("qhf"))
    scene = Scene(video_spec("v", streams=layers))
    scene.track.add_sink(Tape())
    for n, rid in enumerate("qhf"):
        arrival.receive(scene.stream(rid, 30 + n), 0, 0, MARKER, keyframe(0), 1.0)
    scene.attach()
    scene.track.tick(1.1)
    for tenth in range(100):
        scene.track.changed_demand(1.2 + tenth / 10)
    assert scene.track.demand is not None
    assert set(scene.track.demand.wanted) == {0, 1, 2}


def test_another_ssrc_of_the_same_layer_goes_to_the_same_sink(scene: Scene) -> None:
    tape = Tape()
    scene.track.add_sink(tape)
    voice(scene, 0)
    fresh = scene.stream("", 501)
    arrival.receive(fresh, 9, 0, 0, b"\x78new", 2.0)
    assert tape.ssrcs[-1] == 501
