"""What the codec interface promises where a capability is missing, and what VP8 fills in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sfu.codecs import opus, vp8
from sfu.codecs.codec import BASE_LOST, NO_NUMBERS, NO_SHIFT, Codec, FrameNumbers, scan_by
from sfu.codecs.registry import CODECS, find
from sfu.receive import arrival, in_order
from sfu.send.layer_selector import TemporalFilter
from sfu.wire.packet import MARKER
from tests.sfu import h264
from tests.sfu.fan_out import Scene, body, seqs
from tests.sfu.peers import delta_frame, keyframe, video_spec
from tests.sfu.vp8_frames import THREE_LAYERS, make_frames

BARE = Codec(name="bare", kind="video", clock_rate=90000)
PAYLOADS = [
    keyframe(3),
    b"\x80\xe0\x80\x03\x07\x00tail",
    delta_frame(4),
    b"\x10",
    delta_frame(5),
    keyframe(6),
]


def test_codecs_are_found_by_the_name_that_is_theirs() -> None:
    assert {name: find(name).name for name in CODECS} == {"opus": "opus", "VP8": "VP8"}
    with pytest.raises(KeyError):
        find("H264")


def test_clocks_are_those_of_the_payload_formats() -> None:
    assert [(c.kind, c.clock_rate, c.channels) for c in CODECS.values()] == [
        ("audio", 48000, 2),
        ("video", 90000, 1),
    ]


@pytest.mark.parametrize("codec", [BARE, opus.CODEC])
def test_without_frames_there_are_neither_keyframes_nor_sizes(codec: Codec) -> None:
    for payload in PAYLOADS:
        assert not codec.is_keyframe(payload)
        assert not codec.begins_frame(payload)
        assert codec.dimensions(payload) is None
    assert codec.scan(PAYLOADS) == (0, [])


@pytest.mark.parametrize("codec", [BARE, h264.CODEC])
def test_without_frame_numbers_nothing_is_patched_and_no_order_is_known(codec: Codec) -> None:
    data = bytearray(PAYLOADS[0])
    codec.patch(data, 0, PAYLOADS[0], (5, 5))
    assert data == PAYLOADS[0]
    assert codec.numbers(PAYLOADS[0], (5, 5)) == NO_NUMBERS
    assert codec.continued(FrameNumbers(7, 7), PAYLOADS[0], (3, 3)) == NO_SHIFT
    assert not codec.follows(PAYLOADS[0], PAYLOADS[2])


def test_without_temporal_layers_only_a_keyframe_ends_a_gap() -> None:
    assert h264.CODEC.temporal_id(PAYLOADS[0]) == -1
    assert h264.CODEC.resumes(PAYLOADS[0], True, PAYLOADS[2]) == BASE_LOST


def test_without_pauses_a_voice_just_ends() -> None:
    voice = replace(BARE, kind="audio")
    assert voice.pause == ()
    assert not voice.announces_pause(b"\x78")
    assert not voice.is_silent(b"\x78")


def test_vp8_scans_a_batch_as_its_packets_say_one_by_one() -> None:
    assert vp8.scan(PAYLOADS) == scan_by(vp8.begins_frame, vp8.is_keyframe)(PAYLOADS)
    assert vp8.scan(PAYLOADS) == (5, [0, 5])


def test_vp8_goes_on_with_the_shift_it_had_where_that_still_fits() -> None:
    """So what is sent after a pause of the same stream need not be patched more than before."""
    last = vp8.numbers(delta_frame(100), (10, 2))
    assert vp8.continued(last, keyframe(101), (10, 2)) == (10, 2)
    assert vp8.continued(last, keyframe(100 + vp8.LONGEST_JUMP - 1), (10, 2)) == (10, 2)
    # Numbers that may look older, and another stream, begin right after what was sent last.
    assert vp8.continued(last, keyframe(100 + vp8.LONGEST_JUMP), (10, 2))[0] != 10
    for before in ((10, 2), None):
        assert vp8.continued(last, keyframe(100), before)[0] == 11
    assert vp8.continued(NO_NUMBERS, keyframe(9), (0, 0)) == NO_SHIFT


def test_a_filter_of_temporal_layers_lets_a_codec_without_them_pass() -> None:
    """The same packets of VP8 lose their upper layers."""
    packets = [packet for frame in make_frames(THREE_LAYERS, 12) for packet in frame]
    for codec, whole in ((h264.CODEC, True), (vp8.CODEC, False)):
        chosen = TemporalFilter(codec)
        chosen.limit = 0
        kept = [packet for run in chosen.filter(packets) if run.kept for packet in run.packets]
        assert (kept == packets) is whole


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    """One stream of H.264 to one receiver."""
    monkeypatch.setitem(CODECS, "H264", h264.CODEC)
    found = Scene(video_spec("v", codec="H264"))
    found.attach()
    return found


def test_behind_a_gap_such_a_stream_goes_on_at_a_keyframe_that_was_asked_for(scene: Scene) -> None:
    stream = scene.stream()
    first = [*h264.PARAMETERS, h264.fragment(1)]
    for seq, payload in enumerate(first, 65534):
        marker = MARKER if seq == 65536 else 0
        arrival.receive(stream, seq & 0xFFFF, 0, marker, payload, 1.0)
    sent = scene.take()
    # A whole frame is missing (65537): not padding, for all that is known.
    arrival.receive(stream, 2, 6000, MARKER, h264.slice_of(3), 1.0)
    in_order.check(stream, 1.0 + in_order.MOST_PATIENCE, 0.1)
    assert scene.take() == []
    assert stream.requester.wanted
    again = [*h264.PARAMETERS, h264.fragment(4)]
    for seq, payload in enumerate(again, 3):
        arrival.receive(stream, seq, 9000, MARKER if seq == 5 else 0, payload, 2.0)
    sent += scene.take()
    assert [body(packet) for packet in sent] == first + again
    numbers = seqs(sent)
    assert numbers == list(range(numbers[0], numbers[0] + len(sent)))
    assert (stream.counts.keyframes, stream.frames.count) == (2, 2)
    assert not stream.requester.wanted
